// UDP listeners in whole configurations and deltas.
#include <doctest/doctest.h>

#include "proxy/publisher.h"

namespace ingress::proxy {
namespace {

Publisher make_publisher() {
  return Publisher([](const Listener& listener) -> std::expected<std::shared_ptr<BoundListener>, Error> {
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

GatewayConfig config_with(std::vector<UdpListener> listeners) {
  return {.clusters = {{.name = "a", .endpoints = {{"10.0.0.1", 53}}}, {.name = "b"}},
          .udp_listeners = std::move(listeners)};
}

UdpListener listener(const char* name, std::uint16_t port) {
  return {.name = name, .port = port, .backends = {{.cluster = "a"}, {.failure = FixedReply{}}}};
}

TEST_CASE("ADeltaOfUdpListenersEndsAsTheWholeDoes") {
  Publisher whole = make_publisher(), by_delta = make_publisher();
  GatewayConfig last;
  for (const GatewayConfig& next :
       {config_with({listener("x", 1)}), config_with({listener("x", 1), listener("y", 2)}),
        config_with({listener("y", 3)}), config_with({})}) {
    REQUIRE(whole.publish(next));
    REQUIRE(by_delta.apply(diff(last, next)));
    CHECK(to_json(whole.config()) == to_json(by_delta.config()));
    CHECK(whole.config().udp_listeners == next.udp_listeners);
    CHECK(whole.current()->udp_listeners.size() == next.udp_listeners.size());
    const SnapshotPtr held = whole.current();
    REQUIRE(whole.publish(next));
    CHECK(whole.current() == held);  // nothing changed
    last = next;
  }
}

TEST_CASE("AUdpListenerKeepsItsSocketsByAddressAndPort") {
  Publisher publisher = make_publisher();
  REQUIRE(publisher.publish(config_with({listener("x", 1)})));
  const auto bound = publisher.current()->udp_listeners[0].bound;
  UdpListener renamed = listener("z", 1);
  renamed.idle_timeout = std::chrono::milliseconds(5);
  REQUIRE(publisher.publish(config_with({renamed})));
  CHECK(publisher.current()->udp_listeners[0].bound == bound);
  CHECK(publisher.current()->udp_listeners[0].clusters.at(0)->name == "a");
  CHECK(publisher.current()->udp_listeners[0].clusters.at(1) == nullptr);
  REQUIRE(publisher.publish(config_with({listener("z", 2)})));
  CHECK(publisher.current()->udp_listeners[0].bound != bound);
}

TEST_CASE("ADeltaMayNotTakeAwayTheClusterOfAUdpListener") {
  Publisher publisher = make_publisher();
  REQUIRE(publisher.publish(config_with({listener("x", 1)})));
  const auto removed = publisher.apply({.remove_clusters = {"a"}});
  REQUIRE_FALSE(removed);
  CHECK(removed.error()[0].field == "udp_listeners[0].backends[0].cluster");
  CHECK(removed.error()[0].why == "is 'a', and there is no such cluster");
  const auto encrypted = publisher.apply({.upsert_clusters = {{.name = "a", .tls = BackendTls{}}}});
  REQUIRE_FALSE(encrypted);
  CHECK(encrypted.error()[0].why == "is 'a', which is spoken to over TLS");
  CHECK(publisher.apply({.upsert_clusters = {{.name = "b", .tls = BackendTls{}}}}));
  CHECK(publisher.apply({.remove_clusters = {"a"}, .remove_udp_listeners = {"x"}}));
}

}  // namespace
}  // namespace ingress::proxy
