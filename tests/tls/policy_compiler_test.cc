// From changes of the configuration to tables of policies.
#include "tls/policy_compiler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tls/test_identity.h"

namespace ingress::tls {
namespace {

TlsPolicy policy_of(std::string name, std::string server_name, std::string authorities = {}) {
  TlsPolicy policy{.name = std::move(name), .server_names = {std::move(server_name)}};
  if (!authorities.empty()) policy.client_certificates = ClientCertificates{.authorities = authorities};
  return policy;
}

// Makes the policies those of `config`.
std::vector<Problem> publish(PolicyCompiler& compiler, const GatewayConfig& config) {
  ConfigDelta delta;
  std::vector<Problem> problems;
  compiler.add_difference(config, delta);
  auto loaded = compiler.load(delta, problems);
  if (problems.empty()) compiler.apply(delta, std::move(loaded));
  return problems;
}

TEST_CASE("AChangeOfOnePolicyLeavesTheOthersTheSameObjects") {
  PolicyCompiler compiler;
  CHECK(compiler.table() == nullptr);
  GatewayConfig config{.tls_policies = {policy_of("a", "a.example"), policy_of("b", "b.example")}};
  REQUIRE(publish(compiler, config).empty());
  const auto first = compiler.table();
  REQUIRE(first != nullptr);
  CHECK(first->size() == 2);
  REQUIRE(publish(compiler, config).empty());
  CHECK(compiler.table() == first);  // the same again is no change
  std::vector<Problem> problems;
  const ConfigDelta same{.upsert_tls_policies = {config.tls_policies[0]}, .remove_tls_policies = {"absent"}};
  compiler.apply(same, compiler.load(same, problems));
  CHECK(compiler.table() == first);
  config.tls_policies[0].min_version = TlsVersion::kTls13;
  REQUIRE(publish(compiler, config).empty());
  CHECK(compiler.table() != first);
  CHECK(compiler.table()->find_named("b") == first->find_named("b"));
  CHECK(compiler.table()->find_named("a")->value() == config.tls_policies[0]);
  CHECK(first->find_named("a")->value() != config.tls_policies[0]);
  GatewayConfig written;
  compiler.add_to(written);
  std::ranges::sort(written.tls_policies, {}, &TlsPolicy::name);
  CHECK(written == config);
  REQUIRE(publish(compiler, {}).empty());
  CHECK(compiler.table() == nullptr);
}

TEST_CASE("APolicyThatIsRemovedAndPutInOneChangeStays") {
  PolicyCompiler compiler;
  const TlsPolicy policy = policy_of("a", "a.example");
  REQUIRE(publish(compiler, {.tls_policies = {policy}}).empty());
  std::vector<Problem> problems;
  const ConfigDelta delta{.upsert_tls_policies = {policy}, .remove_tls_policies = {"a"}};
  compiler.apply(delta, compiler.load(delta, problems));
  REQUIRE(compiler.table() != nullptr);
  CHECK(find_policy(*compiler.table(), "a.example") != nullptr);
}

TEST_CASE("AuthoritiesAreParsedOnceForAllPoliciesThatHaveThem") {
  const test::Identity root = test::Identity::root("root"), other = test::Identity::root("other");
  PolicyCompiler compiler;
  GatewayConfig config{.tls_policies = {policy_of("a", "a.example", root.pem()),
                                        policy_of("b", "b.example", root.pem()),
                                        policy_of("c", "c.example", other.pem())}};
  REQUIRE(publish(compiler, config).empty());
  const auto trust = [&](const char* name) { return compiler.table()->find_named(name)->clients()->trust(); };
  const auto first = trust("a");
  CHECK(trust("b") == first);
  CHECK(trust("c") != first);
  config.tls_policies.push_back(policy_of("d", "d.example", root.pem()));
  config.tls_policies[0].client_certificates->max_intermediates = 0;
  REQUIRE(publish(compiler, config).empty());
  CHECK(trust("d") == first);
  CHECK(trust("a") == first);
}

TEST_CASE("WhatIsWrongInsideNamesThePolicyAndItsObject") {
  PolicyCompiler compiler;
  GatewayConfig config{.tls_policies = {policy_of("a", "a.example", "no PEM")}};
  auto problems = publish(compiler, config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "tls_policies.a.client_certificates.authorities");
  CHECK(problems[0].object == Origin{.kind = "TlsPolicy", .name = "a"});
  config.tls_policies[0].origin = {.kind = "Ingress", .namespace_ = "n", .name = "i"};
  problems = publish(compiler, config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].object == config.tls_policies[0].origin);
  CHECK(compiler.table() == nullptr);
}

TEST_CASE("TableAndCompilerAgreeAfterRandomChanges") {
  std::uint64_t state = 7;
  const auto below = [&](std::uint64_t bound) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33U) % bound;
  };
  PolicyCompiler by_deltas;
  GatewayConfig model;
  for (int step = 0; step < 300; ++step) {
    ConfigDelta delta;
    for (std::uint64_t i = 0; i <= below(3); ++i) {
      const std::string name = "p" + std::to_string(below(8));
      if (below(3) == 0) {
        delta.remove_tls_policies.push_back(name);
      } else if (std::ranges::find(delta.upsert_tls_policies, name, &TlsPolicy::name) ==
                 delta.upsert_tls_policies.end()) {
        delta.upsert_tls_policies.push_back(
            policy_of(name, (below(3) == 0 ? "*." : "") + ("h" + std::to_string(below(4))) + ".example"));
      }
    }
    std::vector<Problem> problems;
    by_deltas.apply(delta, by_deltas.load(delta, problems));
    apply(model, delta);
    PolicyCompiler at_once;
    REQUIRE(publish(at_once, model).empty());
    REQUIRE((by_deltas.table() == nullptr) == model.tls_policies.empty());
    if (model.tls_policies.empty()) continue;
    for (std::uint64_t h = 0; h < 4; ++h) {
      for (const std::string& host :
           {"h" + std::to_string(h) + ".example", "x.h" + std::to_string(h) + ".example"}) {
        const HostPolicy* one = find_policy(*by_deltas.table(), host);
        const HostPolicy* two = find_policy(*at_once.table(), host);
        REQUIRE((one == nullptr) == (two == nullptr));
        if (one != nullptr) REQUIRE(one->value() == two->value());
      }
    }
  }
}

}  // namespace
}  // namespace ingress::tls
