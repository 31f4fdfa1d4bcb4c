// What a listener may speak, and what clients may be told of it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/random_config.h"
#include "ingress/config.h"

using namespace ingress;

namespace {

constexpr Tls12Cipher kCipher = Tls12Cipher::kEcdheRsaAes128Gcm;

// "field: why" of the only problem; "" when there is none.
std::string only_problem(const GatewayConfig& config, Severity severity) {
  const std::vector<Problem> problems = validate(config);
  CAPTURE(test::text_of(problems));
  CHECK(problems.size() <= 1);
  if (problems.empty()) return "";
  CHECK(problems[0].severity == severity);
  CHECK_FALSE(problems[0].fix.empty());
  return problems[0].field + ": " + problems[0].why;
}

std::string problem_of(const ListenerTls& tls) {
  return only_problem({.listeners = {{.name = "a", .port = 1, .tls = tls}}}, Severity::kError);
}

std::string problem_of(const Hsts& hsts, Severity severity) {
  return only_problem(
      {.routes = {{.name = "a", .rules = {{.reply = FixedReply{.status = 503}, .hsts = hsts}}}}}, severity);
}

}  // namespace

TEST_CASE("ExplicitTlsSettingsOverrideThePreset") {
  const ListenerTls good[] = {
      {},
      {.preset = TlsPreset::kModern},
      {.preset = TlsPreset::kModern,
       .min_version = TlsVersion::kTls12,
       .tls12_ciphers = {kCipher, Tls12Cipher::kEcdheEcdsaAes256Gcm}},
      {.preset = TlsPreset::kModern, .groups = {TlsGroup::kX25519MlKem768}},
      {.min_version = TlsVersion::kTls13, .groups = {TlsGroup::kX25519MlKem768}},
      {.max_version = TlsVersion::kTls12, .groups = {TlsGroup::kP521, TlsGroup::kP384}},
  };
  for (const ListenerTls& tls : good) CHECK(problem_of(tls).empty());
}

TEST_CASE("WhatCannotBeSpokenNamesItsField") {
  const std::string tls = "listeners[0].tls.";
  const std::string fixed = tls +
                            "tls12_ciphers: is not empty, and nothing older than TLS 1.3 is spoken, whose "
                            "ciphers are fixed";
  CHECK(problem_of({.preset = TlsPreset::kModern, .tls12_ciphers = {kCipher}}) == fixed);
  CHECK(problem_of({.min_version = TlsVersion::kTls13, .tls12_ciphers = {kCipher}}) == fixed);
  CHECK(problem_of({.tls12_ciphers = {kCipher, kCipher}}) ==
        tls + "tls12_ciphers[1]: is TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 once more");
  CHECK(problem_of({.tls12_ciphers = {static_cast<Tls12Cipher>(6)}}) ==
        tls + "tls12_ciphers[0]: is 6, which is no enumerator");
  CHECK(problem_of({.groups = {TlsGroup::kX25519, TlsGroup::kP256, TlsGroup::kX25519}}) ==
        tls + "groups[2]: is x25519 once more");
  CHECK(problem_of({.groups = {static_cast<TlsGroup>(5)}}) ==
        tls + "groups[0]: is 5, which is no enumerator");
  CHECK(problem_of({.groups = {TlsGroup::kX25519MlKem768}}) ==
        tls + "groups: has no group that TLS 1.2 knows: no handshake of that version could succeed");
  CHECK(problem_of({.preset = TlsPreset::kModern, .max_version = TlsVersion::kTls12}) ==
        tls + "max_version: is older than all that the preset allows");
  CHECK(problem_of({.preset = static_cast<TlsPreset>(2)}) == tls + "preset: is 2, which is no enumerator");
}

TEST_CASE("HstsIsForTenYearsAtMostAndForPreloadOneAtLeast") {
  const std::string hsts = "routes[0].rules[0].hsts.";
  using std::chrono::seconds;
  CHECK(problem_of(Hsts{.max_age = seconds(-1)}, Severity::kError) == hsts + "max_age_s: is -1 s");
  CHECK(problem_of(Hsts{.max_age = seconds(315'360'001)}, Severity::kError) ==
        hsts + "max_age_s: is 315360001 s");
  CHECK(problem_of(Hsts{.scope = static_cast<HstsScope>(3)}, Severity::kError) ==
        hsts + "scope: is 3, which is no enumerator");
  CHECK(problem_of(Hsts{.max_age = seconds(86'400), .scope = HstsScope::kPreload}, Severity::kWarning) ==
        hsts + "max_age_s: is 86400: browsers build in only who promises a year or more");
  for (const HstsScope scope : {HstsScope::kHost, HstsScope::kSubdomains, HstsScope::kPreload}) {
    CHECK(problem_of(Hsts{.scope = scope}, Severity::kError).empty());
    CHECK(problem_of(Hsts{.max_age = seconds(0), .scope = scope}, Severity::kError).empty());
  }
}
