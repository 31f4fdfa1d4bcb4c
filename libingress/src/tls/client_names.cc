#include "tls/client_names.h"

#include <arpa/inet.h>
#include <openssl/nid.h>

#include <utility>

#include "tls/boring.h"

namespace ingress::tls {
namespace {

std::string bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// Empty when it is no address.
std::string address_of(const ASN1_STRING* bytes) {
  const int size = ASN1_STRING_length(bytes);
  const int family = size == 4 ? AF_INET : AF_INET6;
  char text[INET6_ADDRSTRLEN] = "";
  if (size != 4 && size != 16) return {};
  return inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) == nullptr ? "" : text;
}

void add_alt_name(const GENERAL_NAME& name, std::vector<ClientName>& out) {
  switch (name.type) {
    case GEN_DNS:
      out.push_back({ClientNameType::kDns, bytes_of(name.d.dNSName)});
      return;
    case GEN_URI:
      out.push_back({ClientNameType::kUri, bytes_of(name.d.uniformResourceIdentifier)});
      return;
    case GEN_EMAIL:
      out.push_back({ClientNameType::kEmail, bytes_of(name.d.rfc822Name)});
      return;
    case GEN_IPADD:
      if (std::string text = address_of(name.d.iPAddress); !text.empty())
        out.push_back({ClientNameType::kIp, std::move(text)});
      return;
    default:
      return;
  }
}

// Of several, readers take one or another.
void add_common_name(const X509& certificate, std::vector<ClientName>& out) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return;
  std::uint8_t* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  const bssl::UniquePtr<std::uint8_t> owned(text);
  if (size < 0) return;
  out.push_back({ClientNameType::kCommonName,
                 std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size))});
}

}  // namespace

std::vector<ClientName> client_names(const x509_st& certificate) {
  const ErrorScope errors;
  std::vector<ClientName> names;
  const bssl::UniquePtr<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    if (names.size() == kMaxClientNames) break;
    add_alt_name(*sk_GENERAL_NAME_value(all.get(), i), names);
  }
  add_common_name(certificate, names);
  return names;
}

}  // namespace ingress::tls
