// Changes of configuration and stops under sessions: none is lost that its listener still serves.
#include <doctest/doctest.h>

#include "proxy/udp_fixture.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;

TEST_CASE("ASessionSurvivesEveryChangeThatLeavesItsListener") {
  const DatagramBackend a(DatagramBackend::named("a")), b(DatagramBackend::named("b"));
  GatewayConfig config = udp_config({a.port()});
  // A fixed port, so that the listener stays the same under another name.
  config.udp_listeners[0].port = DatagramBackend().port();
  RunningServer running(config, {.workers = 2});
  const std::uint16_t port = running.port("udp");
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(port);
    REQUIRE(clients.back().ask("0") == "a:0");
  }
  int number = 0;
  const auto check_old_ones = [&] {
    ++number;
    for (const DatagramClient& client : clients)
      CHECK(client.ask(std::to_string(number)) == "a:" + std::to_string(number));
  };

  config.clusters[0].endpoints = {{"127.0.0.1", b.port()}};  // the endpoint goes
  running.publish(config);
  check_old_ones();
  CHECK(DatagramClient(port).ask("x") == "b:x");

  config.clusters = {{.name = "next", .endpoints = {{"127.0.0.1", b.port()}}}};  // the cluster goes
  config.udp_listeners[0].backends = {{.cluster = "next"}};
  running.publish(config);
  check_old_ones();
  CHECK(DatagramClient(port).ask("x") == "b:x");

  config.udp_listeners[0].name = "renamed";
  config.udp_listeners[0].max_sessions = 1;
  config.udp_listeners.push_back({.name = "more", .address = "127.0.0.1", .backends = {{.cluster = "next"}}});
  running.publish(config);
  check_old_ones();
  CHECK(running.port("renamed") == port);
  CHECK(DatagramClient(running.port("more")).ask("x") == "b:x");

  config.udp_listeners.pop_back();
  config.udp_listeners[0].backends.clear();
  running.publish(config);
  check_old_ones();
  CHECK(running.log().num_streams() == 1);  // the one of "more"
}

TEST_CASE("AChangedIdleTimeoutHoldsForSessionsThatThereAre") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({backend.port()});
  config.udp_listeners[0].idle_timeout = milliseconds(86'400'000);
  RunningServer running(config);
  const DatagramClient client(running.port("udp"));
  CHECK(client.ask("x") == "x");
  config.udp_listeners[0].idle_timeout = milliseconds(10);
  running.publish(config);
  CHECK(running.log().wait_for_stream(1).why == "idle_timeout");
}

TEST_CASE("AListenerThatGoesEndsItsSessionsAndFreesItsAddress") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({backend.port()});
  RunningServer running(config, {.workers = 2});
  const std::uint16_t port = running.port("udp");
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(port);
    CHECK(clients.back().ask("x") == "x");
  }
  config.udp_listeners.clear();
  running.publish(config);
  for (std::size_t i = 1; i <= 5; ++i) CHECK(running.log().wait_for_stream(i).why == "listener_removed");
  CHECK(metric(running.server(), "udp_sessions_open") == 0);
  // At once, and by ourselves again.
  config = udp_config({backend.port()});
  config.udp_listeners[0].port = port;
  running.publish(config);
  CHECK(running.port("udp") == port);
  CHECK(clients[0].ask("y") == "y");
}

TEST_CASE("ATcpListenerMayHaveTheSameNumber") {
  Backend tcp(serve_echo);
  const DatagramBackend udp;
  GatewayConfig config = one_backend(tcp.port());
  RunningServer running(config);
  config.clusters.push_back({.name = "datagrams", .endpoints = {{"127.0.0.1", udp.port()}}});
  config.udp_listeners = {{.name = "web",
                           .address = "127.0.0.1",
                           .port = running.port("web"),
                           .backends = {{.cluster = "datagrams"}}}};
  running.publish(config);
  CHECK(DatagramClient(running.port("web")).ask("x") == "x");
  Socket client = Socket::connect(running.port("web"));
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 200 OK\r\n"));
  const std::vector<ListenerStatus> status = running.server().status().listeners;
  REQUIRE(status.size() == 2);
  CHECK(status[0].protocol == ListenerProtocol::kTcp);
  CHECK(status[1].protocol == ListenerProtocol::kUdp);
  CHECK(status[0].port == status[1].port);
}

TEST_CASE("AnAddressThatIsTakenLeavesEverythingAsItWas") {
  const DatagramBackend backend, other;
  GatewayConfig config = udp_config({backend.port()});
  RunningServer running(config);
  const DatagramClient client(running.port("udp"));
  CHECK(client.ask("x") == "x");
  config.udp_listeners.push_back(
      {.name = "taken", .address = "127.0.0.1", .port = other.port(), .backends = {{.cluster = "backend"}}});
  const auto refused = running.server().publish(config);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().size() == 1);
  CHECK(refused.error()[0].field == "udp_listeners.taken.address");
  CHECK(refused.error()[0].why == "address in use: 127.0.0.1:" + std::to_string(other.port()));
  CHECK(running.server().status().listeners.size() == 1);
  CHECK(client.ask("y") == "y");
}

TEST_CASE("WhileTheServerStopsSessionsGoOnAndNoneBegins") {
  const DatagramBackend backend;
  RunningServer running(
      udp_config({backend.port()}),
      {.workers = 2, .drain_timeout = milliseconds(10), .tunnel_drain_timeout = std::chrono::hours(24)});
  const std::uint16_t port = running.port("udp");
  const DatagramClient client(port);
  CHECK(client.ask("x") == "x");
  running.server().stop();
  do {  // another one each time: a worker may not have heard of it yet
    DatagramClient(port).send("x");
  } while (metric(running.server(), "udp_datagrams_dropped_total", "draining") == 0);
  CHECK(client.ask("y") == "y");
  running.server().stop_now();
  running.wait_until_stopped();
  CHECK(running.log().wait_for_stream(1).why == "drain");
}

TEST_CASE("SessionsEndWithTheTimeOfTunnels") {
  const DatagramBackend backend;
  RunningServer running(
      udp_config({backend.port()}),
      {.workers = 2, .drain_timeout = std::chrono::hours(24), .tunnel_drain_timeout = milliseconds(50)});
  const DatagramClient client(running.port("udp"));
  CHECK(client.ask("x") == "x");
  running.server().stop();
  running.wait_until_stopped();  // with the last session there is nothing left to wait for
  CHECK(running.log().wait_for_stream(1).why == "drain");
}

TEST_CASE("AStopWaitsForSessionsUntilTheyAreIdle") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({backend.port()});
  config.udp_listeners[0].idle_timeout = milliseconds(300);
  RunningServer running(config, {.workers = 2,
                                 .drain_timeout = std::chrono::hours(24),
                                 .tunnel_drain_timeout = std::chrono::hours(24)});
  const DatagramClient client(running.port("udp"));
  REQUIRE(client.send("x"));
  wait_metric(running.server(), "udp_sessions_total", {}, 1);
  running.server().stop();
  running.wait_until_stopped();
  CHECK(running.log().wait_for_stream(1).why == "idle_timeout");
}

}  // namespace
}  // namespace ingress::test
