#include "config/validate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/random_config.h"
#include "config/validate_rows.h"
#include "ingress/config.h"

using namespace ingress;
using namespace std::chrono_literals;
using test::check_rows;
using test::good_config;
using test::RandomConfig;

namespace {

RouteRule& rule(GatewayConfig& config) {
  return config.routes[0].rules[0];
}
RouteMatch& match(GatewayConfig& config) {
  return rule(config).matches[0];
}
BackendRef& backend(GatewayConfig& config) {
  return rule(config).backends[0];
}

}  // namespace

TEST_CASE("GoodConfigsHaveNoErrors") {
  CHECK(validate({}).empty());
  CHECK(validate(good_config()).empty());
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    const auto problems = validate(RandomConfig(seed, 0).make());
    CAPTURE(test::text_of(problems));
    REQUIRE_FALSE(config::has_errors(problems));
  }
}

TEST_CASE("ListenerFaultsNameTheirField") {
  check_rows(
      {{"listeners[0].name", [](auto& c) { c.listeners[0].name = ""; }},
       {"listeners[0].name", [](auto& c) { c.listeners[0].name = "a\x1b"; }},
       {"listeners[0].name", [](auto& c) { c.listeners[0].name.assign(513, 'a'); }},
       {"listeners[0].address", [](auto& c) { c.listeners[0].address = "localhost"; }},
       {"listeners[0].address", [](auto& c) { c.listeners[0].address = "[::1]"; }},
       {"listeners[0].address", [](auto& c) { c.listeners[0].address = "unix:a", c.listeners[0].port = 0; }},
       {"listeners[0].port", [](auto& c) { c.listeners[0].address = "unix:/a"; }},
       {"listeners[0].limits.request_line_bytes",
        [](auto& c) { c.listeners[0].limits.request_line_bytes = 255; }},
       {"listeners[0].limits.head_bytes", [](auto& c) { c.listeners[0].limits.head_bytes = 1023; }},
       {"listeners[0].limits.head_bytes", [](auto& c) { c.listeners[0].limits.head_bytes = (1 << 20) + 1; }},
       {"listeners[0].limits.max_headers", [](auto& c) { c.listeners[0].limits.max_headers = 0; }},
       {"listeners[0].limits.body_bytes", [](auto& c) { c.listeners[0].limits.body_bytes = ~0ULL; }},
       {"listeners[0].timeouts.request_head_ms", [](auto& c) { c.listeners[0].timeouts.request_head = 0ms; }},
       {"listeners[0].timeouts.write_idle_ms", [](auto& c) { c.listeners[0].timeouts.write_idle = 25h; }},
       {"listeners[1].name", [](auto& c) { c.listeners.push_back({.name = "web", .address = "::1"}); }},
       {"listeners[1].address",
        [](auto& c) {
          c.listeners[0].address = "::1";
          c.listeners.push_back({.name = "b", .address = "0::1", .port = 80});
        }}},
      Severity::kError);
  GatewayConfig any_port{.listeners = {{.name = "a"}, {.name = "b"}}};
  CHECK(validate(any_port).empty());
}

TEST_CASE("ClusterFaultsNameTheirField") {
  check_rows(
      {{"clusters[1].name", [](auto& c) { c.clusters.push_back({.name = "a"}); }},
       {"clusters[1].name", [](auto& c) { c.clusters.push_back({}); }},
       {"clusters[0].origin.name", [](auto& c) { c.clusters[0].origin.name = "\n"; }},
       {"clusters[0].endpoints[0].address", [](auto& c) { c.clusters[0].endpoints[0].address = ""; }},
       {"clusters[0].endpoints[0].address", [](auto& c) { c.clusters[0].endpoints[0].address = "a:80"; }},
       {"clusters[0].endpoints[0].address", [](auto& c) { c.clusters[0].endpoints[0].address = "1.2.3"; }},
       {"clusters[0].endpoints[0].port", [](auto& c) { c.clusters[0].endpoints[0].port = 0; }},
       {"clusters[0].endpoints[1]", [](auto& c) { c.clusters[0].endpoints.push_back({"10.0.0.1", 80}); }},
       {"clusters[0].endpoints[2]",
        [](auto& c) { c.clusters[0].endpoints = {{"a.Example", 80}, {"b.example", 80}, {"A.example", 80}}; }},
       {"clusters[0].load_balancing",
        [](auto& c) { c.clusters[0].load_balancing = static_cast<LoadBalancing>(9); }},
       {"clusters[0].endpoints[0].weight", [](auto& c) { c.clusters[0].endpoints[0].weight = 0; }},
       {"clusters[0].endpoints[0].weight", [](auto& c) { c.clusters[0].endpoints[0].weight = 1'000'001; }},
       {"clusters[0].endpoints[0].zone", [](auto& c) { c.clusters[0].endpoints[0].zone = "\n"; }},
       {"clusters[0].endpoints[1]",  // another weight or zone makes no other endpoint
        [](auto& c) {
          c.clusters[0].endpoints.push_back({.address = "10.0.0.1", .port = 80, .weight = 2, .zone = "z"});
        }},
       {"clusters[0].consistent_hash.name",
        [](auto& c) { c.clusters[0].consistent_hash.source = HashSource::kHeader; }},
       {"clusters[0].consistent_hash.name", [](auto& c) { c.clusters[0].consistent_hash.name = "x"; }},
       {"clusters[0].consistent_hash.name",
        [](auto& c) { c.clusters[0].consistent_hash = {.source = HashSource::kCookie, .name = "a b"}; }},
       {"clusters[0].consistent_hash.name",
        [](auto& c) {
          c.clusters[0].consistent_hash = {.source = HashSource::kQueryParameter, .name = "\n"};
        }},
       {"clusters[0].consistent_hash.balance_factor_percent",
        [](auto& c) { c.clusters[0].consistent_hash.balance_factor_percent = 99; }},
       {"clusters[0].slow_start.min_weight_percent",
        [](auto& c) { c.clusters[0].slow_start.min_weight_percent = 0; }},
       {"clusters[0].slow_start.window_ms", [](auto& c) { c.clusters[0].slow_start.window = -1ms; }},
       {"clusters[0].locality.overprovisioning_percent",
        [](auto& c) { c.clusters[0].locality.overprovisioning_percent = 99; }},
       {"clusters[0].panic_threshold_percent", [](auto& c) { c.clusters[0].panic_threshold_percent = 101; }},
       {"clusters[0].timeouts.connect_ms", [](auto& c) { c.clusters[0].timeouts.connect = -1ms; }},
       {"clusters[0].limits.response_head_bytes",
        [](auto& c) { c.clusters[0].limits.response_head_bytes = 0; }},
       {"clusters[0].endpoints",
        [](auto& c) {
          for (int i = 0; i < 65'536; ++i) {
            c.clusters[0].endpoints.push_back(
                {"10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256), 1});
          }
        }}},
      Severity::kError);
}

TEST_CASE("RouteFaultsNameTheirField") {
  check_rows(
      {{"routes[0].name", [](auto& c) { c.routes[0].name = ""; }},
       {"routes[1].name", [](auto& c) { c.routes.push_back(c.routes[0]); }},
       {"routes[0].hosts[1]", [](auto& c) { c.routes[0].hosts.push_back("a.b:80"); }},
       {"routes[0].rules[0].name", [](auto& c) { rule(c).name = "\n"; }},
       {"routes[0].rules[0].timeouts.request_ms", [](auto& c) { rule(c).timeouts.request = -1ms; }},
       {"routes[0].rules[0].timeouts.backend_request_ms",
        [](auto& c) { rule(c).timeouts = {.request = 1s, .backend_request = 1001ms}; }},
       {"routes[0].rules[0].timeouts.tunnel_idle_ms",
        [](auto& c) { rule(c).timeouts.tunnel_idle = 86'400'001ms; }},
       {"routes[0].rules[0].timeouts.deadline_header",
        [](auto& c) { rule(c).timeouts.deadline_header = "X-Left"; }},
       {"routes[0].rules[0].timeouts.deadline_header",
        [](auto& c) { rule(c).timeouts = {.request = 1s, .deadline_header = "Content-Length"}; }},
       {"routes[0].rules[0].retry.attempts",
        [](auto& c) { rule(c).retry = RetryPolicy{.codes = {503}, .attempts = 0}; }},
       {"routes[0].rules[0].retry.codes[0]", [](auto& c) { rule(c).retry = RetryPolicy{.codes = {302}}; }},
       {"routes[0].rules[0].retry.retry_on[0]",
        [](auto& c) { rule(c).retry = RetryPolicy{.retry_on = {static_cast<RetryCondition>(7)}}; }},
       {"routes[0].rules[0].retry.backoff.base_ms",
        [](auto& c) { rule(c).retry = RetryPolicy{.codes = {503}, .backoff = {.base = 2s, .max = 1s}}; }},
       {"routes[0].rules[0].retry.budget.percent",
        [](auto& c) { rule(c).retry = RetryPolicy{.codes = {503}, .budget = {.percent = 101}}; }},
       {"routes[0].rules[0].mirrors[0].cluster",
        [](auto& c) { rule(c).mirrors.push_back({.cluster = "nowhere"}); }},
       {"routes[0].rules[0].mirrors[0].numerator",
        [](auto& c) { rule(c).mirrors.push_back({.cluster = c.clusters[0].name, .numerator = 101}); }},
       {"routes[0].rules[0].mirrors[0].denominator",
        [](auto& c) {
          rule(c).mirrors.push_back({.cluster = c.clusters[0].name, .numerator = 0, .denominator = 0});
        }},
       {"routes[0].rules[0].reply", [](auto& c) { rule(c).reply = FixedReply{}; }},
       {"routes[0].rules[0].reply.status",
        [](auto& c) { rule(c).backends.clear(), rule(c).reply = FixedReply{.status = 199}; }},
       {"routes[0].rules[0].reply.why",
        [](auto& c) { rule(c).backends.clear(), rule(c).reply = FixedReply{.why = "No"}; }},
       {"routes[0].rules[0].matches[0].path.value", [](auto& c) { match(c).path.value = ""; }},
       {"routes[0].rules[0].matches[0].path.value", [](auto& c) { match(c).path.value = "/a?b"; }},
       {"routes[0].rules[0].matches[0].path.value", [](auto& c) { match(c).path.value.assign(4097, '/'); }},
       {"routes[0].rules[0].matches[0].path.type",
        [](auto& c) { match(c).path.type = static_cast<PathMatchType>(9); }},
       {"routes[0].rules[0].matches[0].method", [](auto& c) { match(c).method = "GET POST"; }},
       {"routes[0].rules[0].matches[0].headers[0].name", [](auto& c) { match(c).headers = {{"", "a"}}; }},
       {"routes[0].rules[0].matches[0].headers[0].name", [](auto& c) { match(c).headers = {{"a:", "a"}}; }},
       {"routes[0].rules[0].matches[0].headers[0].value", [](auto& c) { match(c).headers = {{"a", " a"}}; }},
       {"routes[0].rules[0].matches[0].query[0].name", [](auto& c) { match(c).query = {{"a=b", ""}}; }},
       {"routes[0].rules[0].matches[0].query[0].value", [](auto& c) { match(c).query = {{"a", "&"}}; }},
       {"routes[0].rules[0].matches[0].query", [](auto& c) { match(c).query.assign(65, {"a", "b"}); }},
       {"routes[0].rules[0].backends[0].cluster", [](auto& c) { backend(c).cluster = ""; }},
       {"routes[0].rules[0].backends[0].cluster", [](auto& c) { backend(c).cluster = "b"; }},
       {"routes[0].rules[0].backends[0].cluster",
        [](auto& c) { backend(c).cluster = "\n", backend(c).failure = FixedReply{}; }},
       {"routes[0].rules[0].backends[0].weight", [](auto& c) { backend(c).weight = 1'000'001; }},
       {"routes[0].rules[0].backends[0].failure.status",
        [](auto& c) { backend(c).failure = FixedReply{.status = 600}; }}},
      Severity::kError);
}

TEST_CASE("ProxyProtocolFaultsNameTheirField") {
  check_rows(
      {{"listeners[0].timeouts.proxy_header_ms", [](auto& c) { c.listeners[0].timeouts.proxy_header = 0ms; }},
       {"listeners[0].proxy_protocol.senders",
        [](auto& c) { c.listeners[0].proxy_protocol = ListenerProxyProtocol{}; }},
       {"listeners[0].proxy_protocol.senders[1]",
        [](auto& c) { c.listeners[0].proxy_protocol = ListenerProxyProtocol{{"::1", "10.0.0.1/8"}}; }},
       {"clusters[0].proxy_protocol",
        [](auto& c) { c.clusters[0].proxy_protocol = static_cast<ProxyProtocol>(3); }}},
      Severity::kError);
  check_rows({{"clusters[0].limits.preconnect",
               [](auto& c) {
                 c.clusters[0].proxy_protocol = ProxyProtocol::kV2;
                 c.clusters[0].limits.preconnect = 1;
               }}},
             Severity::kWarning);
}

TEST_CASE("RegularExpressionFaultsNameTheirField") {
  check_rows(
      {{"routes[0].rules[0].matches[0].path.value",
        [](auto& c) { match(c).path = PathMatch::regular_expression("/("); }},
       {"routes[0].rules[0].matches[0].path.value",
        [](auto& c) { match(c).path = PathMatch::regular_expression(std::string(1025, 'a')); }},
       {"routes[0].rules[0].matches[0].path.value",
        [](auto& c) { match(c).path = PathMatch::regular_expression("/[a-z]{1000}[0-9]{1000}[A-Z]{1000}"); }},
       {"routes[0].rules[0].matches[0].headers[0].value",
        [](auto& c) { match(c).headers = {{"a", "[", ValueMatchType::kRegularExpression}}; }},
       {"routes[0].rules[0].matches[0].headers[0].type",
        [](auto& c) { match(c).headers = {{"a", "b", static_cast<ValueMatchType>(9)}}; }},
       {"routes[0].rules[0].matches[0].query[0].value",
        [](auto& c) { match(c).query = {{"a", "a**", ValueMatchType::kRegularExpression}}; }}},
      Severity::kError);
}

TEST_CASE("WhatIsProbablyNotMeantIsAWarning") {
  check_rows({{"routes[0].rules", [](auto& c) { c.routes[0].rules.clear(); }},
              {"routes[0].hosts[1]", [](auto& c) { c.routes[0].hosts.push_back("a.example"); }},
              {"routes[0].rules[0].backends", [](auto& c) { rule(c).backends.clear(); }},
              {"routes[0].rules[0].backends", [](auto& c) { backend(c).weight = 0; }},
              {"routes[0].rules[0].matches[0].method", [](auto& c) { match(c).method = "get"; }},
              {"listeners[0].tls.default_certificate",
               [](auto& c) { c.listeners[0].tls.emplace().default_certificate = "gone"; }},
              {"clusters[0].tls.verification",
               [](auto& c) { c.clusters[0].tls = BackendTls{.verification = BackendVerification::kNone}; }},
              {"certificates[0].server_names", [](auto& c) { c.certificates[0].server_names.clear(); }}},
             Severity::kWarning);
}

TEST_CASE("FailingBackendsNeedNoCluster") {
  GatewayConfig config = good_config();
  backend(config) = {.failure = FixedReply{.status = 503, .why = "no_service"}};
  CHECK(validate(config).empty());
  backend(config).cluster = "gone";
  CHECK(validate(config).empty());
}

TEST_CASE("AllProblemsComeAtOnceInOrder") {
  GatewayConfig config = good_config();
  backend(config).cluster = "b";
  match(config).path.value = "x";
  config.listeners[0].address = "x";
  const auto problems = validate(config);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "listeners[0].address");
  CHECK(problems[1].field == "routes[0].rules[0].matches[0].path.value");
  CHECK(problems[2].field == "routes[0].rules[0].backends[0].cluster");
}

TEST_CASE("ProblemsNameTheirObjectPrintably") {
  GatewayConfig config = good_config();
  config.routes[0].hosts = {"\x1b[0m"};
  auto problems = validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].object == Origin{.kind = "Route", .namespace_ = "", .name = "r"});
  CHECK(problems[0].why.find('\x1b') == std::string::npos);
  config.routes[0].origin = {.kind = "Ingress", .namespace_ = "default", .name = "shop"};
  problems = validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].object == config.routes[0].origin);
  config = good_config();
  config.clusters[0].endpoints[0].port = 0;
  config.listeners[0].name = "\n";
  problems = validate(config);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].object == Origin{.kind = "Listener", .namespace_ = "", .name = "?"});
  CHECK(problems[1].object == Origin{.kind = "Cluster", .namespace_ = "", .name = "a"});
}

TEST_CASE("ReferencesAreUncheckedWithoutClusters") {
  const GatewayConfig config = good_config();
  std::vector<Problem> problems;
  config::validate_route(config.routes[0], "upsert_routes[0]", {}, problems);
  CHECK(problems.empty());
  config::validate_route(
      config.routes[0], "upsert_routes[0]", [](std::string_view) { return false; }, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "upsert_routes[0].rules[0].backends[0].cluster");
}
