// A TLS server at the other end of a FakePeer, made of BoringSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "support/fake_transport.h"
#include "tls/test_authority.h"

namespace ingress::test {

// What several connections to one backend share: its certificate, and the key of its tickets.
class TestBackend {
 public:
  struct Recipe {
    Issued shown;
    std::string client_ca = {};  // PEM: client certificates are required, and this has issued them
    std::uint16_t min_version = TLS1_2_VERSION, max_version = TLS1_3_VERSION;
  };
  explicit TestBackend(const Recipe& recipe) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_min_proto_version(context, recipe.min_version);
    SSL_CTX_set_max_proto_version(context, recipe.max_version);
    const bssl::UniquePtr<X509> leaf(
        PEM_read_bio_X509(text(recipe.shown.chain).get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(text(recipe.shown.key).get(), nullptr, nullptr, nullptr));
    REQUIRE(SSL_CTX_use_certificate(context, leaf.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const std::uint8_t*>("test"), 4);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
    if (recipe.client_ca.empty()) return;
    const bssl::UniquePtr<X509> ca(
        PEM_read_bio_X509(text(recipe.client_ca).get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  SSL_CTX* context() const { return context_.get(); }

 private:
  static bssl::UniquePtr<BIO> text(const std::string& pem) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  }
  static int select_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
                         unsigned offered_size, void*) {
    std::uint8_t* selected = nullptr;
    SSL_select_next_proto(&selected, out_size, reinterpret_cast<const std::uint8_t*>("\x08http/1.1"), 9,
                          offered, offered_size);
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
  }
  bssl::UniquePtr<SSL_CTX> context_;
};

// One connection to it.
class TestServer {
 public:
  TestServer(std::shared_ptr<FakePeer> peer, const TestBackend& backend)
      : peer_(std::move(peer)), ssl_(SSL_new(backend.context())) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }

  // Goes on as far as it can, and hands over what there is to say, `pace` bytes at a time. Whether the
  // handshake is done.
  bool step(std::size_t pace = static_cast<std::size_t>(-1)) {
    ERR_clear_error();
    take_input();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL)
      reason_ = ERR_GET_REASON(ERR_peek_error());
    deliver(pace);
    return result == 1;
  }
  void send(std::string_view plain, std::size_t pace = static_cast<std::size_t>(-1)) {
    SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    deliver(pace);
  }
  // All that came, decrypted.
  std::string read() {
    take_input();
    std::string plain;
    char bytes[4096];
    int size = 0;
    ERR_clear_error();
    while ((size = SSL_read(ssl_.get(), bytes, sizeof bytes)) > 0)
      plain.append(bytes, static_cast<std::size_t>(size));
    deliver(static_cast<std::size_t>(-1));
    return plain;
  }
  void say_goodbye() {
    SSL_shutdown(ssl_.get());
    deliver(static_cast<std::size_t>(-1));
  }

  // From now on no more than `bytes` in all reach the other side; the rest is lost.
  void cut_after(std::size_t bytes) { left_ = bytes; }
  bool has_cut() const { return has_cut_; }

  FakePeer& peer() { return *peer_; }
  int reason() const { return reason_; }  // SSL_R_… of what failed; 0: nothing
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  std::string server_name() const {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  std::string alpn() const {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  bool has_client_certificate() const {
    return bssl::UniquePtr<X509>(SSL_get_peer_certificate(ssl_.get())) != nullptr;
  }
  std::string version() const { return SSL_get_version(ssl_.get()); }

 private:
  void take_input() {
    const std::string input = peer_->take_received();
    if (!input.empty()) BIO_write(SSL_get_rbio(ssl_.get()), input.data(), static_cast<int>(input.size()));
  }
  void deliver(std::size_t pace) {
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    BIO_mem_contents(SSL_get_wbio(ssl_.get()), &bytes, &size);
    const std::string output(reinterpret_cast<const char*>(bytes), size);
    BIO_reset(SSL_get_wbio(ssl_.get()));
    has_cut_ = has_cut_ || output.size() > left_;
    const std::size_t size_left = std::min(output.size(), left_);
    left_ -= size_left;
    for (std::size_t i = 0; i < size_left;) {
      const std::size_t part = std::min(pace, size_left - i);
      peer_->send(std::string_view(output).substr(i, part));
      i += part;
    }
  }

  std::shared_ptr<FakePeer> peer_;
  bssl::UniquePtr<SSL> ssl_;
  int reason_ = 0;
  std::size_t left_ = static_cast<std::size_t>(-1) / 2;
  bool has_cut_ = false;
};

}  // namespace ingress::test
