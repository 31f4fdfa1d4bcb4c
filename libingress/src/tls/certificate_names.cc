#include "tls/certificate_names.h"

#include <algorithm>
#include <functional>

#include "base/text.h"

namespace ingress::tls {

CertificateNames::CertificateNames(std::vector<std::string> dns_names) {
  for (const std::string& name : dns_names) {
    const bool is_wildcard = name.starts_with("*.");
    (is_wildcard ? wildcards_ : exact_)
        .push_back(base::to_lower_ascii(std::string_view(name).substr(is_wildcard)));
  }
  std::ranges::sort(exact_);
  std::ranges::sort(wildcards_);
}

bool CertificateNames::cover(std::string_view host) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (std::ranges::binary_search(exact_, host, std::less<>())) return true;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::ranges::binary_search(wildcards_, host.substr(dot), std::less<>());
}

}  // namespace ingress::tls
