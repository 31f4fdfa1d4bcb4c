#include "tls/stream_identity.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "ingress/config.h"

namespace ingress::tls {
namespace {

constexpr const char* kName = "stream";  // of the one certificate there is

Error refuse(const char* what, std::string detail = {}) {
  return {.code = ErrorCode::kInvalidArgument, .what = what, .detail = std::move(detail)};
}

// Both are checks that must not be left out by mistake: an empty one would let in whom the other lets in.
std::expected<void, Error> check_names(const StreamIdentity& identity) {
  if (identity.ca_bundle.empty()) return std::unexpected(refuse("no authorities are named"));
  if (identity.allowed_names.empty()) return std::unexpected(refuse("no names are allowed"));
  for (const std::string& name : identity.allowed_names) {
    const bool is_visible =
        !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!is_visible || name.find('*') != name.npos)
      return std::unexpected(refuse("an allowed name is none that is compared as a whole", name));
  }
  return {};
}

// The first error among `problems`; they name fields of the types that the identity was put into.
Error first_error(const std::vector<Problem>& problems, const char* what) {
  const auto found = std::ranges::find(problems, Severity::kError, &Problem::severity);
  if (found == problems.end()) return refuse(what);
  return refuse(what, found->field + ": " + found->why);
}

ClientNameMatch to_match(const std::string& name) {
  if (base::is_ip_address(name)) return {.type = ClientNameType::kIp, .value = name};
  if (name.find(':') != name.npos) return {.type = ClientNameType::kUri, .value = name};
  return {.type = ClientNameType::kDns, .value = name};
}

}  // namespace

std::expected<std::shared_ptr<StreamClientSide>, Error> make_client_side(const StreamIdentity& identity) {
  if (auto checked = check_names(identity); !checked) return std::unexpected(std::move(checked.error()));
  if (identity.chain.empty()) return std::unexpected(refuse("no certificate is shown"));
  auto loaded = ClientContext::load({.ca_bundle = identity.ca_bundle,
                                     .allowed_names = identity.allowed_names,
                                     .client_certificate = identity.chain,
                                     .client_key = identity.key,
                                     .min_version = TlsVersion::kTls13},
                                    std::chrono::system_clock::now());
  if (!loaded.context) return std::unexpected(first_error(loaded.problems, "not usable for TLS"));
  auto side = std::make_shared<StreamClientSide>();
  side->context = std::move(loaded.context);
  return side;
}

std::expected<std::shared_ptr<StreamServerSide>, Error> make_server_side(const StreamIdentity& identity) {
  if (auto checked = check_names(identity); !checked) return std::unexpected(std::move(checked.error()));
  const auto now = std::chrono::system_clock::now();
  auto shown = ServedCertificate::load({.name = kName, .chain = identity.chain, .key = identity.key}, now);
  if (!shown.certificate) return std::unexpected(first_error(shown.problems, "not usable for TLS"));
  ClientCertificates asked{.mode = ClientCertificateMode::kRequire, .authorities = identity.ca_bundle};
  for (const std::string& name : identity.allowed_names) asked.allowed_names.push_back(to_match(name));
  auto clients = ClientVerifier::load(asked, now);
  if (!clients.verifier) return std::unexpected(first_error(clients.problems, "not usable for TLS"));
  ListenerTls settings{.preset = TlsPreset::kModern, .default_certificate = kName};
  settings.client_certificates = std::move(asked);
  auto context = ServerContext::create(settings, Http2Mode::kOff, kName, std::make_shared<TicketKeys>(),
                                       std::move(clients.verifier));
  if (!context) return std::unexpected(std::move(context.error()));
  CertTable::Builder builder{CertTable()};
  builder.put(std::move(shown.certificate));
  auto side = std::make_shared<StreamServerSide>();
  side->context = std::move(*context);
  side->certificates = std::make_shared<const CertTable>(builder.take());
  return side;
}

}  // namespace ingress::tls
