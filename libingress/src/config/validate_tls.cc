// What must hold of versions, ciphers and groups, and of what clients are told of TLS.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "config/checks.h"
#include "config/tls_policy.h"

namespace ingress::config {
namespace {

// Enumerators, each once.
template <class E>
void check_list(const std::vector<E>& list, std::string_view name, const FieldPath& field,
                Reporter& reporter) {
  for (auto at = list.begin(); at != list.end(); ++at) {
    const FieldPath item = field.at(name, static_cast<std::size_t>(at - list.begin()));
    const auto rows = enum_table(*at);
    const auto row = std::ranges::find_if(rows, [&](const auto& entry) { return entry.value == *at; });
    if (row == rows.end()) {
      reporter.error(item, fmt::format("is {}, which is no enumerator", static_cast<int>(*at)),
                     "use one of the enumerators");
    } else if (std::find(list.begin(), at, *at) != at) {
      reporter.error(item, fmt::format("is {} once more", row->name), "list it once");
    }
  }
}

}  // namespace

void check_tls_policy(const ListenerTls& tls, const FieldPath& field, Reporter& reporter) {
  check_list(tls.tls12_ciphers, "tls12_ciphers", field, reporter);
  check_list(tls.groups, "groups", field, reporter);
  const TlsVersion min_version = min_version_of(tls);
  if (min_version > max_version_of(tls)) {
    if (tls.min_version) {
      reporter.error(field.at("min_version"), "is newer than max_version: no handshake could succeed",
                     "let it be at most max_version");
    } else {
      reporter.error(field.at("max_version"), "is older than all that the preset allows",
                     "remove it, or choose another preset");
    }
    return;
  }
  const bool is_only_tls13 = min_version == TlsVersion::kTls13;
  if (is_only_tls13 && !tls.tls12_ciphers.empty()) {
    reporter.error(field.at("tls12_ciphers"),
                   "is not empty, and nothing older than TLS 1.3 is spoken, whose ciphers are fixed",
                   "remove it, or let min_version be 1.2");
  }
  if (!is_only_tls13 && !tls.groups.empty() && std::ranges::all_of(tls.groups, is_hybrid)) {
    reporter.error(field.at("groups"),
                   "has no group that TLS 1.2 knows: no handshake of that version could succeed",
                   "add x25519 or another one, or let min_version be 1.3");
  }
}

void check_hsts(const Hsts& hsts, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(hsts, field, reporter);
  constexpr std::chrono::seconds kYear{365 * 24 * 60 * 60};
  if (hsts.scope == HstsScope::kPreload && hsts.max_age < kYear && hsts.max_age.count() > 0) {
    reporter.warning(
        field.at("max_age_s"),
        fmt::format("is {}: browsers build in only who promises a year or more", hsts.max_age.count()),
        fmt::format("set it to {} or more, or choose another scope", kYear.count()));
  }
}

}  // namespace ingress::config
