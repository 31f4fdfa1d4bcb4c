#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

#include "net/net_fixture.h"

namespace {

using ingress::ErrorCode;
using ingress::net::bind_listening;
using ingress::test::RawSocket;

struct Fds {
  explicit Fds(std::vector<int> its_fds) : fds(std::move(its_fds)) {}
  Fds(const Fds&) = delete;
  Fds& operator=(const Fds&) = delete;
  ~Fds() {
    for (const int fd : fds) ::close(fd);
  }
  std::vector<int> fds;
};

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

bool has_client(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int accepted = ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
  if (accepted < 0) return false;
  CHECK(option(accepted, IPPROTO_TCP, TCP_NODELAY) != 0);
  ::close(accepted);
  return true;
}

TEST_CASE("Several sockets share one chosen port, and each gets clients") {
  for (const std::string address : {"127.0.0.1", "::1"}) {
    CAPTURE(address);
    const auto bound = bind_listening(address, 0, 2);
    REQUIRE(bound);
    const Fds fds(bound->fds);
    REQUIRE(fds.fds.size() == 2);
    CHECK(bound->port != 0);
    std::vector<RawSocket> clients;
    std::size_t num_first = 0;
    std::size_t num_second = 0;
    for (int i = 0; i < 64; ++i) clients.push_back(RawSocket::connect_to(address, bound->port));
    while (has_client(fds.fds[0])) ++num_first;
    while (has_client(fds.fds[1])) ++num_second;
    CHECK(num_first + num_second == clients.size());
    CHECK(num_first > 0);
    CHECK(num_second > 0);
  }
}

TEST_CASE("A port that somebody listens on is an error, with and without SO_REUSEPORT there") {
  for (const unsigned num_theirs : {1U, 2U}) {
    for (const unsigned num_ours : {1U, 2U}) {
      CAPTURE(num_theirs);
      CAPTURE(num_ours);
      const auto theirs = bind_listening("127.0.0.1", 0, num_theirs);
      REQUIRE(theirs);
      const Fds fds(theirs->fds);
      const auto ours = bind_listening("127.0.0.1", theirs->port, num_ours);
      REQUIRE_FALSE(ours);
      CHECK(ours.error().code == ErrorCode::kIo);
      CHECK(ours.error().text() == "address in use: 127.0.0.1:" + std::to_string(theirs->port));
    }
  }
}

TEST_CASE("A port is free again at once, although connections of it linger") {
  std::uint16_t port = 0;
  {
    const auto bound = bind_listening("127.0.0.1", 0, 2);
    REQUIRE(bound);
    const Fds fds(bound->fds);
    port = bound->port;
    const RawSocket client = RawSocket::connect_to("127.0.0.1", port);
    const int served = has_client(fds.fds[0]) ? 0 : 1;  // closes first: the TIME_WAIT is on our side
    if (served == 1) CHECK(has_client(fds.fds[1]));
    CHECK(client.receive().empty());
  }
  const auto again = bind_listening("127.0.0.1", port, 2);
  REQUIRE(again);
  const Fds fds(again->fds);
}

TEST_CASE("Listening sockets are close-on-exec and non-blocking") {
  const auto bound = bind_listening("127.0.0.1", 0, 1);
  REQUIRE(bound);
  const Fds fds(bound->fds);
  CHECK((::fcntl(fds.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(fds.fds[0], F_GETFL) & O_NONBLOCK) != 0);
  CHECK(option(fds.fds[0], SOL_SOCKET, SO_REUSEPORT) == 0);
}

TEST_CASE("Addresses that are none, or not ours, are errors that name them") {
  for (const std::string address : {"", "localhost", "127.0.0.1:80", "[::1]", "1.2.3.4.5", "unix:"}) {
    CAPTURE(address);
    const auto bound = bind_listening(address, 8080, 1);
    REQUIRE_FALSE(bound);
    CHECK(bound.error().code == ErrorCode::kInvalidArgument);
    CHECK(bound.error().detail == address);
  }
  const auto foreign = bind_listening("192.0.2.1", 8080, 1);
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == ErrorCode::kIo);
  CHECK(foreign.error().detail.starts_with("192.0.2.1:8080: "));
  const std::string too_long = "unix:/tmp/" + std::string(200, 'x');
  CHECK(bind_listening(too_long, 0, 1).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("Clients of a dual-stack socket that come by IPv4 have an IPv4 address") {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(4711);
  REQUIRE(inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr) == 1);
  sockaddr_storage storage{};
  std::memcpy(&storage, &mapped, sizeof mapped);
  const auto peer = ingress::net::to_peer_address(storage);
  CHECK(peer.view() == "10.1.2.3");
  CHECK(peer.port == 4711);
}

TEST_CASE("A stale socket file is taken over, a live one and another kind of file are not") {
  char directory[] = "/tmp/ingress-listen-XXXXXX";
  REQUIRE(::mkdtemp(directory));
  const std::string path = std::string(directory) + "/s";
  {
    const auto first = bind_listening("unix:" + path, 0, 1);
    REQUIRE(first);
    const Fds fds(first->fds);
    const auto second = bind_listening("unix:" + path, 0, 1);
    REQUIRE_FALSE(second);
    CHECK(second.error().text() == "address in use: unix:" + path);
  }
  {
    const auto after = bind_listening("unix:" + path, 0, 1);
    REQUIRE(after);
    const Fds fds(after->fds);
  }
  ::unlink(path.c_str());
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  const auto other = bind_listening("unix:" + path, 0, 1);
  REQUIRE_FALSE(other);
  CHECK(std::string(other.error().what) == "not a socket");
  ::rmdir(path.c_str());
  ::rmdir(directory);
}

}  // namespace
