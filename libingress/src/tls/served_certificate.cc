#include "tls/served_certificate.h"

#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <openssl/sha2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "ingress/ocsp.h"
#include "tls/base64.h"
#include "tls/boring.h"
#include "tls/ocsp_subject.h"
#include "tls/pem.h"
#include "tls/x509.h"

namespace ingress::tls {
namespace {

// Signing takes eight times as long for twice the bits, and each handshake of a stranger asks for it.
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 4096;
// Of an RSA key of 4096 bits, in PKCS #8, with room: what is longer is not even parsed.
constexpr std::size_t kMaxKeyBytes = 4096;
constexpr std::size_t kMaxNameWarnings = 10;

// One copy of each certificate's bytes in the process: chains of a hundred thousand hosts have few issuers.
CRYPTO_BUFFER_POOL* shared_bytes() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();  // lives as long as the process
  return pool;
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

std::vector<std::string> dns_names_of(const X509* leaf, Findings& findings) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    if (names.size() == ServedCertificate::kMaxNames) {
      findings.warning("chain",
                       "the certificate has more than " + std::to_string(ServedCertificate::kMaxNames) +
                           " DNS names; those beyond are not looked at",
                       "have several certificates, or one with a wildcard");
      break;
    }
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  return names;
}

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
  if (found->der.size() > kMaxKeyBytes) {
    findings.error("key", "the private key is longer than any that is supported",
                   "take ECDSA with P-256 or P-384, or RSA of 2048 to 4096 bits");
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
    const int bits = EVP_PKEY_bits(key);
    if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return KeyType::kRsa;
    findings.error("key",
                   "an RSA key of " + std::to_string(bits) + " bits is too " +
                       (bits < kMinRsaBits ? "weak" : "slow: every handshake would wait for it"),
                   "take 2048 to 4096 bits, or ECDSA with P-256");
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

struct Validity {
  std::int64_t from = 0, to = 0;  // unix seconds
};

std::optional<Validity> validity_of(const X509* leaf) {
  Validity validity;
  if (!ASN1_TIME_to_posix(X509_get0_notBefore(leaf), &validity.from) ||
      !ASN1_TIME_to_posix(X509_get0_notAfter(leaf), &validity.to))
    return std::nullopt;
  return validity;
}

void check_time(const std::optional<Validity>& validity, std::chrono::system_clock::time_point now,
                Findings& findings) {
  if (!validity) {
    findings.warning("chain", "the time for which the certificate is valid cannot be read", "replace it");
    return;
  }
  const std::int64_t at = std::chrono::system_clock::to_time_t(now);
  if (at > validity->to)
    findings.warning("chain", "the certificate expired on " + time_text(validity->to), "renew it");
  if (at < validity->from) {
    findings.warning("chain", "the certificate is valid from " + time_text(validity->from) + " only",
                     "check the clocks, or wait");
  }
}

void check_names(const std::vector<std::string>& server_names, const CertificateNames& names,
                 Findings& findings) {
  std::size_t num_uncovered = 0;
  for (std::size_t i = 0; i < server_names.size(); ++i) {
    if (names.cover(server_names[i]) || ++num_uncovered > kMaxNameWarnings) continue;
    findings.warning("server_names[" + std::to_string(i) + "]",
                     "the certificate does not cover \"" + server_names[i] + "\"",
                     "clients will refuse it: have it issued for that name, or take the name away");
  }
  if (num_uncovered <= kMaxNameWarnings) return;
  findings.warning("server_names",
                   "the certificate does not cover " + std::to_string(num_uncovered - kMaxNameWarnings) +
                       " more of its server names",
                   "clients will refuse it: have it issued for them, or take them away");
}

struct FreeCredential {
  void operator()(ssl_credential_st* credential) const { SSL_CREDENTIAL_free(credential); }
};
using CredentialPtr = std::unique_ptr<ssl_credential_st, FreeCredential>;

// Null, with the reason in the error queue, when BoringSSL does not take them.
CredentialPtr make_credential(const Chain& chain, EVP_PKEY* key) {
  std::vector<CRYPTO_BUFFER*> bytes;
  for (const auto& each : chain.bytes) bytes.push_back(each.get());
  CredentialPtr credential(SSL_CREDENTIAL_new_x509());
  if (!credential || !SSL_CREDENTIAL_set1_cert_chain(credential.get(), bytes.data(), bytes.size()) ||
      !SSL_CREDENTIAL_set1_private_key(credential.get(), key))
    return nullptr;
  return credential;
}

}  // namespace

// What is made of a chain and its key.
struct ServedCertificate::Parsed {
  // Null, with problems, when they cannot serve. `problems` are those that time and server names do not
  // change.
  static std::shared_ptr<const Parsed> parse(const Certificate& certificate, std::vector<Problem>& problems);

  KeyType key_type = KeyType::kEcdsa;
  std::optional<Validity> validity;
  std::shared_ptr<const CertificateNames> names;
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> fingerprint;
  CredentialPtr credential;
  bool asks_for_staple = false;  // RFC 7633
  std::vector<Problem> warnings;
};

// What its issuer says of it, and a credential of its own to say so: one that handshakes use does not change.
struct ServedCertificate::Stapled {
  static std::shared_ptr<const Stapled> make(const Certificate& certificate,
                                             std::chrono::system_clock::time_point now, Findings& findings);
  bool is_valid(std::chrono::system_clock::time_point now) const { return now < until; }

  std::chrono::system_clock::time_point until;
  CredentialPtr credential;
};

std::shared_ptr<const ServedCertificate::Parsed> ServedCertificate::Parsed::parse(
    const Certificate& certificate, std::vector<Problem>& problems) {
  const ErrorScope errors;
  Findings findings(certificate);
  auto parsed = std::make_shared<Parsed>();
  const std::optional<Chain> chain = read_chain(certificate.chain, findings);
  const bssl::UniquePtr<EVP_PKEY> key = read_key(certificate.key.text, findings);
  const std::optional<KeyType> type = key ? type_of(key.get(), findings) : std::nullopt;
  if (chain && type && X509_check_private_key(chain->leaf.get(), key.get()) != 1) {
    findings.error("key", "the private key does not belong to the first certificate of the chain",
                   "give the key that this certificate was made for");
  }
  if (!findings.has_error()) {
    parsed->credential = make_credential(*chain, key.get());
    if (!parsed->credential)
      findings.error("chain", std::string("not usable for TLS: ") + ErrorScope::reason(), "replace it");
  }
  if (findings.has_error()) {
    problems = findings.take();
    return nullptr;
  }
  parsed->key_type = *type;
  parsed->validity = validity_of(chain->leaf.get());
  parsed->asks_for_staple = must_staple(chain->leaf.get());
  parsed->names = std::make_shared<const CertificateNames>(dns_names_of(chain->leaf.get(), findings));
  SHA256_CTX digest;
  SHA256_Init(&digest);
  for (const auto& each : chain->bytes)
    SHA256_Update(&digest, CRYPTO_BUFFER_data(each.get()), CRYPTO_BUFFER_len(each.get()));
  SHA256_Final(parsed->fingerprint.data(), &digest);
  parsed->warnings = findings.take();
  return parsed;
}

// Chain and key are read once more: few certificates have a response, and it seldom changes.
std::shared_ptr<const ServedCertificate::Stapled> ServedCertificate::Stapled::make(
    const Certificate& certificate, std::chrono::system_clock::time_point now, Findings& findings) {
  const ErrorScope errors;
  const auto warn = [&](std::string why) {
    findings.warning("ocsp_response", "clients are not told that the certificate is good: " + std::move(why),
                     "get a new one from the certificate's OCSP responder, or leave it out");
    return nullptr;
  };
  const auto der = decode_base64(certificate.ocsp_response);
  if (!der) return warn("it is not base64");
  const auto answer =
      check_ocsp_response(certificate, {reinterpret_cast<const char*>(der->data()), der->size()}, now);
  if (!answer) return warn(answer.error().text());
  Findings known(certificate);
  const std::optional<Chain> chain = read_chain(certificate.chain, known);
  const bssl::UniquePtr<EVP_PKEY> key = read_key(certificate.key.text, known);
  const bssl::UniquePtr<CRYPTO_BUFFER> bytes(CRYPTO_BUFFER_new(der->data(), der->size(), nullptr));
  auto stapled = std::make_shared<Stapled>();
  stapled->until = answer->next_update;
  if (chain && key) stapled->credential = make_credential(*chain, key.get());
  if (!bytes || !stapled->credential ||
      !SSL_CREDENTIAL_set1_ocsp_response(stapled->credential.get(), bytes.get()))
    return warn(std::string("not usable for TLS: ") + ErrorScope::reason());
  return stapled;
}

ServedCertificate::ServedCertificate(const Certificate& value, std::shared_ptr<const Parsed> parsed,
                                     std::shared_ptr<const Stapled> stapled)
    : value_(value), parsed_(std::move(parsed)), stapled_(std::move(stapled)) {}

KeyType ServedCertificate::key_type() const {
  return parsed_->key_type;
}

const std::shared_ptr<const CertificateNames>& ServedCertificate::names() const {
  return parsed_->names;
}

const ssl_credential_st* ServedCertificate::credential() const {
  return parsed_->credential.get();
}

const ssl_credential_st* ServedCertificate::credential_at(std::chrono::system_clock::time_point now) const {
  return stapled_ && stapled_->is_valid(now) ? stapled_->credential.get() : credential();
}

std::string_view ServedCertificate::fingerprint() const {
  return {reinterpret_cast<const char*>(parsed_->fingerprint.data()), parsed_->fingerprint.size()};
}

ServedCertificate::Loaded ServedCertificate::load(const Certificate& certificate,
                                                  std::chrono::system_clock::time_point now,
                                                  const ServedCertificate* held) {
  std::vector<Problem> problems;
  const bool is_known =
      held != nullptr && held->value_.chain == certificate.chain && held->value_.key == certificate.key;
  std::shared_ptr<const Parsed> parsed = is_known ? held->parsed_ : Parsed::parse(certificate, problems);
  if (!parsed) return {{}, std::move(problems)};
  Findings findings(certificate);
  check_time(parsed->validity, now, findings);
  check_names(certificate.server_names, *parsed->names, findings);
  std::shared_ptr<const Stapled> stapled;
  if (!certificate.ocsp_response.empty()) {
    const bool is_verified = is_known && held->value_.ocsp_response == certificate.ocsp_response &&
                             held->stapled_ && held->stapled_->is_valid(now);
    stapled = is_verified ? held->stapled_ : Stapled::make(certificate, now, findings);
  } else if (parsed->asks_for_staple) {
    findings.warning("ocsp_response",
                     "the certificate asks its servers for an OCSP response (RFC 7633), and there is none",
                     "some clients will refuse it: staple one, or have it issued without that");
  }
  problems = parsed->warnings;
  for (Problem& problem : findings.take()) problems.push_back(std::move(problem));
  for (Problem& problem : problems) problem.object = certificate.origin;
  return {base::CountedPtr<const ServedCertificate>(
              new ServedCertificate(certificate, std::move(parsed), std::move(stapled))),
          std::move(problems)};
}

}  // namespace ingress::tls
