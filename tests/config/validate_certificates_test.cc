// Faults of TLS name their field: of listeners, of backends, of certificates and of those of clients.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "config/validate_rows.h"
#include "ingress/config.h"

using namespace ingress;
using namespace std::chrono_literals;
using test::check_rows;
using test::good_config;
using test::Row;

namespace {

BackendTls& tls(GatewayConfig& config) {
  if (!config.clusters[0].tls) config.clusters[0].tls.emplace();
  return *config.clusters[0].tls;
}
}  // namespace

TEST_CASE("FaultsOfBackendTlsNameTheirField") {
  check_rows(
      {{"clusters[0].tls.server_name", [](auto& c) { tls(c).server_name = "*.example"; }},
       {"clusters[0].tls.server_name", [](auto& c) { tls(c).server_name = "a.example:443"; }},
       {"clusters[0].tls.ca_bundle", [](auto& c) { tls(c).ca_bundle = "-----BEGIN PRIVATE KEY-----"; }},
       {"clusters[0].tls.ca_bundle", [](auto& c) { tls(c).ca_bundle.assign(1024 * 1024 + 1, 'a'); }},
       {"clusters[0].tls.allowed_names[0]", [](auto& c) { tls(c).allowed_names = {"*.example"}; }},
       {"clusters[0].tls.allowed_names[0]", [](auto& c) { tls(c).allowed_names = {""}; }},
       {"clusters[0].tls.allowed_names[0]", [](auto& c) { tls(c).allowed_names = {"urn:a b"}; }},
       {"clusters[0].tls.allowed_names[1]", [](auto& c) { tls(c).allowed_names = {"a", "a"}; }},
       {"clusters[0].tls.allowed_names",
        [](auto& c) {
          for (int i = 0; i < 65; ++i) tls(c).allowed_names.push_back("a" + std::to_string(i));
        }},
       {"clusters[0].tls.client_key", [](auto& c) { tls(c).client_certificate = "c"; }},
       {"clusters[0].tls.client_certificate", [](auto& c) { tls(c).client_key = {"k"}; }},
       {"clusters[0].tls.client_certificate",
        [](auto& c) {
          tls(c).client_certificate = "-----BEGIN EC PRIVATE KEY-----";
          tls(c).client_key = {"k"};
        }},
       {"clusters[0].tls.min_version",
        [](auto& c) {
          tls(c).min_version = TlsVersion::kTls13;
          tls(c).max_version = TlsVersion::kTls12;
        }},
       {"clusters[0].tls.verification",
        [](auto& c) { tls(c).verification = static_cast<BackendVerification>(2); }}},
      Severity::kError);
}

TEST_CASE("TlsFaultsNameTheirField") {
  check_rows(
      {{"listeners[0].https_port", [](auto& c) { c.listeners[0].https_port = 0; }},
       {"listeners[0].timeouts.tls_handshake_ms",
        [](auto& c) { c.listeners[0].timeouts.tls_handshake = 0ms; }},
       {"listeners[0].tls.max_version",
        [](auto& c) { c.listeners[0].tls = ListenerTls{.max_version = static_cast<TlsVersion>(2)}; }},
       {"listeners[0].tls.min_version",
        [](auto& c) {
          c.listeners[0].tls =
              ListenerTls{.min_version = TlsVersion::kTls13, .max_version = TlsVersion::kTls12};
        }},
       {"routes[0].rules[0].plain_requests",
        [](auto& c) { c.routes[0].rules[0].plain_requests = static_cast<PlainRequests>(2); }},
       {"routes[0].rules[0].grpc_web",
        [](auto& c) { c.routes[0].rules[0].grpc_web = static_cast<GrpcWeb>(2); }},
       {"certificates[0].name", [](auto& c) { c.certificates[0].name = ""; }},
       {"certificates[0].name", [](auto& c) { c.certificates[0].name = "a\n"; }},
       {"certificates[1].name", [](auto& c) { c.certificates.push_back(c.certificates[0]); }},
       {"certificates[0].origin.name", [](auto& c) { c.certificates[0].origin.name = "\n"; }},
       {"certificates[0].chain", [](auto& c) { c.certificates[0].chain = ""; }},
       {"certificates[0].chain", [](auto& c) { c.certificates[0].chain.assign(256 * 1024 + 1, 'c'); }},
       {"certificates[0].chain",
        [](auto& c) { c.certificates[0].chain += "-----BEGIN RSA PRIVATE KEY-----"; }},
       {"certificates[0].key", [](auto& c) { c.certificates[0].key = {}; }},
       {"certificates[0].key", [](auto& c) { c.certificates[0].key.text.assign(64 * 1024 + 1, 'k'); }},
       {"certificates[0].server_names[1]",
        [](auto& c) { c.certificates[0].server_names.push_back("a.example"); }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {"A.example"}; }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {"**.example"}; }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {"10.0.0.1"}; }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {"[::1]"}; }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {""}; }},
       {"certificates[0].server_names[0]", [](auto& c) { c.certificates[0].server_names = {"a.*"}; }}},
      Severity::kError);
  GatewayConfig on_unix_socket{.listeners = {{.name = "a", .address = "unix:/a", .tls = ListenerTls{}}}};
  CHECK(validate(on_unix_socket).empty());
}

TEST_CASE("ClientCertificateFaultsNameTheirField") {
  const auto row = [](const char* field, auto change) {
    return Row{std::string("listeners[0].tls.client_certificates.") + field, [change](GatewayConfig& config) {
                 config.listeners[0].tls =
                     ListenerTls{.client_certificates = ClientCertificates{
                                     .authorities = "-----BEGIN", .allowed_names = {{.value = "a.b"}}}};
                 change(*config.listeners[0].tls->client_certificates);
               }};
  };
  const auto regular_expression = [](std::string value) {
    return ClientNameMatch{.value = std::move(value), .match = ValueMatchType::kRegularExpression};
  };
  check_rows({row("authorities", [](auto& c) { c.authorities.clear(); }),
              row("authorities", [](auto& c) { c.authorities.assign(1024 * 1024 + 1, 'c'); }),
              row("authorities", [](auto& c) { c.authorities += "-----BEGIN EC PRIVATE KEY-----"; }),
              row("crls", [](auto& c) { c.crls += "-----BEGIN EC PRIVATE KEY-----"; }),
              row("mode", [](auto& c) { c.mode = static_cast<ClientCertificateMode>(5); }),
              row("max_intermediates", [](auto& c) { c.max_intermediates = 10; }),
              row("allowed_names", [](auto& c) { c.allowed_names.resize(257, c.allowed_names[0]); }),
              row("allowed_names[0].type",
                  [](auto& c) { c.allowed_names[0].type = static_cast<ClientNameType>(5); }),
              row("allowed_names[0].match",
                  [](auto& c) { c.allowed_names[0].match = static_cast<ValueMatchType>(2); }),
              row("allowed_names[0].value", [](auto& c) { c.allowed_names[0].value = " a"; }),
              row("allowed_names[0].value", [=](auto& c) { c.allowed_names[0] = regular_expression("("); }),
              row("allowed_names[0].value",
                  [=](auto& c) { c.allowed_names[0] = regular_expression("(a{99}){99}"); }),
              row("allowed_names[0].value",
                  [](auto& c) { c.allowed_names[0] = {.type = ClientNameType::kIp, .value = "10.0.0.0/8"}; }),
              row("headers.verified", [](auto& c) { c.headers.verified = "a b"; }),
              row("headers.verified",
                  [](auto& c) {
                    c.mode = ClientCertificateMode::kOptionalUnverified;
                    c.headers.subject = "X-Subject";
                  }),
              row("headers.subject", [](auto& c) { c.headers.subject = "X_Client"; }),
              row("headers.issuer", [](auto& c) { c.headers.issuer = "X-Forwarded-For"; }),
              row("headers.certificate",
                  [](auto& c) { c.headers.subject = "x-client", c.headers.certificate = "X-Client"; }),
              row("headers.fingerprint", [](auto& c) { c.headers.fingerprint.assign(257, 'a'); })},
             Severity::kError);
  for (const auto mode : {ClientCertificateMode::kRefuse, ClientCertificateMode::kOff}) {
    const ClientCertificates nobody{.mode = mode};
    CHECK(
        validate({.listeners = {{.name = "a", .tls = ListenerTls{.client_certificates = nobody}}}}).empty());
  }
}

TEST_CASE("CertificatesMayShareServerNames") {
  GatewayConfig config = good_config();
  config.certificates.push_back(config.certificates[0]);
  config.certificates[1].name = "rsa";
  CHECK(validate(config).empty());
}

TEST_CASE("AServerNameHasAtMostFourCertificates") {
  GatewayConfig config;
  for (const char* name : {"e", "a", "d", "c", "b"})
    config.certificates.push_back(
        {.name = name, .server_names = {"own.example", "a.example"}, .chain = "c", .key = {"k"}});
  for (Certificate& certificate : config.certificates)
    certificate.server_names[0] = certificate.name + ".own.example";
  const auto problems = validate(config);
  CAPTURE(test::text_of(problems));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "certificates[0].server_names[1]");  // the last by name
  CHECK(problems[0].severity == Severity::kError);
  CHECK(problems[0].why == "is 'a.example', which is named by more than 4 certificates");
  config.certificates[0].server_names.pop_back();
  CHECK(validate(config).empty());
}

TEST_CASE("ADefaultCertificateNeedsNoServerNames") {
  GatewayConfig config = good_config();
  config.certificates[0].server_names.clear();
  config.listeners[0].tls = ListenerTls{.default_certificate = "c"};
  CHECK(validate(config).empty());
}
