// What the supervisor is made of, and what the sandbox refuses: tried in children of this process.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "proxyd/process/child_process.h"
#include "proxyd/process/message.h"
#include "proxyd/process/sandbox.h"
#include "proxyd/process/socket_store.h"

namespace proxyd {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  OwnedFd ours, theirs;
};

TEST_CASE("MessagesArriveAsTheyWereSent") {
  const Pair pair;
  ProcessMessage sent{.kind = ProcessMessage::Kind::kOpenSockets,
                      .protocol = 1,
                      .port = 8080,
                      .count = 7,
                      .text = std::string("127.0.0.1\0web", 13)};
  sent.fds.emplace_back(::dup(0));
  sent.fds.emplace_back(::dup(0));
  REQUIRE(send_message(pair.ours.get(), sent, Waiting::kNo));
  const auto got = receive_message(pair.theirs.get(), Waiting::kNo);
  REQUIRE(got);
  CHECK(got->kind == sent.kind);
  CHECK(got->protocol == 1);
  CHECK(got->port == 8080);
  CHECK(got->count == 7);
  CHECK(got->text == sent.text);
  REQUIRE(got->fds.size() == 2);
  CHECK((fcntl(got->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("NonsenseIsNoMessage") {
  const Pair pair;
  for (const std::string& packet : {std::string("x"), std::string(9, '\xff'), std::string(8000, '\0')}) {
    REQUIRE(::send(pair.ours.get(), packet.data(), packet.size(), 0) > 0);
    const auto got = receive_message(pair.theirs.get(), Waiting::kNo);
    REQUIRE(!got);
    CHECK(got.error() == EBADMSG);
  }
}

TEST_CASE("TheOtherEndsEndIsNoMessageEither") {
  Pair pair;
  const auto nothing = receive_message(pair.theirs.get(), Waiting::kNo);
  REQUIRE(!nothing);
  CHECK(nothing.error() == EAGAIN);
  pair.ours.reset();
  const auto end = receive_message(pair.theirs.get(), Waiting::kYes);
  REQUIRE(!end);
  CHECK(end.error() == EPIPE);
}

TEST_CASE("ASocketStoreGivesTheSameSocketsAgain") {
  SocketStore store;
  const ingress::SocketRequest request{.address = "127.0.0.1", .listener = "web", .count = 2};
  const auto first = store.open(request);
  REQUIRE(first);
  REQUIRE((*first)->fds.size() == 2);
  const int fd = (*first)->fds.front().get();
  const std::uint16_t port = (*first)->port;
  const auto again = store.open(request);
  REQUIRE(again);
  CHECK((*again)->fds.front().get() == fd);
  CHECK((*again)->port == port);
  CHECK(store.size() == 1);
  store.give_up(request);
  CHECK(store.size() == 0);
  CHECK(fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("ASocketStoreIsBounded") {
  SocketStore store;
  CHECK(!store.open({.address = "127.0.0.1", .count = 0}));
  CHECK(!store.open({.address = "127.0.0.1", .count = SocketStore::kMaxSockets + 1}));
  CHECK(!store.open({.address = "no address", .count = 1}));
  CHECK(store.size() == 0);
}

TEST_CASE("AChildThatDiesAtOnceAgainAndAgainHasToWait") {
  RestartClock clock;
  auto now = RestartClock::Clock::now();
  clock.on_start(now);
  CHECK(clock.on_end(now) == now);
  auto longest = std::chrono::nanoseconds(0);
  for (int round = 0; round < 20; ++round) {
    clock.on_start(now);
    const auto next = clock.on_end(now);
    CHECK(next > now);
    CHECK(next <= now + std::chrono::seconds(3));
    longest = std::max(longest, next - now);
  }
  CHECK(longest > std::chrono::seconds(1));
  clock.on_start(now);
  now += std::chrono::seconds(2);  // it lived
  CHECK(clock.on_end(now) == now);
}

// Runs `call` behind the filter, in a process of its own: its exit code, which is 200 when there is no
// filter.
int behind_filter(const std::function<int()>& call) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);  // what is refused is logged
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !install_call_filter()) _exit(200);
    _exit(call());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

// ThreadSanitizer makes calls of its own in a forked process that runs behind the filter, and does not
// survive their being refused. There the end-to-end tests alone have the filter in force.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PROXYD_HAS_THREAD_SANITIZER true
#endif
#endif
#ifndef PROXYD_HAS_THREAD_SANITIZER
#define PROXYD_HAS_THREAD_SANITIZER false
#endif

TEST_CASE("TheFilterRefusesWhatServingNeverNeeds" * doctest::skip(PROXYD_HAS_THREAD_SANITIZER)) {
  const auto error_of = [](long result) { return result >= 0 ? 0 : errno; };
  CHECK(behind_filter([&] { return error_of(::open("/tmp/proxyd-test-file", O_WRONLY | O_CREAT, 0600)); }) ==
        EPERM);
  CHECK(behind_filter([&] { return error_of(::open("/etc/hosts", O_RDWR)); }) == EPERM);
  CHECK(behind_filter([&] { return error_of(::unlink("/tmp/proxyd-test-file")); }) == EPERM);
  CHECK(behind_filter([&] { return error_of(::execl("/bin/true", "true", nullptr)); }) == EPERM);
  CHECK(behind_filter([&] { return error_of(::fork()); }) == EPERM);
  CHECK(behind_filter([&] { return error_of(::socket(AF_PACKET, SOCK_RAW, 0)); }) == EAFNOSUPPORT);
  CHECK(behind_filter([&] {
          const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
          return fd < 0 ? 201 : error_of(::listen(fd, 1));
        }) == EPERM);
}

TEST_CASE("TheFilterLetsServingBe" * doctest::skip(PROXYD_HAS_THREAD_SANITIZER)) {
  CHECK(behind_filter([] { return ::open("/etc/hosts", O_RDONLY) >= 0 ? 0 : errno; }) == 0);
  CHECK(behind_filter([] { return ::socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ? 0 : errno; }) == 0);
  CHECK(behind_filter([] { return ::memfd_create("x", MFD_CLOEXEC) >= 0 ? 0 : errno; }) == 0);
  CHECK(behind_filter([] {
          int seen = 1;
          std::thread([&] { seen = 0; }).join();
          return seen;
        }) == 0);
}

}  // namespace
}  // namespace proxyd
