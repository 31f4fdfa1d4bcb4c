// Whole configurations and deltas lead to the same snapshots, all or nothing.
#include "proxy/publisher.h"

#include <doctest/doctest.h>

#include <random>

namespace ingress::proxy {
namespace {

Publisher make_publisher() {
  return Publisher([](const Listener& listener) -> std::expected<std::shared_ptr<BoundListener>, Error> {
    if (listener.port == 666) {
      return std::unexpected(
          Error{.code = ErrorCode::kIo, .what = "address in use", .detail = listener.name});
    }
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

GatewayConfig random_config(std::mt19937& random) {
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  GatewayConfig config;
  config.listeners = {
      {.name = "web", .address = "127.0.0.1", .port = static_cast<std::uint16_t>(8000 + below(2))}};
  for (unsigned c = 0; c < 6; ++c) {
    Cluster cluster{.name = "c" + std::to_string(c)};
    for (unsigned e = 0; e < below(3); ++e) {
      cluster.endpoints.push_back(
          {"10.0.0." + std::to_string(e + 1), static_cast<std::uint16_t>(80 + below(3))});
    }
    config.clusters.push_back(std::move(cluster));
  }
  for (unsigned r = 0; r < 8; ++r) {
    if (below(3) == 0) continue;
    Route route{.name = "r" + std::to_string(r), .hosts = {"h" + std::to_string(below(4))}};
    for (unsigned k = 0; k <= below(2); ++k) {
      route.rules.push_back({.matches = {{.path = PathMatch::prefix("/p" + std::to_string(below(4)))}},
                             .backends = {{.cluster = "c" + std::to_string(below(6)), .weight = below(3)}}});
    }
    config.routes.push_back(std::move(route));
  }
  for (unsigned s = 0; s < below(4); ++s) {
    config.stream_routes.push_back({.name = "s" + std::to_string(below(2) * 4 + s),
                                    .listener = "web",
                                    .tls = StreamTls::kPassthrough,
                                    .server_names = {"h" + std::to_string(below(4))},
                                    .backends = {{.cluster = "c" + std::to_string(below(6))}}});
  }
  return config;
}

// Which stream route each name leads to.
std::string takers_of(const Publisher& publisher) {
  std::string out;
  for (const ListenerEntry& entry : publisher.current()->listeners) {
    for (int h = 0; h < 4 && entry.streams; ++h) {
      const CompiledStreamRoute* route = entry.streams->find("h" + std::to_string(h));
      out += route == nullptr ? "-" : route->value.name + ">" + route->value.backends[0].cluster + " ";
    }
  }
  return out;
}

std::string bytes_of(const Publisher& publisher) {
  return to_json(publisher.config()) + publisher.current()->routes->dump() + takers_of(publisher);
}

TEST_CASE("DeltasAndWholeConfigurationsGiveEqualBytes") {
  std::mt19937 random(7);
  Publisher by_delta = make_publisher();
  GatewayConfig last;
  for (int round = 0; round < 10'000; ++round) {
    const GatewayConfig next = random_config(random);
    const auto applied = by_delta.apply(diff(last, next));
    REQUIRE(applied);
    last = next;
    if (round % 5 != 0)
      continue;  // a fault of one delta is still there after the next; comparing is the cost
    Publisher fresh = make_publisher();
    REQUIRE(fresh.publish(next));
    CHECK(bytes_of(by_delta) == bytes_of(fresh));
  }
}

TEST_CASE("WhatDidNotChangeKeepsItsPointer") {
  std::mt19937 random(3);
  Publisher publisher = make_publisher();
  GatewayConfig config = random_config(random);
  const SnapshotPtr first = publisher.publish(config).value();
  CHECK(publisher.publish(config).value() == first);
  config.clusters[0].endpoints = {{"10.9.9.9", 99}};
  const SnapshotPtr endpoints = publisher.publish(config).value();
  CHECK(endpoints->generation == first->generation + 1);
  CHECK(endpoints->routes == first->routes);
  CHECK(endpoints->listeners[0].bound == first->listeners[0].bound);
  CHECK(endpoints->clusters->entries().at(1) == first->clusters->entries().at(1));
  config.listeners[0].limits.max_headers = 7;
  const SnapshotPtr limits = publisher.publish(config).value();
  CHECK(limits->clusters == endpoints->clusters);
  CHECK(limits->listeners[0].bound == first->listeners[0].bound);
  CHECK(limits->listeners[0].listener.limits.max_headers == 7);
}

TEST_CASE("AChangeIsAppliedWholeOrNotAtAll") {
  std::mt19937 random(5);
  Publisher publisher = make_publisher();
  GatewayConfig config = random_config(random);
  config.routes = {{.name = "r", .rules = {{.backends = {{.cluster = "c1"}}}}}};
  config.stream_routes.clear();
  const SnapshotPtr before = publisher.publish(config).value();
  const std::string bytes = bytes_of(publisher);

  const ConfigDelta still_used{.upsert_clusters = {{.name = "new"}}, .remove_clusters = {"c1"}};
  const ConfigDelta unknown{
      .upsert_routes = {{.name = "q", .rules = {{.backends = {{.cluster = "nowhere"}}}}}}};
  const ConfigDelta taken{.upsert_listeners = {{.name = "admin", .address = "127.0.0.1", .port = 666}},
                          .remove_routes = {"r"}};
  for (const ConfigDelta& delta : {still_used, unknown, taken}) {
    const auto result = publisher.apply(delta);
    REQUIRE(!result);
    CHECK(!result.error().empty());
    CHECK(publisher.current() == before);
    CHECK(bytes_of(publisher) == bytes);
  }
  CHECK(publisher.apply({.remove_clusters = {"c1"}, .remove_routes = {"r"}}));
}

}  // namespace
}  // namespace ingress::proxy
