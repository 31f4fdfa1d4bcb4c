// Backends that want a PROXY header: whom each connection names, and that nobody else's request goes over it.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/proxy_header.h"
#include "proxy/exchange_fixture.h"
#include "support/fake_connector.h"
#include "upstream/breaker_registry.h"

namespace ingress::test {
namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct Proxy : SocketlessWorker {
  explicit Proxy(ProxyProtocol protocol, bool has_mirror = false)
      : SocketlessWorker(make_config(protocol, has_mirror),
                         [](net::EventLoop& on) { return std::make_unique<FakeConnector>(on); }) {
    clusters.use_breakers(std::make_shared<upstream::BreakerRegistry>(),
                          [this](std::move_only_function<void()> task) { loop->post(std::move(task)); });
  }
  static GatewayConfig make_config(ProxyProtocol protocol, bool has_mirror) {
    GatewayConfig config = one_backend(9);
    config.clusters[0].proxy_protocol = protocol;
    if (!has_mirror) return config;
    config.clusters.push_back(
        {.name = "copies", .endpoints = {{"127.0.0.1", 10}}, .proxy_protocol = ProxyProtocol::kV1});
    config.routes[0].rules[0].mirrors = {{.cluster = "copies"}};
    return config;
  }
  void serve(const GatewayConfig& config) {
    const auto snapshot = publisher.publish(config);
    REQUIRE(snapshot);
    clusters.adopt(*(*snapshot)->clusters);
    views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
  }
  FakeConnector& connections() { return static_cast<FakeConnector&>(*connector); }
};

struct Client : FakeClient {
  explicit Client(SocketlessWorker& worker, std::string_view address = "192.0.2.1",
                  std::uint16_t port = 40000)
      : FakeClient(worker) {
    peer->set_addresses(address, port, address == "unix" ? "unix" : "198.51.100.1", 443);
  }
  // Whether the whole answer has come.
  bool is_answered() { return peer->take_received().ends_with("hello"); }
};

TEST_CASE("AConnectionBeginsWithTheNameOfItsClientAndServesNobodyElse") {
  Proxy proxy(ProxyProtocol::kV1);
  Client one(proxy), other(proxy, "192.0.2.9"), same_host(proxy, "192.0.2.1", 40001);
  const auto ask_anew = [&](Client& client, const std::string& header) {
    client.peer->send(kGet);
    REQUIRE(proxy.connections().num_waiting() == 1);  // whatever is in the pool
    auto backend = proxy.connections().accept();
    CHECK(backend->take_received().starts_with(header + "GET /a HTTP/1.1\r\n"));
    backend->send(kOk);
    CHECK(client.is_answered());
    return backend;
  };
  const auto ask_again = [&](Client& client, FakePeer& backend) {
    client.peer->send(kGet);
    CHECK(proxy.connections().num_waiting() == 0);
    CHECK(backend.take_received().starts_with("GET /a HTTP/1.1\r\n"));
    backend.send(kOk);
    CHECK(client.is_answered());
  };
  const auto first = ask_anew(one, "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n");
  const auto second = ask_anew(other, "PROXY TCP4 192.0.2.9 198.51.100.1 40000 443\r\n");
  const auto third = ask_anew(same_host, "PROXY TCP4 192.0.2.1 198.51.100.1 40001 443\r\n");
  for (int i = 0; i < 2; ++i) {
    ask_again(one, *first);
    ask_again(other, *second);
    ask_again(same_host, *third);
  }
  CHECK(proxy.num_idle() == 3);
}

TEST_CASE("VersionTwoIsWrittenInBinary") {
  Proxy proxy(ProxyProtocol::kV2);
  Client client(proxy);
  client.peer->send(kGet);
  const auto backend = proxy.connections().accept();
  const std::string sent = backend->take_received();
  const auto parsed = net::parse_proxy_header(sent);
  REQUIRE(parsed);
  REQUIRE(*parsed);
  REQUIRE((*parsed)->addresses);
  CHECK((*parsed)->addresses->client.view() == "192.0.2.1");
  CHECK((*parsed)->addresses->client.port == 40000);
  CHECK((*parsed)->addresses->destination.view() == "198.51.100.1");
  CHECK((*parsed)->addresses->destination.port == 443);
  CHECK(sent.substr((*parsed)->size_bytes).starts_with("GET /a HTTP/1.1\r\n"));
}

// The client that a trusted proxy names is the one who is asked for; its port is not known.
TEST_CASE("BehindATrustedProxyEachOfItsClientsHasConnectionsOfItsOwn") {
  Proxy proxy(ProxyProtocol::kV1);
  const std::vector<std::string> trusted = {"192.0.2.1"};
  proxy.listener.trusted_proxies = std::make_shared<const policy::TrustedProxies>(trusted);
  Client client(proxy);
  std::vector<std::shared_ptr<FakePeer>> backends;
  for (const char* address : {"203.0.113.5", "2001:db8::5", "203.0.113.6"}) {
    CAPTURE(address);
    client.peer->send("GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + std::string(address) + "\r\n\r\n");
    REQUIRE(proxy.connections().num_waiting() == 1);
    backends.push_back(proxy.connections().accept());
    backends.back()->send(kOk);
    CHECK(client.is_answered());
  }
  CHECK(backends[0]->received().starts_with("PROXY TCP4 203.0.113.5 198.51.100.1 0 443\r\nGET "));
  CHECK(backends[1]->received().starts_with("PROXY TCP6 2001:db8::5 ::ffff:198.51.100.1 0 443\r\nGET "));
  CHECK(backends[2]->received().starts_with("PROXY TCP4 203.0.113.6 198.51.100.1 0 443\r\nGET "));
  client.peer->send("GET /b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n");
  CHECK(proxy.connections().num_waiting() == 0);
  CHECK(backends[0]->received().find("GET /b ") != std::string::npos);
}

TEST_CASE("AClientWithoutAnAddressIsNotNamed") {
  Proxy proxy(ProxyProtocol::kV1);
  Client client(proxy, "unix", 0);
  client.peer->send(kGet);
  CHECK(proxy.connections().accept()->received().starts_with("PROXY UNKNOWN\r\nGET "));
}

// The header is not the request: who took only that may be asked once more.
TEST_CASE("AnotherTryBeginsWithTheHeaderToo") {
  Proxy proxy(ProxyProtocol::kV1);
  Client client(proxy);
  client.peer->send(kGet);
  const auto first = proxy.connections().accept();
  first->send(kOk);
  CHECK(client.is_answered());
  client.peer->send(kGet);
  first->break_with();  // it was idle for too long
  REQUIRE(proxy.connections().num_waiting() == 1);
  const auto second = proxy.connections().accept();
  CHECK(second->received().starts_with("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\nGET "));
  second->send(kOk);
  CHECK(client.is_answered());
}

TEST_CASE("ACopyNamesTheClientToo") {
  Proxy proxy(ProxyProtocol::kNone, true);
  Client client(proxy);
  client.peer->send(kGet);
  REQUIRE(proxy.connections().num_waiting() == 1);
  const auto backend = proxy.connections().accept();  // copies are begun when the request has its connection
  REQUIRE(proxy.connections().num_waiting() == 1);
  const auto copy = proxy.connections().accept();
  CHECK(backend->received().starts_with("GET /a "));
  CHECK(copy->received().starts_with("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\nGET /a "));
  backend->send(kOk);
  copy->send(kOk);
  CHECK(client.is_answered());
}

// Neither copies nor requests wait for connections that serve others only.
TEST_CASE("AConnectionOfAnotherClientStandsInNoCopysWay") {
  GatewayConfig config = Proxy::make_config(ProxyProtocol::kNone, true);
  config.clusters[1].circuit_breakers.max_connections = 1;
  Proxy proxy(ProxyProtocol::kNone, true);
  proxy.serve(config);
  for (const char* address : {"192.0.2.1", "192.0.2.9"}) {
    Client client(proxy, address);
    client.peer->send(kGet);
    const auto backend = proxy.connections().accept_newest();
    REQUIRE(proxy.connections().num_waiting() == 1);
    const auto copy = proxy.connections().accept();
    CHECK(copy->received().starts_with(std::string("PROXY TCP4 ") + address));
    backend->send(kOk);
    copy->send(kOk);
    CHECK(client.is_answered());
    proxy.turn();
    backend->break_with();  // that the next one needs a new connection as well
    proxy.turn();
  }
}

TEST_CASE("AConnectionOfAnotherClientJumpsNobodysLine") {
  GatewayConfig config = Proxy::make_config(ProxyProtocol::kV1, false);
  config.clusters[0].endpoints = {{"127.0.0.1", 9}, {"127.0.0.1", 10}};
  config.clusters[0].circuit_breakers.max_connections = 1;
  Proxy proxy(ProxyProtocol::kV1);
  proxy.serve(config);
  Client one(proxy), two(proxy, "192.0.2.2"), three(proxy, "192.0.2.3");
  one.peer->send(kGet);
  const auto first = proxy.connections().accept();
  two.peer->send(kGet);    // for the other endpoint
  three.peer->send(kGet);  // for the same
  CHECK(proxy.connections().num_waiting() == 0);
  first->send(kOk);
  CHECK(one.is_answered());
  proxy.turn();
  REQUIRE(proxy.connections().num_waiting() == 1);
  const auto second = proxy.connections().accept();
  CHECK(second->received().starts_with("PROXY TCP4 192.0.2.2 "));
  second->send(kOk);
  proxy.turn();
  REQUIRE(proxy.connections().num_waiting() == 1);
  CHECK(proxy.connections().accept()->received().starts_with("PROXY TCP4 192.0.2.3 "));
}

TEST_CASE("AChangeOfTheSettingLeavesNoConnectionForWhoeverComesNext") {
  Proxy proxy(ProxyProtocol::kV1);
  Client client(proxy);
  client.peer->send(kGet);
  const auto first = proxy.connections().accept();
  first->send(kOk);
  CHECK(client.is_answered());
  const auto serve_as = [&](ProxyProtocol protocol) { proxy.serve(Proxy::make_config(protocol, false)); };
  serve_as(ProxyProtocol::kNone);
  client.peer->send(kGet);
  REQUIRE(proxy.connections().num_waiting() == 1);
  const auto plain = proxy.connections().accept();
  CHECK(plain->received().starts_with("GET "));
  plain->send(kOk);
  CHECK(client.is_answered());
  serve_as(ProxyProtocol::kV2);
  client.peer->send(kGet);
  REQUIRE(proxy.connections().num_waiting() == 1);
  CHECK(proxy.connections().accept()->received().starts_with("\r\n\r\n"));
}

}  // namespace
}  // namespace ingress::test
