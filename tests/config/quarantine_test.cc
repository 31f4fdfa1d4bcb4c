#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/random_config.h"
#include "config/syntax.h"
#include "config/validate.h"
#include "ingress/config.h"

using namespace ingress;
using test::RandomConfig;

namespace {

// Indexes of the parts of `list` ("routes") that errors point into.
std::set<std::size_t> faulty_parts(const std::vector<Problem>& problems, const std::string& list) {
  std::set<std::size_t> out;
  for (const Problem& problem : problems) {
    if (problem.severity != Severity::kError || !problem.field.starts_with(list + "[")) continue;
    out.insert(std::stoul(problem.field.substr(list.size() + 1)));
  }
  return out;
}

template <class Part>
void check_good_parts_stay(const std::vector<Part>& before, const std::vector<Part>& after,
                           const std::set<std::size_t>& faulty) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (faulty.contains(i)) continue;
    CAPTURE(i);
    REQUIRE(std::ranges::count(after, before[i]) == 1);
  }
}

// Faulty listeners, and those that go with a faulty stream route of theirs: they would serve HTTP without it.
std::set<std::size_t> with_those_of_stream_routes(const GatewayConfig& config,
                                                  const std::vector<Problem>& problems) {
  std::set<std::size_t> out = faulty_parts(problems, "listeners");
  for (const std::size_t i : faulty_parts(problems, "stream_routes")) {
    for (std::size_t j = 0; j < config.listeners.size(); ++j) {
      if (config.listeners[j].name == config.stream_routes[i].listener) out.insert(j);
    }
  }
  return out;
}

// Nothing that had hosts or matches may come out without.
void check_nothing_widened(const Route& before, const Route& after) {
  REQUIRE(before.hosts.empty() == after.hosts.empty());
  for (const std::string& host : after.hosts) REQUIRE(std::ranges::count(before.hosts, host) >= 1);
  const auto num_open = [](const Route& route) {
    return std::ranges::count_if(route.rules, [](const RouteRule& rule) { return rule.matches.empty(); });
  };
  REQUIRE(num_open(before) == num_open(after));
  for (const RouteRule& rule : after.rules) {
    for (const RouteMatch& match : rule.matches) {
      REQUIRE(std::ranges::any_of(
          before.rules, [&](const RouteRule& old) { return std::ranges::count(old.matches, match) != 0; }));
    }
  }
}

// A server name with a policy that somebody could ask for still has one.
void check_no_policy_vanishes(const std::vector<TlsPolicy>& before, const std::vector<TlsPolicy>& after) {
  for (const TlsPolicy& policy : before) {
    for (const std::string& name : policy.server_names) {
      if (config::server_name_fault(name) != nullptr) continue;
      REQUIRE(std::ranges::any_of(
          after, [&](const TlsPolicy& kept) { return std::ranges::count(kept.server_names, name) == 1; }));
    }
  }
}

GatewayConfig config_with(RouteRule rule) {
  return {.clusters = {{.name = "a"}}, .routes = {{.name = "r", .rules = {std::move(rule)}}}};
}

}  // namespace

TEST_CASE("QuarantinedConfigsValidateAndGoodPartsStay") {
  std::size_t num_repaired = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    CAPTURE(seed);
    const GatewayConfig before = RandomConfig(seed, static_cast<unsigned>(seed % 5) * 4).make();
    const auto problems = validate(before);
    GatewayConfig after = before;
    REQUIRE(quarantine(after) == problems);
    const auto left = validate(after);
    CAPTURE(test::text_of(left));
    REQUIRE_FALSE(config::has_errors(left));
    const auto faulty_listeners = with_those_of_stream_routes(before, problems);
    check_good_parts_stay(before.listeners, after.listeners, faulty_listeners);
    check_good_parts_stay(before.clusters, after.clusters, faulty_parts(problems, "clusters"));
    check_good_parts_stay(before.routes, after.routes, faulty_parts(problems, "routes"));
    check_good_parts_stay(before.certificates, after.certificates, faulty_parts(problems, "certificates"));
    check_good_parts_stay(before.tls_policies, after.tls_policies, faulty_parts(problems, "tls_policies"));
    check_no_policy_vanishes(before.tls_policies, after.tls_policies);
    check_good_parts_stay(before.udp_listeners, after.udp_listeners, faulty_parts(problems, "udp_listeners"));
    auto faulty_streams = faulty_parts(problems, "stream_routes");
    for (std::size_t i = 0; i < before.stream_routes.size(); ++i) {
      // It goes with its listener, and a backend goes with its cluster.
      const auto listener =
          std::ranges::find(before.listeners, before.stream_routes[i].listener, &Listener::name);
      if (faulty_listeners.contains(static_cast<std::size_t>(listener - before.listeners.begin())) ||
          !faulty_parts(problems, "clusters").empty())
        faulty_streams.insert(i);
    }
    check_good_parts_stay(before.stream_routes, after.stream_routes, faulty_streams);
    if (!config::has_errors(problems)) REQUIRE(after == before);
    num_repaired += before != after ? 1 : 0;
    GatewayConfig again = after;
    quarantine(again);
    REQUIRE(again == after);
  }
  CHECK(num_repaired > 1000);
}

TEST_CASE("QuarantineNeverWidensWhatARouteServes") {
  const auto exists = [](std::string_view name) { return name == "cluster-0"; };
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    for (const Route& before : RandomConfig(seed, 10).make().routes) {
      Route after = before;
      if (config::quarantine_route(after, exists) == config::Repair::kDrop) continue;
      check_nothing_widened(before, after);
      std::vector<Problem> problems;
      config::validate_route(after, "route", exists, problems);
      REQUIRE_FALSE(config::has_errors(problems));
    }
  }
}

TEST_CASE("ABadBackendFailsWithItsShare") {
  GatewayConfig config =
      config_with({.backends = {{.cluster = "a", .weight = 95}, {.cluster = "b", .weight = 5}}});
  quarantine(config);
  const auto& backends = config.routes[0].rules[0].backends;
  REQUIRE(backends.size() == 2);
  CHECK(backends[0] == BackendRef{.cluster = "a", .weight = 95});
  CHECK(backends[1] == BackendRef{.cluster = "b",
                                  .weight = 5,
                                  .failure = FixedReply{.status = 500, .why = "invalid_backend"}});
}

TEST_CASE("ABadRuleAnswers500WhereItMatched") {
  RouteRule bad{.name = "x",
                .matches = {{.path = PathMatch::exact("/x")}},
                .backends = {{.cluster = "a"}},
                .reply = FixedReply{.status = 200}};
  GatewayConfig config = config_with(bad);
  quarantine(config);
  bad.backends.clear();
  bad.reply = FixedReply{.status = 500, .why = "invalid_rule"};
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].rules == std::vector{bad});
}

TEST_CASE("ARuleWithoutValidMatchesGoes") {
  GatewayConfig config =
      config_with({.matches = {{.path = PathMatch::prefix("x")}, {.path = PathMatch::prefix("/ok")}},
                   .backends = {{"a"}}});
  config.routes[0].rules.push_back({.matches = {{.path = PathMatch::prefix("x")}}, .backends = {{"a"}}});
  quarantine(config);
  REQUIRE(config.routes[0].rules.size() == 1);
  CHECK(config.routes[0].rules[0].matches == std::vector<RouteMatch>{{.path = PathMatch::prefix("/ok")}});
}

TEST_CASE("ARouteWithoutValidHostsGoes") {
  GatewayConfig config = config_with({.backends = {{"a"}}});
  config.routes[0].hosts = {"A.b", "a.b"};
  config.routes.push_back({.name = "s", .hosts = {"A.b"}, .rules = config.routes[0].rules});
  quarantine(config);
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].hosts == std::vector<std::string>{"a.b"});
}

TEST_CASE("RepeatedKeysKeepTheFirst") {
  GatewayConfig config;
  config.listeners = {{.name = "a", .port = 80}, {.name = "b", .port = 80}, {.name = "a", .port = 81}};
  config.clusters = {{.name = "c", .endpoints = {{"10.0.0.1", 1}}}, {.name = "c"}};
  config.routes = {{.name = "r", .hosts = {"a.example"}}, {.name = "r", .hosts = {"b.example"}}};
  const GatewayConfig before = config;
  quarantine(config);
  CHECK(config.listeners == std::vector{before.listeners[0]});
  CHECK(config.clusters == std::vector{before.clusters[0]});
  CHECK(config.routes == std::vector{before.routes[0]});
}

TEST_CASE("AnEndpointServesOnWithoutItsBadZoneOrWeight") {
  GatewayConfig config;
  config.clusters = {{.name = "c",
                      .endpoints = {{.address = "10.0.0.1", .port = 1, .weight = 0, .zone = "\n"},
                                    {.address = "10.0.0.2", .port = 0}},
                      .consistent_hash = {.source = HashSource::kHeader}}};
  quarantine(config);
  CHECK(config.clusters[0].endpoints == std::vector<Endpoint>{{.address = "10.0.0.1", .port = 1}});
  CHECK(config.clusters[0].consistent_hash == ConsistentHash{});
}

TEST_CASE("ABadCertificateIsDroppedAlone") {
  const Certificate good{.name = "a", .server_names = {"a.example"}, .chain = "c", .key = {"k"}};
  Certificate no_key = good, no_chain = good, shown_key = good, bad_names = good;
  no_key.name = "no_key", no_key.key.text.clear();
  no_chain.name = "no_chain", no_chain.chain.clear();
  shown_key.name = "shown_key", shown_key.chain += "-----BEGIN EC PRIVATE KEY-----";
  bad_names.name = "bad_names", bad_names.server_names = {"10.0.0.1", "b.example", "b.example", "**.example"};
  GatewayConfig config{.certificates = {no_key, no_chain, good, shown_key, bad_names, good}};
  quarantine(config);
  bad_names.server_names = {"b.example"};
  CHECK(config.certificates == std::vector{good, bad_names});
}

TEST_CASE("AServerNameKeepsTheFirstFourCertificatesByName") {
  GatewayConfig config;
  for (const char* name : {"f", "e", "a", "d", "c", "b"})
    config.certificates.push_back({.name = name, .server_names = {"a.example"}, .chain = "c", .key = {"k"}});
  config.certificates[2].key.text.clear();  // "a" goes, and takes nobody's place
  config.certificates[0].server_names.emplace_back("own.example");
  quarantine(config);
  CHECK_FALSE(config::has_errors(validate(config)));
  REQUIRE(config.certificates.size() == 5);
  CHECK(config.certificates[0].server_names == std::vector<std::string>{"own.example"});
  for (std::size_t i = 1; i < 5; ++i)
    CHECK(config.certificates[i].server_names == std::vector<std::string>{"a.example"});
}

TEST_CASE("AListenerWithBadTlsStaysOneWithTls") {
  const auto repaired = [](ListenerTls tls) {
    GatewayConfig config{.listeners = {{.name = "web", .port = 443, .tls = tls, .https_port = 0}}};
    quarantine(config);
    REQUIRE(config.listeners.size() == 1);
    CHECK(config.listeners[0].https_port == 443);
    REQUIRE(config.listeners[0].tls);
    return *config.listeners[0].tls;
  };
  CHECK(repaired({.min_version = static_cast<TlsVersion>(7)}) ==
        ListenerTls{.min_version = TlsVersion::kTls13});
  CHECK(repaired({.max_version = static_cast<TlsVersion>(7)}) == ListenerTls{});
  // Whoever asked for 1.3 at least gets no less.
  CHECK(repaired({.min_version = TlsVersion::kTls13, .max_version = TlsVersion::kTls12}) ==
        ListenerTls{.min_version = TlsVersion::kTls13});
  CHECK(repaired({.preset = TlsPreset::kModern, .max_version = TlsVersion::kTls12}) ==
        ListenerTls{.preset = TlsPreset::kModern});
  CHECK(repaired({.preset = static_cast<TlsPreset>(9)}) == ListenerTls{.min_version = TlsVersion::kTls13});
  CHECK(repaired({.preset = static_cast<TlsPreset>(9), .max_version = TlsVersion::kTls12}) ==
        ListenerTls{.min_version = TlsVersion::kTls13});
  CHECK(repaired({.tls12_ciphers = {static_cast<Tls12Cipher>(9)}}) ==
        ListenerTls{.min_version = TlsVersion::kTls13});
  CHECK(repaired({.groups = {static_cast<TlsGroup>(9)}}) == ListenerTls{.min_version = TlsVersion::kTls13});
  constexpr Tls12Cipher kCipher = Tls12Cipher::kEcdheRsaAes256Gcm;
  CHECK(repaired({.tls12_ciphers = {static_cast<Tls12Cipher>(9), kCipher, kCipher}}) ==
        ListenerTls{.tls12_ciphers = {kCipher}});
  CHECK(repaired({.preset = TlsPreset::kModern, .tls12_ciphers = {kCipher}}) ==
        ListenerTls{.preset = TlsPreset::kModern});
  CHECK(repaired({.groups = {static_cast<TlsGroup>(9), TlsGroup::kP256}}) ==
        ListenerTls{.groups = {TlsGroup::kP256}});
  // Nor does whoever asked for post-quantum groups alone.
  CHECK(repaired({.max_version = TlsVersion::kTls12, .groups = {TlsGroup::kX25519MlKem768}}) ==
        ListenerTls{.min_version = TlsVersion::kTls13, .groups = {TlsGroup::kX25519MlKem768}});
  CHECK(repaired({.min_version = TlsVersion::kTls13, .default_certificate = "a\n"}) ==
        ListenerTls{.min_version = TlsVersion::kTls13});
}

TEST_CASE("AListenerNeverGivesUpItsProxyProtocol") {
  const auto repaired = [](std::vector<std::string> senders) {
    GatewayConfig config{.listeners = {{.name = "web", .port = 80, .proxy_protocol = {{senders}}}}};
    quarantine(config);
    CHECK_FALSE(config::has_errors(validate(config)));
    return config.listeners;
  };
  const auto kept = repaired({"proxy", "10.0.0.0/8", "10.0.0.1/8", "unix"});
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].proxy_protocol == ListenerProxyProtocol{{"10.0.0.0/8", "unix"}});
  CHECK(repaired({"proxy"}).empty());
  CHECK(repaired({}).empty());
}

TEST_CASE("AClusterWithBadTlsHasNoEndpointsAndNeverTurnsPlain") {
  const auto repaired = [](BackendTls tls) {
    GatewayConfig config{.clusters = {{.name = "a", .endpoints = {{"10.0.0.1", 443}}, .tls = tls}}};
    quarantine(config);
    CHECK_FALSE(config::has_errors(validate(config)));
    REQUIRE(config.clusters.size() == 1);
    return config.clusters[0];
  };
  const BackendTls good{.server_name = "a.example", .verification = BackendVerification::kNone};
  CHECK(repaired(good).endpoints.size() == 1);
  CHECK(repaired(good).tls == good);
  for (const BackendTls& bad :
       {BackendTls{.server_name = "*.a"}, BackendTls{.allowed_names = {"a", "a"}},
        BackendTls{.client_key = {"k"}}, BackendTls{.verification = static_cast<BackendVerification>(9)},
        BackendTls{.min_version = static_cast<TlsVersion>(9)}}) {
    const Cluster cluster = repaired(bad);
    CHECK(cluster.endpoints.empty());
    CHECK(cluster.tls == BackendTls{});
  }
}

TEST_CASE("AClusterWhoseProxyHeaderCannotBeReadHasNoEndpoints") {
  GatewayConfig config{
      .clusters = {
          {.name = "a", .endpoints = {{"10.0.0.1", 80}}, .proxy_protocol = static_cast<ProxyProtocol>(9)}}};
  quarantine(config);
  CHECK_FALSE(config::has_errors(validate(config)));
  CHECK(config.clusters == std::vector{Cluster{.name = "a"}});
}

TEST_CASE("AListenerWithBadClientCertificatesLetsNobodyIn") {
  const ClientCertificates good{.authorities = "-----BEGIN CERTIFICATE-----",
                                .allowed_names = {{.value = "a.example"}},
                                .headers = {.verified = "x-verified", .subject = "x-subject"}};
  const auto repaired = [&](auto&& break_it) {
    ClientCertificates certificates = good;
    break_it(certificates);
    GatewayConfig config{
        .listeners = {{.name = "web", .tls = ListenerTls{.client_certificates = certificates}}}};
    quarantine(config);
    REQUIRE(config.listeners.size() == 1);
    CHECK_FALSE(config::has_errors(validate(config)));
    return config.listeners[0].tls->client_certificates;
  };
  // The names stay reserved: what other listeners remove because of them could be forged there.
  const ClientCertificates nobody{.mode = ClientCertificateMode::kRefuse, .headers = good.headers};
  ClientCertificates one_name = nobody;
  one_name.headers.subject.clear();
  CHECK(repaired([](auto&) {}) == good);
  CHECK(repaired([](auto& c) { c.authorities.clear(); }) == nobody);
  CHECK(repaired([](auto& c) { c.mode = static_cast<ClientCertificateMode>(9); }) == nobody);
  CHECK(repaired([](auto& c) { c.allowed_names[0].type = static_cast<ClientNameType>(9); }) == nobody);
  CHECK(repaired([](auto& c) { c.allowed_names[0].value.clear(); }) == nobody);
  for (const char* bad : {"content-length", "x_subject", "X-Verified", "a b"})
    CHECK(repaired([&](auto& c) { c.headers.subject = bad; }) == one_name);
  CHECK(repaired([](auto& c) { c.max_intermediates = 99; }) == nobody);
}

TEST_CASE("ABadRuleStillRedirects") {
  GatewayConfig config = config_with({.backends = {{"a"}},
                                      .plain_requests = PlainRequests::kRedirect,
                                      .hsts = Hsts{.max_age = std::chrono::seconds(7)},
                                      .timeouts = {.request = std::chrono::milliseconds(-1)}});
  quarantine(config);
  CHECK(config.routes[0].rules[0].reply == FixedReply{.status = 500, .why = "invalid_rule"});
  CHECK(config.routes[0].rules[0].plain_requests == PlainRequests::kRedirect);
  CHECK(config.routes[0].rules[0].hsts == Hsts{.max_age = std::chrono::seconds(7)});
}

TEST_CASE("ListsOverTheirCapsAreCut") {
  GatewayConfig config = config_with({.matches = {5000, RouteMatch{}}, .backends = {{"a"}}});
  config.routes[0].hosts.assign(20'000, "a.example");
  quarantine(config);
  CHECK_FALSE(config::has_errors(validate(config)));
  CHECK(config.routes[0].hosts.size() == 16'384);
  CHECK(config.routes[0].rules[0].matches.size() == 4096);
  CHECK_FALSE(config.routes[0].rules[0].reply);
  GatewayConfig certificates;
  for (int i = 0; i < 250'001; ++i)
    certificates.certificates.push_back({.name = std::to_string(i), .chain = "c", .key = {"k"}});
  const auto problems = quarantine(certificates);
  CHECK(std::ranges::count(problems, "certificates", &Problem::field) == 1);
  CHECK(certificates.certificates.size() == 250'000);
  CHECK_FALSE(config::has_errors(validate(certificates)));
}
