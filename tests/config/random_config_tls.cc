// TLS in random configurations: of listeners, of server names, of clusters, certificates.
#include "config/random_config.h"

namespace ingress::test {

ClientCertificates RandomConfig::client_certificates() {
  ClientCertificates out{.authorities = "-----BEGIN CERTIFICATE-----\n"};
  if (one_in(3)) out.mode = ClientCertificateMode::kOptional;
  if (one_in(6)) out.mode = ClientCertificateMode::kRefuse, out.authorities.clear();
  if (one_in(6)) out.mode = ClientCertificateMode::kOff, out.authorities.clear();
  if (one_in(3)) out.crls = "-----BEGIN X509 CRL-----\n";
  if (one_in(3)) out.max_intermediates = static_cast<std::uint32_t>(below(10));
  if (one_in(3)) out.allowed_names.push_back({.value = pick({"a.example", "*.b.example"})});
  if (one_in(3))
    out.allowed_names.push_back({.type = ClientNameType::kIp, .value = pick({"10.0.0.1", "::1"})});
  if (one_in(3)) {
    out.allowed_names.push_back({.type = ClientNameType::kCommonName,
                                 .value = pick({"a|b", "svc-[0-9]+"}),
                                 .match = ValueMatchType::kRegularExpression});
  }
  if (one_in(3)) out.headers.subject = "X-Client-Subject";
  if (one_in(3)) out.headers.certificate = "ssl-client-cert";
  if (one_in(6) && !out.authorities.empty()) {
    out.mode = ClientCertificateMode::kOptionalUnverified;
    if (!is_fault()) out.headers.verified = "ssl-client-verify";
  }
  if (is_fault()) out.authorities = one_in(2) ? "" : "-----BEGIN PRIVATE KEY-----", out.mode = {};
  if (is_fault()) out.max_intermediates = 10;
  if (is_fault()) out.allowed_names.push_back({.type = ClientNameType::kIp, .value = "10.0.0.0/8"});
  if (is_fault()) out.allowed_names.push_back({.value = "(", .match = ValueMatchType::kRegularExpression});
  if (is_fault()) out.headers.verified = pick({"host", "a_b", "a b", "x-forwarded-for", ":"});
  if (is_fault()) out.headers.verified = out.headers.issuer = "same";
  return out;
}

ListenerTls RandomConfig::listener_tls() {
  ListenerTls out;
  if (one_in(3)) out.preset = TlsPreset::kModern;
  if (one_in(3)) out.min_version = one_in(2) ? TlsVersion::kTls13 : TlsVersion::kTls12;
  if (one_in(3)) out.max_version = TlsVersion::kTls13;
  const bool has_tls12 = out.min_version.value_or(TlsVersion::kTls13) == TlsVersion::kTls12;
  if (has_tls12 && one_in(3)) out.max_version = TlsVersion::kTls12;
  if (has_tls12 && one_in(2)) out.tls12_ciphers.push_back(static_cast<Tls12Cipher>(below(6)));
  if (one_in(3)) out.groups = {TlsGroup::kX25519, static_cast<TlsGroup>(2 + below(3))};
  if (one_in(3)) out.groups.insert(out.groups.begin(), TlsGroup::kX25519MlKem768);
  if (out.groups.size() == 1) out.groups.push_back(TlsGroup::kP256);
  if (is_fault()) out.groups = {one_in(2) ? TlsGroup::kX25519MlKem768 : static_cast<TlsGroup>(5)};
  if (is_fault()) out.tls12_ciphers.push_back(static_cast<Tls12Cipher>(below(8)));
  if (is_fault()) out.preset = static_cast<TlsPreset>(2);
  if (one_in(3)) out.default_certificate = "certificate-" + std::to_string(below(4));
  if (one_in(3)) out.client_certificates = client_certificates();
  if (is_fault()) out.min_version = static_cast<TlsVersion>(2);
  if (is_fault()) out.max_version = one_in(2) ? TlsVersion::kTls12 : static_cast<TlsVersion>(9);
  if (is_fault()) out.default_certificate = bad_name();
  return out;
}

BackendTls RandomConfig::backend_tls() {
  BackendTls out;
  if (one_in(2)) out.server_name = pick({"Backend.example", "10.0.0.1", "2001:db8::1"});
  if (one_in(2)) out.ca_bundle = "bundle " + std::to_string(below(100));
  for (const char* name : {"a.example", "192.0.2.1", "spiffe://example.org/a", "urn:x"}) {
    if (one_in(3)) out.allowed_names.emplace_back(name);
  }
  if (one_in(2)) {
    out.client_certificate = "chain " + std::to_string(below(100));
    out.client_key = {"key " + std::to_string(below(100))};
  }
  if (one_in(3)) out.max_version = TlsVersion::kTls12;
  if (one_in(4)) out.verification = BackendVerification::kNone;
  if (is_fault()) out.server_name = pick({"*.example", "a:80", "a b"});
  if (is_fault()) out.allowed_names = {"a.example", "a.example"};
  if (is_fault()) out.verification = static_cast<BackendVerification>(2);
  if (is_fault()) out.min_version = static_cast<TlsVersion>(one_in(2) ? 2 : 200);
  return out;
}

Certificate RandomConfig::certificate(std::size_t index) {
  Certificate out{.name = name("certificate-", index),
                  .chain = "chain " + std::to_string(below(100)),
                  .key = {"key " + std::to_string(below(100))},
                  .origin = origin()};
  for (const char* candidate : {"a.example", "*.example", "*.a.example", "x1"}) {
    if (one_in(2)) out.server_names.emplace_back(candidate);
  }
  if (one_in(4)) out.ocsp_response = "MIIB" + std::to_string(below(100));
  if (is_fault()) out.ocsp_response.assign(96 * 1024 + 1, 'A');
  if (is_fault()) out.server_names.emplace_back(pick({"", "**.example", "10.0.0.1", "[::1]", "A.b", "x1"}));
  if (is_fault()) out.chain = one_in(2) ? "" : "-----BEGIN PRIVATE KEY-----";
  if (is_fault()) out.key.text.assign(one_in(2) ? 0 : 65'537, 'x');
  return out;
}

TlsPolicy RandomConfig::tls_policy(std::size_t index) {
  // What a listener may say a policy may say too.
  const ListenerTls tls = listener_tls();
  TlsPolicy out{.name = name("policy-", index),
                .min_version = tls.min_version,
                .max_version = tls.max_version,
                .tls12_ciphers = tls.tls12_ciphers,
                .groups = tls.groups,
                .client_certificates = tls.client_certificates,
                .origin = origin()};
  if (tls.preset != TlsPreset::kIntermediate || one_in(3)) out.preset = tls.preset;
  for (const char* candidate : {"a.example", "*.example", "*.a.example", "x1"}) {
    if (one_in(2)) out.server_names.emplace_back(candidate);
  }
  if (out.server_names.empty()) out.server_names.emplace_back("b.example");
  if (is_fault()) out.server_names.emplace_back(pick({"", "**.example", "10.0.0.1", "[::1]", "A.b", "x1"}));
  if (is_fault()) out.server_names.clear();
  return out;
}

}  // namespace ingress::test
