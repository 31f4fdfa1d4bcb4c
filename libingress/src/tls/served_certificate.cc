#include "tls/served_certificate.h"

#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "tls/boring.h"
#include "tls/pem.h"

namespace ingress::tls {
namespace {

constexpr unsigned kMinRsaBits = 2048;

// One copy of each certificate's bytes in the process: chains of a hundred thousand hosts have few issuers.
CRYPTO_BUFFER_POOL* shared_bytes() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();  // lives as long as the process
  return pool;
}

bssl::UniquePtr<X509> parse_x509(std::span<const std::uint8_t> der) {
  const std::uint8_t* at = der.data();
  bssl::UniquePtr<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(parsed) : nullptr;
}

std::vector<std::string> dns_names_of(const X509* leaf) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    names.push_back(
        base::to_lower_ascii({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                              static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  return names;
}

// Whether a certificate's name `pattern` stands for the server name `name`; both may be wildcards.
bool name_covers(std::string_view pattern, std::string_view name) {
  if (pattern == name) return true;
  if (!pattern.starts_with("*.")) return false;
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && name.substr(dot) == pattern.substr(1);
}

// Collects what is wrong with one certificate.
class Findings {
 public:
  explicit Findings(const Certificate& certificate) : certificate_(certificate) {}
  void error(std::string field, std::string why, std::string fix) {
    add(Severity::kError, std::move(field), std::move(why), std::move(fix));
    has_error_ = true;
  }
  void warning(std::string field, std::string why, std::string fix) {
    add(Severity::kWarning, std::move(field), std::move(why), std::move(fix));
  }
  bool has_error() const { return has_error_; }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  void add(Severity severity, std::string field, std::string why, std::string fix) {
    problems_.push_back({.severity = severity,
                         .object = certificate_.origin,
                         .field = std::move(field),
                         .why = std::move(why),
                         .fix = std::move(fix)});
  }
  const Certificate& certificate_;
  std::vector<Problem> problems_;
  bool has_error_ = false;
};

struct Chain {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> bytes;
  bssl::UniquePtr<X509> leaf;
};

std::optional<Chain> read_chain(const std::string& pem, Findings& findings) {
  const auto blocks = read_pem(pem);
  if (!blocks) {
    findings.error("chain", blocks.error(), "give the certificates as PEM, the server's own first");
    return std::nullopt;
  }
  Chain chain;
  bssl::UniquePtr<X509> previous;
  for (const PemBlock& block : *blocks) {
    if (block.label != "CERTIFICATE") continue;
    const std::string number = "certificate " + std::to_string(chain.bytes.size() + 1);
    if (chain.bytes.size() == ServedCertificate::kMaxChain) {
      findings.error("chain", "more than " + std::to_string(ServedCertificate::kMaxChain) + " certificates",
                     "leave out those that clients do not need");
      return std::nullopt;
    }
    bssl::UniquePtr<X509> parsed = parse_x509(block.der);
    if (!parsed) {
      findings.error("chain", number + " of the chain is not an X.509 certificate", "replace it");
      return std::nullopt;
    }
    if (previous &&
        X509_NAME_cmp(X509_get_issuer_name(previous.get()), X509_get_subject_name(parsed.get())) != 0) {
      findings.warning("chain", number + " of the chain is not the issuer of the one before",
                       "put each issuer behind what it issued, as clients may not sort them");
    }
    chain.bytes.emplace_back(CRYPTO_BUFFER_new(block.der.data(), block.der.size(), shared_bytes()));
    if (!chain.leaf) chain.leaf = bssl::UpRef(parsed);
    previous = std::move(parsed);
  }
  if (!chain.leaf) {
    findings.error("chain", "no certificate in it", "give at least the server's own, as PEM");
    return std::nullopt;
  }
  return chain;
}

bssl::UniquePtr<EVP_PKEY> read_key(const std::string& pem, Findings& findings) {
  const auto blocks = read_pem(pem);
  if (!blocks) {
    findings.error("key", blocks.error(), "give one private key as PEM, without a password");
    return nullptr;
  }
  const auto found = std::ranges::find_if(
      *blocks, [](const PemBlock& block) { return block.label.ends_with("PRIVATE KEY"); });
  if (found == blocks->end()) {
    findings.error("key", "no private key in it", "give it as PEM: PKCS #8, EC or RSA");
    return nullptr;
  }
  const std::uint8_t* at = found->der.data();
  bssl::UniquePtr<EVP_PKEY> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(found->der.size())));
  if (!key) findings.error("key", "the private key cannot be read", "give it as PKCS #8, EC or RSA");
  return key;
}

// Nothing, with a problem, when clients could not or should not use it.
std::optional<KeyType> type_of(const EVP_PKEY* key, Findings& findings) {
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    if (EVP_PKEY_bits(key) >= static_cast<int>(kMinRsaBits)) return KeyType::kRsa;
    findings.error("key", "an RSA key of " + std::to_string(EVP_PKEY_bits(key)) + " bits is too weak",
                   "take 2048 bits at least, or ECDSA with P-256");
    return std::nullopt;
  }
  if (EVP_PKEY_id(key) == EVP_PKEY_EC) {
    const int curve = EVP_PKEY_get_ec_curve_nid(key);
    if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1)
      return KeyType::kEcdsa;
  }
  findings.error("key", "this type of key is not supported", "take ECDSA with P-256 or P-384, or RSA");
  return std::nullopt;
}

void check_time(const X509* leaf, std::chrono::system_clock::time_point now, Findings& findings) {
  std::int64_t from = 0;
  std::int64_t to = 0;
  if (!ASN1_TIME_to_posix(X509_get0_notBefore(leaf), &from) ||
      !ASN1_TIME_to_posix(X509_get0_notAfter(leaf), &to)) {
    findings.warning("chain", "the time for which the certificate is valid cannot be read", "replace it");
    return;
  }
  const std::int64_t at = std::chrono::system_clock::to_time_t(now);
  const auto day = [](std::int64_t time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm parts = {};
    char text[32] = "";
    if (gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%FT%TZ", &parts);
    return std::string(text);
  };
  if (at > to) findings.warning("chain", "the certificate expired on " + day(to), "renew it");
  if (at < from) {
    findings.warning("chain", "the certificate is valid from " + day(from) + " only",
                     "check the clocks, or wait");
  }
}

}  // namespace

void ServedCertificate::FreeCredential::operator()(ssl_credential_st* credential) const {
  SSL_CREDENTIAL_free(credential);
}

ServedCertificate::~ServedCertificate() = default;

bool ServedCertificate::covers(std::string_view host) const {
  return std::ranges::any_of(dns_names_, [&](const std::string& name) { return name_covers(name, host); });
}

ServedCertificate::Loaded ServedCertificate::load(const Certificate& certificate,
                                                  std::chrono::system_clock::time_point now) {
  const ErrorScope errors;
  Findings findings(certificate);
  const std::optional<Chain> chain = read_chain(certificate.chain, findings);
  const bssl::UniquePtr<EVP_PKEY> key = read_key(certificate.key.text, findings);
  const std::optional<KeyType> type = key ? type_of(key.get(), findings) : std::nullopt;
  if (!chain || !type) return {{}, findings.take()};
  if (X509_check_private_key(chain->leaf.get(), key.get()) != 1) {
    findings.error("key", "the private key does not belong to the first certificate of the chain",
                   "give the key that this certificate was made for");
    return {{}, findings.take()};
  }
  std::vector<CRYPTO_BUFFER*> bytes;
  for (const auto& each : chain->bytes) bytes.push_back(each.get());
  std::unique_ptr<ssl_credential_st, FreeCredential> credential(SSL_CREDENTIAL_new_x509());
  if (!credential || !SSL_CREDENTIAL_set1_cert_chain(credential.get(), bytes.data(), bytes.size()) ||
      !SSL_CREDENTIAL_set1_private_key(credential.get(), key.get())) {
    findings.error("chain", std::string("not usable for TLS: ") + ErrorScope::reason(), "replace it");
    return {{}, findings.take()};
  }
  check_time(chain->leaf.get(), now, findings);

  auto* served = new ServedCertificate();
  base::CountedPtr<const ServedCertificate> held(served);
  served->value_ = certificate;
  served->key_type_ = *type;
  served->dns_names_ = dns_names_of(chain->leaf.get());
  served->credential_ = std::move(credential);
  for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
    if (served->covers(certificate.server_names[i])) continue;
    findings.warning("server_names[" + std::to_string(i) + "]",
                     "the certificate does not cover \"" + certificate.server_names[i] + "\"",
                     "clients will refuse it: have it issued for that name, or take the name away");
  }
  return {std::move(held), findings.take()};
}

}  // namespace ingress::tls
