#include <doctest/doctest.h>

#include <algorithm>

#include "config/random_config.h"
#include "ingress/config.h"

using namespace ingress;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kYaml = R"(# comments are welcome
version: 1
listeners:
  - name: web
    address: "::"
    port: 8080
    timeouts: {request_head_ms: 5000}
clusters:
  - name: cart
    endpoints:
      - {address: 10.0.0.1, port: 9000}
    load_balancing: least_request
routes:
  - name: shop
    hosts: [shop.example.com, "*.shop.example.com"]
    rules:
      - matches:
          - path: {type: exact, value: /cart}
            headers: [{name: x-tenant, value: "1"}]
        backends: [{cluster: cart, weight: 95}, {failure: {status: 503, why: no_service}, weight: 5}]
    created_at: 1700000000
    origin: {kind: Ingress, namespace: default, name: shop}
)";

GatewayConfig yaml_config() {
  return {
      .listeners = {{.name = "web", .address = "::", .port = 8080, .timeouts = {.request_head = 5s}}},
      .clusters = {{.name = "cart",
                    .endpoints = {{"10.0.0.1", 9000}},
                    .load_balancing = LoadBalancing::kLeastRequest}},
      .routes = {{.name = "shop",
                  .hosts = {"shop.example.com", "*.shop.example.com"},
                  .rules = {{.matches = {{.path = PathMatch::exact("/cart"), .headers = {{"x-tenant", "1"}}}},
                             .backends = {{.cluster = "cart", .weight = 95},
                                          {.weight = 5,
                                           .failure = FixedReply{.status = 503, .why = "no_service"}}}}},
                  .created_at = 1700000000,
                  .origin = {.kind = "Ingress", .namespace_ = "default", .name = "shop"}}}};
}

struct Row {
  const char* text;
  const char* field;
  const char* why;  // part of it
};

}  // namespace

TEST_CASE("YamlIsReadInFull") {
  const auto config = parse_config(kYaml, ConfigFormat::kYaml);
  if (!config) FAIL(test::text_of(config.error()));
  CHECK(*config == yaml_config());
}

TEST_CASE("FaultsOfFormNameTheirField") {
  const Row rows[] = {
      {R"([])", "", "list"},
      {R"({})", "version", "missing"},
      {R"({"version": 2})", "version", "2"},
      {R"({"version": "1"})", "version", "string"},
      {R"({"version": 1, "route": []})", "route", "no field"},
      {R"({"version": 1, "a\nb": 1})", R"('a\x0ab')", "no field"},
      {R"({"version": 1, "routes": {}})", "routes", "object"},
      {R"({"version": 1, "routes": null})", "routes", "null"},
      {R"({"version": 1, "routes": [1]})", "routes[0]", "integer"},
      {R"({"version": 1, "routes": [{}]})", "routes[0].name", "missing"},
      {R"({"version": 1, "routes": [{"name": 1}]})", "routes[0].name", "integer"},
      {R"({"version": 1, "routes": [{"name": "a", "hosts": "b"}]})", "routes[0].hosts", "string"},
      {R"({"version": 1, "routes": [{"name": "a", "hosts": ["b", 2]}]})", "routes[0].hosts[1]", "integer"},
      {R"({"version": 1, "routes": [{"name": "a", "created_at": 1.5}]})", "routes[0].created_at", "number"},
      {R"({"version": 1, "routes": [{"name": "a", "rules": [{"matches": [{"path": "/"}]}]}]})",
       "routes[0].rules[0].matches[0].path", "string"},
      {R"({"version": 1, "routes": [{"name": "a", "rules": [{"matches": [{"path": {"type": "exact"}}]}]}]})",
       "routes[0].rules[0].matches[0].path.value", "missing"},
      {R"({"version": 1, "routes": [{"name": "a", "rules": [{"reply": {"status": 65536}}]}]})",
       "routes[0].rules[0].reply.status", "65536"},
      {R"({"version": 1, "clusters": [{"name": "a", "load_balancing": "fastest"}]})",
       "clusters[0].load_balancing", "fastest"},
      {R"({"version": 1, "clusters": [{"name": "a", "timeouts": {"connect": 5}}]})",
       "clusters[0].timeouts.connect", "no field"},
      {R"({"version": 1, "listeners": [{"name": "a", "port": -1}]})", "listeners[0].port", "-1"},
      {R"({"version": 1, "listeners": [{"name": "a", "port": true}]})", "listeners[0].port", "bool"},
      {R"({"version": 1, "listeners": [{"name": "a", "limits": {"head_bytes": 4294967296}}]})",
       "listeners[0].limits.head_bytes", "4294967296"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": {"min_version": "1.1"}}]})",
       "listeners[0].tls.min_version", "1.1"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": {"tls12_ciphers": ["TLS_AES_128_GCM_SHA256"]}}]})",
       "listeners[0].tls.tls12_ciphers[0]", "'TLS_AES_128_GCM_SHA256'"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": {"groups": ["x25519", "P-256"]}}]})",
       "listeners[0].tls.groups[1]", "'P-256'"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": {"preset": "old"}}]})", "listeners[0].tls.preset",
       "'old'"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": {"min_version": 1.2}}]})",
       "listeners[0].tls.min_version", "number"},
      {R"({"version": 1, "listeners": [{"name": "a", "tls": true}]})", "listeners[0].tls", "bool"},
      {R"({"version": 1, "certificates": [{"name": "a", "chain": "b"}]})", "certificates[0].key", "missing"},
      {R"({"version": 1, "certificates": [{"name": "a", "chain": "b", "key": {}}]})", "certificates[0].key",
       "object"},
      {R"j({"version": 1, "certificates": [{"name": "a", "chain": "b", "key": "(redacted)"}]})j",
       "certificates[0].key", "left out when this text was written"},
  };
  for (const Row& row : rows) {
    for (const ConfigFormat format : {ConfigFormat::kJson, ConfigFormat::kYaml}) {
      CAPTURE(row.text);
      const auto config = parse_config(row.text, format);
      REQUIRE_FALSE(config);
      CAPTURE(test::text_of(config.error()));
      REQUIRE(config.error().size() == 1);
      CHECK(config.error()[0].field == row.field);
      CHECK(config.error()[0].why.find(row.why) != std::string::npos);
      CHECK_FALSE(config.error()[0].fix.empty());
    }
  }
}

TEST_CASE("AllFaultsOfFormComeAtOnceWithLineAndObject") {
  const auto config = parse_config(R"(version: 3
listeners:
  - name: web
    colour: red
    port: many
routes:
  - hosts: [1]
)",
                                   ConfigFormat::kYaml);
  REQUIRE_FALSE(config);
  const auto& problems = config.error();
  CAPTURE(test::text_of(problems));
  REQUIRE(problems.size() == 5);
  CHECK(problems[0].field == "version");
  CHECK(problems[1].field == "listeners[0].port");
  CHECK(problems[1].why.find("(line 5)") != std::string::npos);
  CHECK(problems[1].object == Origin{.kind = "Listener", .namespace_ = "", .name = "web"});
  CHECK(problems[2].field == "listeners[0].colour");
  CHECK(problems[2].why.find("(line 4)") != std::string::npos);
  CHECK(problems[2].fix.find("address") != std::string::npos);
  CHECK(problems[3].field == "routes[0].name");
  CHECK(problems[4].field == "routes[0].hosts[0]");
}

TEST_CASE("KeysAreReadFromTextOfSeveralLines") {
  const auto config = parse_config(R"(version: 1
listeners:
  - {name: web, port: 8443, tls: {default_certificate: a}}
routes:
  - name: r
    rules:
      - plain_requests: redirect
        reply: {status: 404}
certificates:
  - name: a
    server_names: [a.example, "*.a.example"]
    chain: |
      -----BEGIN CERTIFICATE-----
      MIIB
      -----END CERTIFICATE-----
    key: |
      -----BEGIN PRIVATE KEY-----
      MIGH
      -----END PRIVATE KEY-----
)",
                                   ConfigFormat::kYaml);
  if (!config) FAIL(test::text_of(config.error()));
  CHECK(config->listeners[0].tls == ListenerTls{.default_certificate = "a"});
  CHECK(config->routes[0].rules[0].plain_requests == PlainRequests::kRedirect);
  const Certificate wanted{.name = "a",
                           .server_names = {"a.example", "*.a.example"},
                           .chain = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                           .key = {"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"}};
  CHECK(config->certificates == std::vector{wanted});
  CHECK(validate(*config).empty());
}

TEST_CASE("NoProblemShowsAKey") {
  // Each text breaks something next to the key, or the key itself.
  for (const char* text :
       {R"({"version": 1, "certificates": [{"name": 1, "chain": 2, "key": "very secret", "x": 3}]})",
        R"({"version": 1, "certificates": [{"name": "a", "chain": "b", "key": ["very secret"]}]})",
        R"({"version": 1, "certificates": [{"name": "a", "chain": "b", "key": "very secret)"}) {
    CAPTURE(text);
    for (const ConfigFormat format : {ConfigFormat::kJson, ConfigFormat::kYaml}) {
      const auto config = parse_config(text, format);
      REQUIRE_FALSE(config);
      CHECK(test::text_of(config.error()).find("secret") == std::string::npos);
    }
  }
}

TEST_CASE("FormIsNotMeaning") {
  const auto config =
      parse_config(R"({"version": 1, "routes": [{"name": "", "hosts": ["A:1"]}]})", ConfigFormat::kJson);
  REQUIRE(config);
  CHECK(config->routes == std::vector<Route>{{.name = "", .hosts = {"A:1"}}});
}

TEST_CASE("TextsThatAreNoDocumentAreOneProblem") {
  for (const char* text : {"", "{", "nul", "{\"version\": 1", "{\"version\": 1, \"version\": 1}"}) {
    CAPTURE(text);
    const auto config = parse_config(text, ConfigFormat::kJson);
    REQUIRE_FALSE(config);
    CHECK(config.error().size() == 1);
  }
  for (const char* text : {"", "version: 1\n---\nversion: 1\n", "a: [", "version: 1\nversion: 1\n"}) {
    CAPTURE(text);
    const auto config = parse_config(text, ConfigFormat::kYaml);
    REQUIRE_FALSE(config);
    CHECK(config.error().size() == 1);
  }
}

TEST_CASE("CutAtAnyByteJsonIsRefused") {
  const std::string text = to_json(yaml_config());
  REQUIRE(text.ends_with("}\n"));
  for (std::size_t size = 0; size + 2 <= text.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(parse_config(std::string_view(text).substr(0, size), ConfigFormat::kJson));
  }
}

TEST_CASE("CutAtAnyByteYamlIsReadOrRefused") {
  for (std::size_t size = 0; size <= kYaml.size(); ++size) {
    CAPTURE(size);
    const auto config = parse_config(kYaml.substr(0, size), ConfigFormat::kYaml);
    if (!config) REQUIRE_FALSE(config.error().empty());
  }
}
