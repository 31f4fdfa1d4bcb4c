#include "tls/client_trust.h"

#include <openssl/digest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "tls/boring.h"
#include "tls/pem.h"
#include "tls/x509.h"

namespace ingress::tls {
namespace {

bssl::UniquePtr<X509_CRL> parse_crl(std::span<const std::uint8_t> der) {
  const std::uint8_t* at = der.data();
  bssl::UniquePtr<X509_CRL> parsed(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(parsed) : nullptr;
}

std::string fingerprint_of(const X509* certificate) {
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  return {reinterpret_cast<const char*>(digest), size};
}

std::string der_of(X509_NAME* name) {
  std::uint8_t* bytes = nullptr;
  const int size = i2d_X509_NAME(name, &bytes);
  const bssl::UniquePtr<std::uint8_t> owned(bytes);
  return size > 0 ? std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size))
                  : std::string();
}

}  // namespace

void ClientTrust::FreeStore::operator()(x509_store_st* store) const {
  X509_STORE_free(store);
}

ClientTrust::~ClientTrust() = default;

// Fills one ClientTrust, and collects what is wrong.
struct ClientTrust::Parser {
  void error(const char* field, std::string why, std::string fix) {
    problems.push_back({.field = field, .why = std::move(why), .fix = std::move(fix)});
    has_error = true;
  }
  void warning(const char* field, std::string why, std::string fix) {
    problems.push_back(
        {.severity = Severity::kWarning, .field = field, .why = std::move(why), .fix = std::move(fix)});
  }
  std::optional<std::vector<PemBlock>> read(const char* field, const std::string& text,
                                            std::size_t max_blocks);
  void add_authorities();
  void add_authority(std::size_t number, X509& certificate);
  void add_crls();
  void add_crl(std::size_t number, X509_CRL& crl);
  void check_coverage();
  void tell_names();
  // Warns when `now` is not between the two; nothing = no limit.
  void check_time(const char* field, const std::string& what, std::optional<std::int64_t> from,
                  std::optional<std::int64_t> to);

  ClientTrust& trust;
  std::int64_t now;
  std::vector<Problem> problems = {};
  bool has_error = false;
  std::set<std::string> subjects = {}, crl_issuers = {};
};

std::optional<std::vector<PemBlock>> ClientTrust::Parser::read(const char* field, const std::string& text,
                                                               std::size_t max_blocks) {
  auto blocks = read_pem(text, max_blocks);
  if (blocks) return std::move(*blocks);
  error(field, blocks.error(), "give it as PEM");
  return std::nullopt;
}

void ClientTrust::Parser::add_authorities() {
  const auto blocks = read("authorities", trust.authorities_, kMaxAuthorities);
  if (!blocks) return;
  std::size_t number = 0;
  for (const PemBlock& block : *blocks) {
    if (block.label != "CERTIFICATE") continue;
    ++number;
    const bssl::UniquePtr<X509> certificate = parse_x509(block.der);
    if (!certificate) {
      error("authorities", "certificate " + std::to_string(number) + " is not an X.509 certificate",
            "replace it, or take it away");
      continue;
    }
    add_authority(number, *certificate);
  }
  if (number == 0) error("authorities", "no certificate in it", "give the CA certificates as PEM");
}

void ClientTrust::Parser::add_authority(std::size_t number, X509& certificate) {
  const std::string what =
      "certificate " + std::to_string(number) + " (" + name_text(X509_get_subject_name(&certificate)) + ")";
  // Whatever stands in the store is trusted: that of a client would let it in without being verified.
  if (X509_check_ca(&certificate) != 1) {
    error("authorities", what + " is no CA certificate",
          "give the certificates of those who issue, not of clients");
    return;
  }
  if (X509_STORE_add_cert(trust.store_.get(), &certificate) != 1) {
    error("authorities", what + " cannot be used: " + ErrorScope::reason(), "replace it");
    return;
  }
  trust.fingerprints_.push_back(fingerprint_of(&certificate));
  subjects.insert(der_of(X509_get_subject_name(&certificate)));
  const auto from = unix_time(X509_get0_notBefore(&certificate));
  const auto to = unix_time(X509_get0_notAfter(&certificate));
  if (to) trust.ends_.push_back(*to);
  check_time("authorities", what, from, to);
}

void ClientTrust::Parser::add_crls() {
  if (trust.crls_.empty()) return;
  const auto blocks = read("crls", trust.crls_, kMaxCrls);
  if (!blocks) return;
  std::size_t number = 0;
  for (const PemBlock& block : *blocks) {
    if (block.label != "X509 CRL") continue;
    ++number;
    const bssl::UniquePtr<X509_CRL> crl = parse_crl(block.der);
    if (!crl) {
      error("crls", "CRL " + std::to_string(number) + " cannot be read", "replace it, or take it away");
      continue;
    }
    add_crl(number, *crl);
  }
  if (number == 0) error("crls", "no CRL in it", "give CRLs as PEM (\"X509 CRL\"), or leave it empty");
  trust.has_crls_ = true;
}

void ClientTrust::Parser::add_crl(std::size_t number, X509_CRL& crl) {
  const std::string what =
      "CRL " + std::to_string(number) + " (" + name_text(X509_CRL_get_issuer(&crl)) + ")";
  if (X509_STORE_add_crl(trust.store_.get(), &crl) != 1) {
    error("crls", what + " cannot be used: " + ErrorScope::reason(), "replace it");
    return;
  }
  crl_issuers.insert(der_of(X509_CRL_get_issuer(&crl)));
  const auto to = unix_time(X509_CRL_get0_nextUpdate(&crl));
  if (to) trust.ends_.push_back(*to);
  check_time("crls", what, unix_time(X509_CRL_get0_lastUpdate(&crl)), to);
}

void ClientTrust::Parser::check_time(const char* field, const std::string& what,
                                     std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
  if (to && now > *to) {
    warning(field, what + " expired on " + time_text(*to) + ": clients who need it are refused", "renew it");
  }
  if (from && now < *from) {
    warning(field, what + " is valid from " + time_text(*from) + " only: clients who need it are refused",
            "check the clocks, or wait");
  }
}

void ClientTrust::Parser::check_coverage() {
  if (!trust.has_crls_) return;
  for (const auto& subject : subjects) {
    if (crl_issuers.contains(subject)) continue;
    const auto* at = reinterpret_cast<const std::uint8_t*>(subject.data());
    const bssl::UniquePtr<X509_NAME> name(d2i_X509_NAME(nullptr, &at, static_cast<long>(subject.size())));
    warning("crls",
            "no CRL of " + (name ? name_text(name.get()) : std::string("an authority")) +
                ": whoever it issued a certificate to is refused",
            "add its CRL, or take the authority away");
  }
}

// A client without a certificate of one of these sends none (RFC 8446 4.2.4); without names it chooses
// itself.
void ClientTrust::Parser::tell_names() {
  std::size_t bytes = 0;
  for (const auto& subject : subjects) bytes += subject.size() + 2;
  if (bytes > kMaxToldBytes) return;
  for (const auto& subject : subjects) trust.told_names_.emplace_back(subject.begin(), subject.end());
}

ClientTrust::Loaded ClientTrust::load(const std::string& authorities, const std::string& crls,
                                      std::chrono::system_clock::time_point now) {
  const ErrorScope errors;
  const std::shared_ptr<ClientTrust> made(new ClientTrust());
  made->authorities_ = authorities;
  made->crls_ = crls;
  made->store_.reset(X509_STORE_new());
  Parser parser{.trust = *made, .now = std::chrono::system_clock::to_time_t(now)};
  if (!made->store_) {
    parser.error("authorities", "no memory", "try again");
    return {nullptr, std::move(parser.problems)};
  }
  parser.add_authorities();
  parser.add_crls();
  if (parser.has_error) return {nullptr, std::move(parser.problems)};
  parser.check_coverage();
  parser.tell_names();
  std::ranges::sort(made->fingerprints_);
  std::ranges::sort(made->ends_);
  return {made, std::move(parser.problems)};
}

bool ClientTrust::is_authority(const x509_st* certificate) const {
  return certificate != nullptr && std::ranges::binary_search(fingerprints_, fingerprint_of(certificate));
}

int ClientTrust::verify(x509_st& leaf, std::span<x509_st* const> sent, unsigned max_intermediates) const {
  const ErrorScope errors;
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  const bssl::UniquePtr<STACK_OF(X509)> others(sk_X509_new_null());
  if (!context || !others) return X509_V_ERR_OUT_OF_MEM;
  for (X509* certificate : sent) {
    if (!bssl::PushToStack(others.get(), bssl::UpRef(certificate))) return X509_V_ERR_OUT_OF_MEM;
  }
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (has_crls_) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  if (!X509_STORE_CTX_init(context.get(), store_.get(), &leaf, others.get()) ||
      !X509_STORE_CTX_set_default(context.get(), "ssl_client") ||  // purpose and trust
      !X509_STORE_CTX_set_app_data(context.get(), const_cast<ClientTrust*>(this)))
    return X509_V_ERR_OUT_OF_MEM;
  X509_STORE_CTX_set_flags(context.get(), flags);
  X509_STORE_CTX_set_depth(context.get(), static_cast<int>(max_intermediates));
  // Who is trusted as he stands needs nobody to vouch for him: an authority that another issued would else
  // want a CRL of that one.
  X509_STORE_CTX_set_verify_cb(context.get(), [](int ok, X509_STORE_CTX* step) {
    const auto* self = static_cast<const ClientTrust*>(X509_STORE_CTX_get_app_data(step));
    if (ok == 1 || X509_STORE_CTX_get_error(step) != X509_V_ERR_UNABLE_TO_GET_CRL ||
        X509_STORE_CTX_get_error_depth(step) == 0 ||
        !self->is_authority(X509_STORE_CTX_get_current_cert(step)))
      return ok;
    X509_STORE_CTX_set_error(step, X509_V_OK);
    return 1;
  });
  if (X509_verify_cert(context.get()) == 1) return X509_V_OK;
  const int error = X509_STORE_CTX_get_error(context.get());
  return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

bool ClientTrust::has_stayed_valid(std::int64_t since, std::int64_t now) const {
  const auto first = std::ranges::lower_bound(ends_, since);
  return first == ends_.end() || *first >= now;
}

}  // namespace ingress::tls
