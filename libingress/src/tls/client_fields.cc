#include "tls/client_fields.h"

#include <openssl/digest.h>
#include <openssl/pem.h>

#include <string>
#include <string_view>

#include "tls/boring.h"
#include "tls/client_names.h"
#include "tls/x509.h"

namespace ingress::tls {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kUpperHex[] = "0123456789ABCDEF";

template <class IsPlain>
void append_encoded(std::string& out, std::string_view text, IsPlain&& is_plain) {
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kUpperHex[byte >> 4U], kUpperHex[byte & 15U]};
  }
}

bool is_unreserved(char c) {  // RFC 3986 2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

const char* prefix_of(ClientNameType type) {
  switch (type) {
    case ClientNameType::kDns:
      return "DNS:";
    case ClientNameType::kUri:
      return "URI:";
    case ClientNameType::kEmail:
      return "email:";
    case ClientNameType::kIp:
      return "IP:";
    case ClientNameType::kCommonName:
      break;
  }
  return nullptr;
}

// A name that holds ",URI:…" must not look like two.
std::string alt_names_text(const X509& certificate) {
  std::string text;
  for (const ClientName& name : client_names(certificate)) {
    const char* prefix = prefix_of(name.type);
    if (prefix == nullptr) continue;
    if (!text.empty()) text += ',';
    text += prefix;
    append_encoded(text, name.value, [](char c) {
      return c > ' ' && c < 0x7f && c != ',' && c != '%' && c != '"' && c != '\\';
    });
  }
  return text;
}

std::string fingerprint_text(const X509& certificate) {
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  std::string text;
  if (X509_digest(&certificate, EVP_sha256(), digest, &size) != 1) return text;
  for (unsigned i = 0; i < size; ++i) text += {kHex[digest[i] >> 4U], kHex[digest[i] & 15U]};
  return text;
}

std::string encoded_pem(const X509& certificate) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  std::string text;
  if (!out || PEM_write_bio_X509(out.get(), const_cast<X509*>(&certificate)) != 1 ||
      !BIO_mem_contents(out.get(), &bytes, &size))
    return text;
  append_encoded(text, {reinterpret_cast<const char*>(bytes), size}, is_unreserved);
  return text;
}

}  // namespace

std::vector<net::ClientField> client_fields(const ClientCertificateHeaders& headers,
                                            const x509_st* certificate,
                                            std::optional<ClientRefusal> refusal) {
  const ErrorScope errors;
  std::vector<net::ClientField> fields;
  const auto add = [&](const std::string& name, auto&& value) {
    if (!name.empty()) fields.push_back({name, value()});
  };
  add(headers.verified, [&] {
    if (certificate == nullptr) return std::string("NONE");
    return refusal ? "FAILED:" + std::string(to_string(*refusal)) : std::string("SUCCESS");
  });
  if (certificate == nullptr) return fields;
  add(headers.subject, [&] { return name_text(X509_get_subject_name(certificate)); });
  add(headers.issuer, [&] { return name_text(X509_get_issuer_name(certificate)); });
  add(headers.subject_alt_names, [&] { return alt_names_text(*certificate); });
  add(headers.fingerprint, [&] { return fingerprint_text(*certificate); });
  add(headers.certificate, [&] { return encoded_pem(*certificate); });
  return fields;
}

}  // namespace ingress::tls
