// Which stream route takes a connection; how tables change, and what a change leaves alone.
#include "proxy/stream_table.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/publisher.h"

namespace ingress::proxy {
namespace {

const BackendRef kBackend{.cluster = "a"};

StreamRoute passing(std::string name, std::vector<std::string> server_names, std::string listener = "tls") {
  return {.name = std::move(name),
          .listener = std::move(listener),
          .tls = StreamTls::kPassthrough,
          .server_names = std::move(server_names),
          .backends = {kBackend}};
}

struct Tables : StreamTables {
  Tables() : StreamTables(base::SlotRegistry::create()) {}
  // The route that takes a connection asking for `server_name`; "" when none does.
  std::string taker(std::string_view server_name, const std::string& listener = "tls") const {
    const auto table = find(listener);
    const CompiledStreamRoute* route = table ? table->find(server_name) : nullptr;
    return route == nullptr ? "" : route->value.name;
  }
};

Publisher make_publisher() {
  return Publisher([](const Listener& listener) {
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

GatewayConfig config_of(std::vector<StreamRoute> routes) {
  return {.listeners = {{.name = "tcp", .port = 1}, {.name = "tls", .port = 2}},
          .clusters = {{.name = "a"}, {.name = "b"}},
          .stream_routes = std::move(routes)};
}

const StreamTable* table_of(const SnapshotPtr& snapshot, std::string_view listener) {
  for (const ListenerEntry& entry : snapshot->listeners) {
    if (entry.listener.name == listener) return entry.streams.get();
  }
  return nullptr;
}

}  // namespace

TEST_CASE("TheMostSpecificNameTakesAConnection") {
  Tables tables;
  CHECK(tables.apply({.upsert_stream_routes = {passing("exact", {"a.example", "x.b.example"}),
                                               passing("wild", {"*.b.example", "*.example"})}}));
  CHECK(tables.taker("a.example") == "exact");
  CHECK(tables.taker("x.b.example") == "exact");
  CHECK(tables.taker("y.b.example") == "wild");
  CHECK(tables.taker("b.example") == "wild");
  CHECK(tables.taker("z.y.b.example").empty());  // one label more, no further
  CHECK(tables.taker("example").empty());
  CHECK(tables.taker(".example").empty());
  CHECK(tables.taker("").empty());
  CHECK(tables.find("tls")->unread() == nullptr);

  CHECK(tables.apply({.upsert_stream_routes = {passing("rest", {})}}));
  CHECK(tables.taker("a.example") == "exact");
  CHECK(tables.taker("z.y.b.example") == "rest");
  CHECK(tables.taker("") == "rest");
}

TEST_CASE("OfRoutesWithTheSameNameTheFirstByNameCounts") {
  Tables tables;
  tables.apply(
      {.upsert_stream_routes = {passing("b", {"a.example", "*.c.example"}), passing("a", {"a.example"}),
                                passing("c", {"*.c.example"}), passing("z", {}), passing("y", {})}});
  CHECK(tables.taker("a.example") == "a");
  CHECK(tables.taker("x.c.example") == "b");
  CHECK(tables.taker("nobody") == "y");
  tables.apply({.remove_stream_routes = {"a", "y"}});
  CHECK(tables.taker("a.example") == "b");
  CHECK(tables.taker("nobody") == "z");
}

TEST_CASE("ARouteWithoutTlsTakesEverythingUnread") {
  Tables tables;
  tables.apply({.upsert_stream_routes = {{.name = "all", .listener = "tcp", .backends = {kBackend}}}});
  REQUIRE(tables.find("tcp"));
  REQUIRE(tables.find("tcp")->unread() != nullptr);
  CHECK(tables.find("tcp")->unread()->value.name == "all");
  CHECK(tables.find("tcp")->unread()->total_weight == 1);
  CHECK(tables.find("tls") == nullptr);
}

TEST_CASE("TablesThatAChangeDoesNotTouchStayTheSame") {
  Tables tables;
  tables.apply({.upsert_stream_routes = {passing("a", {"a.example"}), passing("b", {}, "other")}});
  const auto first = tables.find("tls"), other = tables.find("other");
  CHECK_FALSE(tables.apply(
      {.upsert_stream_routes = {passing("a", {"a.example"})}, .remove_stream_routes = {"nobody"}}));
  CHECK(tables.find("tls") == first);
  CHECK(tables.apply({.upsert_stream_routes = {passing("a", {"b.example"})}}));
  CHECK(tables.find("tls") != first);
  CHECK(tables.find("other") == other);
  CHECK(first->find("a.example") != nullptr);  // who holds the old one goes on with it
  CHECK(tables.apply({.upsert_stream_routes = {passing("a", {}, "other")}}));  // it moves
  CHECK(tables.find("tls") == nullptr);
  CHECK(tables.find("other") != other);
}

TEST_CASE("ARouteFindsItsConnectionsWhateverBecameOfIt") {
  Tables tables;
  tables.apply({.upsert_stream_routes = {passing("a", {"a.example"})}});
  const auto count = [&] { return tables.find("tls")->find("a.example")->count; };
  StreamPlace first = StreamPlace::take(count(), 0), second = StreamPlace::take(count(), 2);
  REQUIRE(first);
  REQUIRE(second);
  CHECK_FALSE(StreamPlace::take(count(), 2));

  StreamRoute changed = passing("a", {"a.example"});
  changed.max_connections = 3;
  tables.apply({.upsert_stream_routes = {changed}});
  CHECK_FALSE(StreamPlace::take(count(), 2));
  CHECK(StreamPlace::take(count(), 3));

  tables.apply({.remove_stream_routes = {"a"}});
  tables.apply({.upsert_stream_routes = {changed}});
  CHECK_FALSE(StreamPlace::take(count(), 2));
  first = {};
  CHECK(StreamPlace::take(count(), 2));
  second = {};
  CHECK(count()->num_open == 0);
}

TEST_CASE("SnapshotsCarryTheTablesOfTheirListeners") {
  Publisher publisher = make_publisher();
  const auto first = publisher.publish(config_of({passing("a", {"a.example"})}));
  REQUIRE(first);
  CHECK(table_of(*first, "tcp") == nullptr);
  REQUIRE(table_of(*first, "tls") != nullptr);
  CHECK(*publisher.publish(config_of({passing("a", {"a.example"})})) == *first);

  // Something else changes: the same table.
  const auto second = publisher.apply({.upsert_listeners = {{.name = "tcp", .port = 3}}});
  REQUIRE(second);
  CHECK(table_of(*second, "tls") == table_of(*first, "tls"));
  // The route changes: nothing else does.
  const auto third = publisher.apply({.upsert_stream_routes = {passing("a", {"b.example"})}});
  REQUIRE(third);
  CHECK(*third != *second);
  CHECK(table_of(*third, "tls") != table_of(*first, "tls"));
  CHECK((*third)->routes == (*second)->routes);
  CHECK((*third)->clusters == (*second)->clusters);
  CHECK(publisher.config().stream_routes == std::vector{passing("a", {"b.example"})});
  const auto fourth = publisher.publish(config_of({}));
  REQUIRE(fourth);
  CHECK(table_of(*fourth, "tls") == nullptr);
  CHECK(publisher.config().stream_routes.empty());
}

TEST_CASE("ADeltaThatBreaksAStreamRouteIsRefusedWhole") {
  Publisher publisher = make_publisher();
  const auto before = publisher.publish(config_of({passing("a", {"a.example"})}));
  REQUIRE(before);
  const std::vector<std::pair<std::string, ConfigDelta>> rows = {
      {"stream_routes[0].backends[0].cluster", {.remove_clusters = {"a"}}},
      {"stream_routes[0].listener", {.remove_listeners = {"tls"}}},
      {"stream_routes[1].listener", {.upsert_stream_routes = {passing("b", {}, "nobody")}}},
      {"stream_routes[1].tls",
       {.upsert_stream_routes = {{.name = "b", .listener = "tls", .backends = {kBackend}}}}},
      {"stream_routes[0].tls",
       {.upsert_stream_routes =
            {{.name = "a", .listener = "tls", .tls = StreamTls::kTerminate, .backends = {kBackend}}}}},
  };
  for (const auto& [field, delta] : rows) {
    CAPTURE(field);
    const auto result = publisher.apply(delta);
    REQUIRE_FALSE(result);
    CHECK(result.error().size() == 1);
    CHECK(result.error().front().field == field);
    CHECK(publisher.current() == *before);
  }
  CHECK(publisher.apply({.remove_clusters = {"b"}}));
  CHECK(publisher.apply({.remove_clusters = {"a"}, .remove_stream_routes = {"a"}}));
}

}  // namespace ingress::proxy
