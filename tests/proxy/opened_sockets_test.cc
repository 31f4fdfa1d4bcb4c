// Listening sockets that somebody else opens when a configuration asks for them, and gets back.
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

// Opens sockets, and keeps a copy of none: what matters here is who is asked for what.
class Opener {
 public:
  ServerOptions options(unsigned workers = 1) {
    return {.workers = workers,
            .open_sockets = [this](const SocketRequest& request) { return open(request); },
            .give_up_sockets =
                [this](const SocketRequest& request) {
                  const std::lock_guard lock(mutex_);
                  CHECK(std::erase(held_, request) == 1);
                },
            .local_backends = LocalBackends::kAllowed};
  }
  std::vector<SocketRequest> held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  std::expected<OpenedSockets, Error> open(const SocketRequest& request) {
    auto made = open_sockets(request);
    const std::lock_guard lock(mutex_);
    if (made) held_.push_back(request);
    return made;
  }

  mutable std::mutex mutex_;
  std::vector<SocketRequest> held_;
};

GatewayConfig with_udp(GatewayConfig config) {
  config.udp_listeners.push_back({.name = "dns", .address = "127.0.0.1", .port = 0});
  config.udp_listeners.back().backends = {{.cluster = config.clusters.front().name}};
  return config;
}

TEST_CASE("SocketsAreAskedForAndServed") {
  Backend backend(serve_echo);
  Opener opener;
  RunningServer running(with_udp(one_backend(backend.port())), opener.options(3));
  const auto held = opener.held();
  REQUIRE(held.size() == 2);
  CHECK(held[0].protocol == ListenerProtocol::kTcp);
  CHECK(held[0].listener == "web");
  CHECK(held[0].count == 3);
  CHECK(held[1].protocol == ListenerProtocol::kUdp);
  CHECK(held[1].listener == "dns");
  Socket client = Socket::connect(running.port("web"));
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("AnAddressWithItsPortIsTheWholeIdentity") {
  Backend backend(serve_echo);
  Opener opener;
  GatewayConfig config = one_backend(backend.port());
  config.listeners[0].port = ListeningSocket().port();
  const RunningServer running(config, opener.options());
  REQUIRE(opener.held().size() == 1);
  CHECK(opener.held()[0].listener.empty());
  CHECK(opener.held()[0].port == config.listeners[0].port);
}

TEST_CASE("SocketsAreGivenUpWithTheirListener") {
  Backend backend(serve_echo);
  Opener opener;
  const GatewayConfig less = one_backend(backend.port());
  GatewayConfig more = with_udp(less);
  more.listeners.push_back({.name = "second", .address = "127.0.0.1", .port = 0});
  RunningServer running(more, opener.options());
  CHECK(opener.held().size() == 3);
  running.publish(less);
  REQUIRE(opener.held().size() == 1);
  CHECK(opener.held()[0].listener == "web");
}

TEST_CASE("SocketsOfARefusedConfigurationAreGivenUp") {
  Backend backend(serve_echo);
  const ListeningSocket taken;
  Opener opener;
  const GatewayConfig good = one_backend(backend.port());
  RunningServer running(good, opener.options());
  GatewayConfig refused = good;
  refused.listeners.push_back({.name = "a", .address = "127.0.0.1", .port = 0});
  refused.listeners.push_back({.name = "zz", .address = "127.0.0.1", .port = taken.port()});
  const auto outcome = running.server().publish(refused);
  REQUIRE(!outcome);
  CHECK(outcome.error().front().why.contains("address in use"));
  CHECK(opener.held().size() == 1);
}

TEST_CASE("AllSocketsAreGivenUpAtTheEnd") {
  Backend backend(serve_echo);
  Opener opener;
  {
    const RunningServer running(with_udp(one_backend(backend.port())), opener.options());
    CHECK(opener.held().size() == 2);
  }
  CHECK(opener.held().empty());
}

}  // namespace
}  // namespace ingress::test
