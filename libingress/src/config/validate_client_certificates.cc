#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/ip_network.h"
#include "base/pattern.h"
#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"

namespace ingress::config {
namespace {

// Fields that frame, route or describe a message, or that we write ourselves.
constexpr std::array<std::string_view, 21> kTakenHeaders = {"connection",
                                                            "content-length",
                                                            "content-type",
                                                            "date",
                                                            "expect",
                                                            "forwarded",
                                                            "host",
                                                            "keep-alive",
                                                            "proxy-authenticate",
                                                            "proxy-authorization",
                                                            "proxy-connection",
                                                            "server",
                                                            "te",
                                                            "trailer",
                                                            "transfer-encoding",
                                                            "upgrade",
                                                            "x-forwarded-for",
                                                            "x-forwarded-host",
                                                            "x-forwarded-port",
                                                            "x-forwarded-proto",
                                                            "x-request-id"};

void check_name_match(const ClientNameMatch& match, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(match, field, reporter);
  if (match.match == ValueMatchType::kRegularExpression) {
    if (const std::string fault = base::pattern_fault(match.value); !fault.empty()) {
      reporter.error(field.at("value"), fmt::format("is {}, which {}", quoted(match.value), fault),
                     "write a smaller one in the syntax of RE2; it has to match the whole name");
    }
  } else if (match.type == ClientNameType::kIp && !base::parse_ip_address(match.value)) {
    reporter.error(field.at("value"), fmt::format("is {}", quoted(match.value)),
                   "use an IPv4 address, or an IPv6 address without brackets");
  } else if (!is_header_value(match.value)) {
    reporter.error(field.at("value"), fmt::format("is {}", quoted(match.value)),
                   "use UTF-8 without control characters, and no white space at its ends");
  }
}

void check_headers(const ClientCertificateHeaders& headers, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(headers, field, reporter);
  std::unordered_set<std::string> names;
  describe(
      [&]<class M>(const FieldInfo& info, M ClientCertificateHeaders::* member) {
        const std::string& name = headers.*member;
        if (name.empty()) return;
        const std::string lower = base::to_lower_ascii(name);
        if (!base::is_token(name) || name.find('_') != std::string::npos) {
          reporter.error(field.at(info.name), fmt::format("is {}", quoted(name)),
                         "use a header name without '_', such as X-Client-Subject");
        } else if (std::ranges::find(kTakenHeaders, lower) != kTakenHeaders.end()) {
          reporter.error(field.at(info.name), fmt::format("is {}, which means something else", quoted(name)),
                         "use a header name of your own such as X-Client-Subject");
        } else if (!names.insert(lower).second) {
          reporter.error(field.at(info.name), fmt::format("is {} once more", quoted(name)),
                         "give each its own name");
        }
      },
      static_cast<const ClientCertificateHeaders*>(nullptr));
}

}  // namespace

void check_listener_clients(const ClientCertificates& certificates, const FieldPath& field,
                            Reporter& reporter) {
  check_table_bounds(certificates, field, reporter);
  const ClientCertificateMode mode = certificates.mode;
  if (certificates.authorities.empty() && mode != ClientCertificateMode::kRefuse &&
      mode != ClientCertificateMode::kOff) {
    reporter.error(field.at("authorities"), "is empty: no client could be let in",
                   "give the CA certificates as PEM, or set mode to refuse or off");
  }
  const ClientCertificateHeaders& headers = certificates.headers;
  if (mode == ClientCertificateMode::kOptionalUnverified && headers.verified.empty() &&
      headers != ClientCertificateHeaders{}) {
    reporter.error(field.at("headers").at("verified"),
                   "is empty: backends would take whatever a client sends for verified",
                   "give it a name, and let backends look at it before the others");
  }
  for (const auto& [name, text] :
       {std::pair("authorities", &certificates.authorities), std::pair("crls", &certificates.crls)}) {
    if (text->find("PRIVATE KEY-----") == std::string::npos) continue;
    reporter.error(field.at(name), "holds a private key, which would be shown with it",
                   "leave it out, and make a new key if others have seen this one");
  }
  for (std::size_t i = 0; i < certificates.allowed_names.size(); ++i)
    check_name_match(certificates.allowed_names[i], field.at("allowed_names", i), reporter);
  check_headers(certificates.headers, field.at("headers"), reporter);
}

}  // namespace ingress::config
