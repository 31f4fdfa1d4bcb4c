#include "tls/cert_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ingress::tls {
namespace {

// ECDSA signatures cost a tenth of RSA's, and who has both gave the second for old clients.
auto rank(const ServedCertificatePtr& certificate) {
  return std::tuple(certificate->key_type(), certificate->key());
}

}  // namespace

std::span<const ServedCertificatePtr> CertTable::find(std::string_view server_name) const {
  const CertificatesOfName* found = exact_.find(server_name);
  if (found == nullptr) {
    const std::size_t dot = server_name.find('.');
    if (dot != std::string_view::npos && dot > 0) found = wildcards_.find(server_name.substr(dot + 1));
  }
  if (found == nullptr) return {};
  return found->certificates;
}

void CertTable::Builder::put(ServedCertificatePtr certificate) {
  remove(certificate->key());
  for (const std::string& name : certificate->value().server_names) change_name(name, nullptr, certificate);
  by_name_.put(std::move(certificate));
}

void CertTable::Builder::remove(std::string_view name) {
  const ServedCertificate* held = by_name_.find(name);
  if (held == nullptr) return;
  for (const std::string& server_name : held->value().server_names) change_name(server_name, held, {});
  by_name_.erase(name);
}

void CertTable::Builder::change_name(const std::string& server_name, const ServedCertificate* without,
                                     const ServedCertificatePtr& with) {
  const bool is_wildcard = server_name.starts_with("*.");
  Names& names = is_wildcard ? wildcards_ : exact_;
  const std::string_view key = std::string_view(server_name).substr(is_wildcard ? 2 : 0);
  auto* made = new CertificatesOfName();
  base::CountedPtr<const CertificatesOfName> entry(made);
  made->name = key;
  if (const CertificatesOfName* before = names.find(key)) made->certificates = before->certificates;
  std::erase_if(made->certificates,
                [&](const ServedCertificatePtr& certificate) { return certificate.get() == without; });
  if (with) {
    const auto place = std::ranges::lower_bound(made->certificates, rank(with), {}, rank);
    made->certificates.insert(place, with);
  }
  if (made->certificates.empty()) {
    names.erase(key);
  } else {
    names.put(std::move(entry));
  }
}

CertTable CertTable::Builder::take() {
  CertTable table;
  table.by_name_ = by_name_.take();
  table.exact_ = exact_.take();
  table.wildcards_ = wildcards_.take();
  return table;
}

}  // namespace ingress::tls
