#include "tls/trust_store.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "tls/boring.h"
#include "tls/pem.h"

namespace ingress::tls {
namespace {

using Result = std::expected<std::shared_ptr<const TrustStore>, std::string>;

constexpr std::array<const char*, 5> kSystemFiles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                   // older ones
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // Alpine, the BSDs
};

Result read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(path + " cannot be opened");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Result read = TrustStore::read(text);
  if (!read) return std::unexpected(path + ": " + read.error());
  return read;
}

// Not from many threads with setenv(): who changes the environment of a running server loses anyway.
Result read_system_roots() {
  const char* const named = std::getenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
  if (named != nullptr && *named != '\0') return read_file(named);
  for (const char* path : kSystemFiles) {
    if (std::ifstream(path)) return read_file(path);
  }
  return std::unexpected("no file of root certificates was found on this system");
}

}  // namespace

void TrustStore::FreeStore::operator()(x509_store_st* store) const {
  X509_STORE_free(store);
}

Result TrustStore::read(std::string_view pem) {
  const auto blocks = read_pem(pem, kMaxCertificates);
  if (!blocks) return std::unexpected(blocks.error());
  const ErrorScope errors;
  std::shared_ptr<TrustStore> made(new TrustStore());
  made->store_.reset(X509_STORE_new());
  if (!made->store_) return std::unexpected("no memory");
  std::size_t number = 0;
  for (const PemBlock& block : *blocks) {
    ++number;
    if (block.label != "CERTIFICATE")
      return std::unexpected("block " + std::to_string(number) + " is no certificate");
    const std::uint8_t* at = block.der.data();
    const bssl::UniquePtr<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(block.der.size())));
    if (!parsed || at != block.der.data() + block.der.size())
      return std::unexpected("block " + std::to_string(number) + " is not an X.509 certificate");
    // One that is in it already is no error.
    if (X509_STORE_add_cert(made->store_.get(), parsed.get()) != 1) return std::unexpected("no memory");
  }
  if (blocks->empty()) return std::unexpected("no certificate in it");
  return made;
}

Result TrustStore::system() {
  static const Result roots = read_system_roots();
  return roots;
}

}  // namespace ingress::tls
