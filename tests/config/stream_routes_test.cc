// Stream routes: what is refused, and what becomes of it when the rest is to be served.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "config/random_config.h"
#include "config/validate.h"
#include "config/validate_rows.h"
#include "ingress/config.h"

using namespace ingress;

namespace {

const BackendRef kGood{.cluster = "a"};

// Two listeners, a plain one and one with TLS, and a cluster.
GatewayConfig with_routes(std::vector<StreamRoute> routes) {
  return {.listeners = {{.name = "tcp", .port = 1}, {.name = "tls", .port = 2, .tls = ListenerTls{}}},
          .clusters = {{.name = "a"}},
          .stream_routes = std::move(routes)};
}

std::vector<BackendRef> closing() {
  return {{.failure = FixedReply{.status = 500, .why = "invalid_route"}}};
}

// What is left of `route`, and whether the listeners are.
std::vector<StreamRoute> repaired(StreamRoute route, std::size_t num_listeners = 2) {
  GatewayConfig config = with_routes({std::move(route)});
  const auto problems = quarantine(config);
  CHECK(config::has_errors(problems));
  CHECK_FALSE(config::has_errors(validate(config)));
  CHECK(config.listeners.size() == num_listeners);
  return config.stream_routes;
}

}  // namespace

TEST_CASE("StreamRoutesOfEveryKindValidate") {
  const auto problems = validate(
      with_routes({{.name = "a", .listener = "tcp", .backends = {kGood}},
                   {.name = "b", .listener = "tls", .tls = StreamTls::kPassthrough, .backends = {kGood}},
                   {.name = "c",
                    .listener = "tls",
                    .tls = StreamTls::kTerminate,
                    .server_names = {"a.example", "*.a.example"},
                    .backends = {kGood, {.weight = 0, .failure = FixedReply{}}},
                    .idle_timeout = std::chrono::milliseconds(0),
                    .max_connections = 5}}));
  CAPTURE(test::text_of(problems));
  CHECK(problems.empty());
}

TEST_CASE("WhatIsWrongWithAStreamRouteNamesItsField") {
  using test::Row;
  const auto spoil = [](const std::function<void(StreamRoute&)>& change, StreamTls tls) {
    return [=](GatewayConfig& config) {
      config.listeners.push_back({.name = "tls", .port = 2, .tls = ListenerTls{}});
      config.stream_routes = {{.name = "s", .listener = "tls", .tls = tls, .backends = {kGood}}};
      change(config.stream_routes[0]);
    };
  };
  const auto passed = [&](const std::function<void(StreamRoute&)>& change) {
    return spoil(change, StreamTls::kPassthrough);
  };
  const std::string s = "stream_routes[0].";
  const std::vector<Row> rows = {
      {s + "name", passed([](auto& route) { route.name.clear(); })},
      {s + "name", passed([](auto& route) { route.name = "\a"; })},
      {s + "listener", passed([](auto& route) { route.listener = "nobody"; })},
      {s + "tls", passed([](auto& route) { route.tls = static_cast<StreamTls>(3); })},
      {s + "tls", passed([](auto& route) { route.tls = StreamTls::kNone; })},
      {s + "tls", passed([](auto& route) { route.listener = "web", route.tls = StreamTls::kTerminate; })},
      {s + "server_names", passed([](auto& route) {
         route.listener = "web", route.tls = StreamTls::kNone, route.server_names = {"a.example"};
       })},
      {s + "server_names[0]", passed([](auto& route) { route.server_names = {"A.example"}; })},
      {s + "server_names[0]", passed([](auto& route) { route.server_names = {"*"}; })},
      {s + "server_names[0]", passed([](auto& route) { route.server_names = {"192.0.2.1"}; })},
      {s + "server_names[1]", passed([](auto& route) { route.server_names = {"a.example", "a.example"}; })},
      {s + "backends[0].cluster", passed([](auto& route) { route.backends[0].cluster = "nobody"; })},
      {s + "backends[0].weight", passed([](auto& route) { route.backends[0].weight = 1'000'001; })},
      {s + "idle_timeout_ms",
       passed([](auto& route) { route.idle_timeout = std::chrono::milliseconds(-1); })},
      {s + "max_connections", passed([](auto& route) { route.max_connections = 10'000'001; })},
      {"stream_routes[1].name",
       [&](GatewayConfig& config) {
         passed([](auto&) {})(config);
         config.stream_routes.push_back(config.stream_routes[0]);
       }},
  };
  test::check_rows(rows, Severity::kError);
  const std::vector<Row> warnings = {
      {s + "backends", passed([](auto& route) { route.backends.clear(); })},
      {s + "backends", passed([](auto& route) { route.backends[0].weight = 0; })},
  };
  test::check_rows(warnings, Severity::kWarning);
}

TEST_CASE("ARouteWithoutTlsIsAloneOnItsListener") {
  GatewayConfig config =
      with_routes({{.name = "b", .listener = "tcp", .backends = {kGood}},
                   {.name = "a", .listener = "tcp", .backends = {kGood}},
                   {.name = "c", .listener = "tls", .tls = StreamTls::kPassthrough, .backends = {kGood}}});
  auto problems = validate(config);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "stream_routes[0].tls");
  CHECK(problems[1].field == "stream_routes[1].tls");
  const GatewayConfig before = config;
  quarantine(config);
  CHECK(config.stream_routes == std::vector{before.stream_routes[1], before.stream_routes[2]});

  // Those by name go on.
  config = before;
  config.stream_routes[1].tls = StreamTls::kPassthrough;
  const std::vector<StreamRoute> kept = {config.stream_routes[1], config.stream_routes[2]};
  problems = quarantine(config);
  CHECK(problems.size() == 1);
  CHECK(config.stream_routes == kept);
}

TEST_CASE("ABrokenStreamRouteClosesItsConnections") {
  const StreamRoute good{.name = "r", .listener = "tcp", .backends = {kGood}};
  StreamRoute closed = good, broken = good;
  closed.backends = closing();

  broken.server_names = {"a.example"};
  CHECK(repaired(broken) == std::vector{closed});

  broken = good, broken.max_connections = 20'000'000;
  CHECK(repaired(broken) == std::vector{closed});

  broken = closed;
  closed.tls = StreamTls::kPassthrough;
  broken.tls = static_cast<StreamTls>(7);
  CHECK(repaired(broken) == std::vector{closed});
  broken.tls = StreamTls::kTerminate;
  broken.server_names = closed.server_names = {"a.example"};
  CHECK(repaired(broken) == std::vector{closed});
}

TEST_CASE("ABrokenShareOfAStreamRouteIsClosed") {
  const StreamRoute route{.name = "r",
                          .listener = "tcp",
                          .backends = {{.cluster = "a", .weight = 3}, {.cluster = "b", .weight = 5}}};
  const auto left = repaired(route);
  REQUIRE(left.size() == 1);
  CHECK(left[0].backends ==
        std::vector<BackendRef>{
            {.cluster = "a", .weight = 3},
            {.cluster = "b", .weight = 5, .failure = FixedReply{.status = 500, .why = "invalid_backend"}}});
}

TEST_CASE("AStreamRouteWithoutUsableNamesGoesAndNothingServesHttpInstead") {
  StreamRoute route{.name = "r",
                    .listener = "tls",
                    .tls = StreamTls::kPassthrough,
                    .server_names = {"A.example"},
                    .backends = {kGood}};
  CHECK(repaired(route).empty());
  route.listener = "tcp";
  CHECK(repaired(route, 1).empty());
  CHECK(repaired({.name = "\a", .listener = "tcp", .backends = {kGood}}, 1).empty());
  CHECK(repaired({.name = "r", .listener = "tls", .backends = {kGood}}).empty());
  CHECK(repaired({.name = "r", .listener = "nobody", .backends = {kGood}}).empty());
}

TEST_CASE("AStreamRouteKeepsWhatIsGoodOfItsNamesAndLimits") {
  StreamRoute route{.name = "r",
                    .listener = "tls",
                    .tls = StreamTls::kPassthrough,
                    .server_names = {"a.example", "B.example", "a.example"},
                    .backends = {kGood},
                    .idle_timeout = std::chrono::milliseconds(-1),
                    .max_connections = 7};
  const auto left = repaired(route);
  route.server_names = {"a.example"};
  route.idle_timeout = StreamRoute{}.idle_timeout;
  CHECK(left == std::vector{route});
}
