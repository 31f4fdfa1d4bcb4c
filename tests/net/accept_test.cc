#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

#include "net/net_fixture.h"

namespace {

using ingress::net::Acceptor;
using ingress::net::bind_listening;
using ingress::net::TransportPtr;
using ingress::test::LoopFixture;
using ingress::test::RawSocket;
using ingress::test::Recorder;
using ingress::test::Server;

TEST_CASE("A hundred clients at once are all accepted, with their own addresses") {
  LoopFixture fixture;
  Server server(fixture);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(RawSocket::connect_to("127.0.0.1", server.port));
  fixture.run_until([&] { return server.accepted.size() == clients.size(); });
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CHECK(server.accepted[i]->transport->peer().port == clients[i].port());
  }
}

TEST_CASE("stop() accepts what is queued and refuses what comes after") {
  LoopFixture fixture;
  Server server(fixture);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(RawSocket::connect_to("127.0.0.1", server.port));
  server.acceptor->stop();
  CHECK(server.accepted.size() == clients.size());
  server.acceptor->stop();
  const RawSocket late(::socket(AF_INET, SOCK_STREAM, 0));
  const auto target = ingress::net::parse_ip("127.0.0.1", server.port);
  CHECK(::connect(late.fd(), target->get(), target->size) == -1);
  CHECK(errno == ECONNREFUSED);
}

TEST_CASE("stop() inside on_accept takes the rest of the queue, destroying drops it") {
  LoopFixture fixture;
  for (const bool is_destroying : {false, true}) {
    CAPTURE(is_destroying);
    Server server(fixture);
    std::vector<RawSocket> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(RawSocket::connect_to("127.0.0.1", server.port));
    server.on_accept = [&] {
      if (server.accepted.size() != 3) return;
      if (is_destroying) {
        server.acceptor.reset();
      } else {
        server.acceptor->stop();
      }
    };
    fixture.run_until([&] { return server.accepted.size() >= 3; });
    fixture.run_turns();
    CHECK(server.accepted.size() == (is_destroying ? 3 : 20));
  }
}

// The soft limit on descriptors, lowered to those that are open now.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int lowest_free = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    REQUIRE(lowest_free >= 0);
    ::close(lowest_free);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("Without descriptors waiting clients are refused, without spinning, and later ones served") {
  LoopFixture fixture;
  Server server(fixture);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(RawSocket::connect_to("127.0.0.1", server.port));
  RawSocket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto target = ingress::net::parse_ip("127.0.0.1", server.port);
  {
    const NoMoreDescriptors limit;
    fixture.run_until([&] { return server.refused.get() == clients.size(); });
    for (const RawSocket& client : clients) CHECK(client.receive().empty());
    CHECK(server.accepted.empty());
    // During the pause nothing polls the socket: these turns find nothing to do.
    REQUIRE(::connect(late.fd(), target->get(), target->size) == 0);
    fixture.run_turns();
    CHECK(server.refused.get() == clients.size());
  }
  fixture.run_until([&] { return server.accepted.size() == 1; });
  CHECK(server.refused.get() == clients.size());
}

TEST_CASE("stop() without descriptors refuses the queue and ends") {
  LoopFixture fixture;
  Server server(fixture);
  const RawSocket client = RawSocket::connect_to("127.0.0.1", server.port);
  {
    const NoMoreDescriptors limit;
    server.acceptor->stop();
  }
  CHECK(server.refused.get() == 1);
  fixture.run_turns();
  CHECK(client.receive().empty());
}

TEST_CASE("A descriptor that is no socket is refused and closed") {
  LoopFixture fixture;
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const auto acceptor = Acceptor::create(fixture.loop(), fd, [](TransportPtr) {});
  REQUIRE_FALSE(acceptor);
  CHECK(acceptor.error().code == ingress::ErrorCode::kIo);
  CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("A unix socket serves as a TCP one does") {
  char directory[] = "/tmp/ingress-accept-XXXXXX";
  REQUIRE(::mkdtemp(directory));
  const std::string path = std::string(directory) + "/s";
  {
    LoopFixture fixture;
    const auto bound = bind_listening("unix:" + path, 0, 3);
    REQUIRE(bound);
    REQUIRE(bound->fds.size() == 1);
    std::unique_ptr<Recorder> served;
    const auto acceptor = Acceptor::create(fixture.loop(), bound->fds[0], [&](TransportPtr transport) {
                            served = std::make_unique<Recorder>(std::move(transport));
                            served->start();
                          }).value();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    RawSocket client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    client.send("ping");
    fixture.run_until([&] { return served && served->received == "ping"; });
    CHECK(served->transport->peer().view() == "unix");
    CHECK(served->transport->local().view() == "unix");
    served->write("pong", fixture.loop().buffers());
    CHECK(client.receive() == "pong");
    client.close();
    fixture.run_until([&] { return served->num_ends == 1; });
    served->transport->reset();
    served.reset();
  }
  ::unlink(path.c_str());
  ::rmdir(directory);
}

}  // namespace
