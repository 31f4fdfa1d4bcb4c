// A program that uses OpenSSL itself and links libingress.so, which has BoringSSL inside: each goes on with
// its own.
#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/certificate.h"
#include "ingress/config.h"

namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

X509Ptr make_certificate(EVP_PKEY* key, const char* name) {
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 90L * 24 * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  const std::string names = std::string("DNS:") + name;
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  require(extension != nullptr, "OpenSSL makes a subjectAltName");
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  require(X509_sign(certificate.get(), key, EVP_sha256()) > 0, "OpenSSL signs a certificate");
  return certificate;
}

template <class Write>
std::string to_pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1, "OpenSSL writes PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

ingress::Certificate to_config(X509* certificate, EVP_PKEY* key) {
  return {.name = "default/a",
          .server_names = {"a.example"},
          .chain = to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
          .key = {to_pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
          })}};
}

// What the library, and so BoringSSL, says: nothing about a good certificate, an error when the key is
// another's.
void check_by_library(const ingress::Certificate& good, const ingress::Certificate& bad) {
  for (const ingress::Problem& problem : ingress::check_certificate(good)) {
    std::fprintf(stderr, "%s: %s\n", problem.field.c_str(), problem.why.c_str());
    require(false, "check_certificate() finds nothing wrong with a good certificate");
  }
  const std::vector<ingress::Problem> problems = ingress::check_certificate(bad);
  require(std::ranges::any_of(
              problems, [](const auto& problem) { return problem.severity == ingress::Severity::kError; }),
          "check_certificate() refuses a key that belongs to another certificate");
}

void require_symbol_of(const char* symbol, std::string_view library) {
  void* address = dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  require(address != nullptr && dladdr(address, &info) != 0, "the program sees OpenSSL's symbols");
  require(std::string_view(info.dli_fname).find(library) != std::string_view::npos,
          "and they are OpenSSL's own");
}

// A handshake of OpenSSL with itself, in memory; between its steps the library is asked.
void shake_hands(X509* certificate, EVP_PKEY* key, const ingress::Certificate& good,
                 const ingress::Certificate& bad) {
  const Context server_context(SSL_CTX_new(TLS_server_method()));
  const Context client_context(SSL_CTX_new(TLS_client_method()));
  require(SSL_CTX_use_certificate(server_context.get(), certificate) == 1, "OpenSSL takes the certificate");
  require(SSL_CTX_use_PrivateKey(server_context.get(), key) == 1, "OpenSSL takes the key");
  require(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context.get()), certificate) == 1,
          "OpenSSL trusts it");
  SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);

  const Session server(SSL_new(server_context.get()));
  const Session client(SSL_new(client_context.get()));
  BIO* server_end = nullptr;
  BIO* client_end = nullptr;
  require(BIO_new_bio_pair(&server_end, 0, &client_end, 0) == 1, "OpenSSL makes a pair of BIOs");
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  require(SSL_set1_host(client.get(), "a.example") == 1, "OpenSSL takes a host name");
  for (int step = 0; SSL_is_init_finished(server.get()) == 0 || SSL_is_init_finished(client.get()) == 0;
       ++step) {
    require(step < 20, "the handshake ends");
    for (SSL* side : {client.get(), server.get()}) {
      const int result = SSL_do_handshake(side);
      require(result == 1 || SSL_get_error(side, result) == SSL_ERROR_WANT_READ, "the handshake goes on");
      check_by_library(good, bad);
      require(ERR_peek_error() == 0, "the library's errors do not show in OpenSSL's queue");
    }
  }
  require(std::string_view(SSL_get_version(client.get())) == "TLSv1.3", "it is TLS 1.3");
  char answer[8] = {};
  require(SSL_write(client.get(), "hello", 5) == 5, "the client writes");
  require(SSL_read(server.get(), answer, sizeof answer) == 5, "the server reads");
  require(std::string_view(answer, 5) == "hello", "what the client wrote");
}

}  // namespace

int main() {
  require_symbol_of("SSL_new", "libssl.so");
  require_symbol_of("EVP_PKEY_free", "libcrypto.so");
  require(std::string_view(OpenSSL_version(OPENSSL_VERSION)).starts_with("OpenSSL"),
          "the program has OpenSSL");
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const Key other(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  require(key && other, "OpenSSL makes keys");
  const X509Ptr certificate = make_certificate(key.get(), "a.example");
  const ingress::Certificate good = to_config(certificate.get(), key.get());
  const ingress::Certificate bad = to_config(certificate.get(), other.get());
  check_by_library(good, bad);
  shake_hands(certificate.get(), key.get(), good, bad);
  std::printf("%s: handshake done beside libingress.so\n", OpenSSL_version(OPENSSL_VERSION));
  return 0;
}
