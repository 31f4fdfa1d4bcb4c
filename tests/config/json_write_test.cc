#include <doctest/doctest.h>

#include "config/random_config.h"
#include "ingress/config.h"

using namespace ingress;
using namespace std::chrono_literals;
using test::RandomConfig;

TEST_CASE("ConfigsSurviveTheFileForm") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    const GatewayConfig config = RandomConfig(seed, 0).make();
    const std::string text = to_json(config);
    const auto read = parse_config(test::with_one_key(text), ConfigFormat::kJson);
    if (!read) FAIL(test::text_of(read.error()));
    REQUIRE(*read == test::sorted(test::with_one_key(config)));
    REQUIRE(to_json(*read) == text);
  }
}

TEST_CASE("TheJsonFormIsTheSameConfigReadAsYaml") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const GatewayConfig config = RandomConfig(seed, 0).make();
    const auto read = parse_config(test::with_one_key(to_json(config)), ConfigFormat::kYaml);
    if (!read) FAIL(test::text_of(read.error()));
    REQUIRE(*read == test::sorted(test::with_one_key(config)));
  }
}

TEST_CASE("EqualConfigsGiveEqualBytesWhateverTheirOrder") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 5);  // repeated names included
    const GatewayConfig config = random.make();
    REQUIRE(to_json(config) == to_json(random.shuffled(config)));
  }
}

TEST_CASE("DefaultsAreLeftOutAndKeysKeepTheirOrder") {
  CHECK(to_json({}) == "{\n  \"version\": 1\n}\n");
  const GatewayConfig config{
      .clusters = {{.name = "a", .endpoints = {{"::1", 80}}, .timeouts = {.connect = 250ms}}},
      .routes = {{.name = "r",
                  .rules = {{.matches = {{.path = PathMatch::prefix("/a")}, {}},
                             .backends = {{.cluster = "a", .weight = 1}, {.cluster = "a", .weight = 0}}}},
                  .created_at = -1}}};
  CHECK(to_json(config) == R"({
  "version": 1,
  "clusters": [
    {
      "name": "a",
      "endpoints": [
        {
          "address": "::1",
          "port": 80
        }
      ],
      "timeouts": {
        "connect_ms": 250
      }
    }
  ],
  "routes": [
    {
      "name": "r",
      "rules": [
        {
          "matches": [
            {
              "path": {
                "type": "prefix",
                "value": "/a"
              }
            },
            {}
          ],
          "backends": [
            {
              "cluster": "a"
            },
            {
              "cluster": "a",
              "weight": 0
            }
          ]
        }
      ],
      "created_at": -1
    }
  ]
}
)");
}

TEST_CASE("EvenInvalidConfigsAreWrittenAsJson") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    const std::string text = to_json(RandomConfig(seed, 20).make());
    const auto read = parse_config(text, ConfigFormat::kJson);
    if (read) continue;
    // Only numbers and enumerators that the form cannot hold may be refused, never the text as a whole.
    for (const Problem& problem : read.error()) {
      CAPTURE(problem.field);
      CAPTURE(problem.why);
      const bool is_unholdable =
          problem.field.ends_with("load_balancing") || problem.field.ends_with("type") ||
          problem.field.ends_with("prefer") || problem.field.ends_with("source") ||
          problem.field.ends_with("methods") || problem.field.find("retry_on") != problem.field.npos ||
          problem.field.ends_with("slashes") || problem.field.ends_with("underscores") ||
          problem.field.ends_with("ambiguous") || problem.field.ends_with("_version") ||
          problem.field.ends_with("preset") || problem.field.ends_with(".tls") ||
          problem.field.ends_with("scope") || problem.field.find("groups") != problem.field.npos ||
          problem.field.find("tls12_ciphers") != problem.field.npos ||
          problem.field.ends_with("plain_requests") || problem.field.ends_with("grpc_web") ||
          problem.field.ends_with("].key") || problem.field.ends_with("proxy_protocol") ||
          problem.field.ends_with("client_key") || problem.field.ends_with("verification") ||
          problem.field.ends_with("body_bytes") || problem.why.find("number") != problem.why.npos;
      REQUIRE(is_unholdable);
    }
  }
}

TEST_CASE("TheKeysOfClustersAreNeverWritten") {
  const GatewayConfig config{
      .clusters = {{.name = "a",
                    .tls = BackendTls{.client_certificate = "-----BEGIN\n", .client_key = {"very secret"}}}}};
  const std::string text = to_json(config);
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find(R"j("client_key": "(redacted)")j") != std::string::npos);
  const auto read = parse_config(text, ConfigFormat::kJson);
  REQUIRE_FALSE(read);
  REQUIRE(read.error().size() == 1);
  CHECK(read.error()[0].field == "clusters[0].tls.client_key");
}

TEST_CASE("PrivateKeysAreNeverWritten") {
  const GatewayConfig config{
      .listeners = {{.name = "web",
                     .port = 443,
                     .tls = ListenerTls{.min_version = TlsVersion::kTls13, .default_certificate = "a"}}},
      .certificates = {
          {.name = "a", .server_names = {"a.example"}, .chain = "-----BEGIN\n", .key = {"very secret"}}}};
  const std::string text = to_json(config);
  CHECK(text == R"j({
  "version": 1,
  "listeners": [
    {
      "name": "web",
      "port": 443,
      "tls": {
        "min_version": "1.3",
        "default_certificate": "a"
      }
    }
  ],
  "certificates": [
    {
      "name": "a",
      "server_names": [
        "a.example"
      ],
      "chain": "-----BEGIN\n",
      "key": "(redacted)"
    }
  ]
}
)j");
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    GatewayConfig random = RandomConfig(seed, static_cast<unsigned>(seed % 2) * 20).make();
    for (Certificate& certificate : random.certificates) certificate.key.text = "very secret";
    REQUIRE(to_json(random).find("very secret") == std::string::npos);
  }
}
