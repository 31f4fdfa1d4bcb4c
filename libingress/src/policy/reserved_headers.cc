#include "policy/reserved_headers.h"

#include <algorithm>

#include "policy/header_spelling.h"

namespace ingress::policy {
namespace {

std::uint64_t size_bit(std::size_t size) {
  return std::uint64_t{1} << (size % 64);
}

}  // namespace

bool is_spelling_of(std::string_view name, std::string_view ours) {
  return name.size() == ours.size() && std::ranges::equal(name, ours, {}, folded, folded);
}

ReservedHeaders::ReservedHeaders(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::string& kept = names_.emplace_back(name);
    std::ranges::transform(kept, kept.begin(), folded);
    sizes_ |= size_bit(kept.size());
  }
  std::ranges::sort(names_);
  const auto [first, last] = std::ranges::unique(names_);
  names_.erase(first, last);
}

bool ReservedHeaders::cover(std::string_view name) const {
  if ((sizes_ & size_bit(name.size())) == 0) return false;
  const auto is_less = [](std::string_view ours, std::string_view theirs) {
    return std::ranges::lexicographical_compare(ours, theirs, {}, {}, folded);
  };
  const auto at = std::ranges::lower_bound(names_, name, is_less);
  return at != names_.end() && is_spelling_of(name, *at);
}

bool ReservedHeaders::cover_any(const Headers& headers) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const HeaderField& field) { return cover(field.name); });
}

void ReservedHeaders::remove_from(Headers& headers) const {
  if (cover_any(headers)) headers.retain([&](const HeaderField& field) { return !cover(field.name); });
}

void add_reserved_names(const std::optional<ClientCertificates>& certificates,
                        std::vector<std::string>& names) {
  if (!certificates) return;
  const ClientCertificateHeaders& headers = certificates->headers;
  for (const std::string* name : {&headers.verified, &headers.subject, &headers.issuer,
                                  &headers.subject_alt_names, &headers.fingerprint, &headers.certificate}) {
    if (!name->empty()) names.push_back(*name);
  }
}

}  // namespace ingress::policy
