// A TLS client at the other end of a FakePeer, made of BoringSSL.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/fake_transport.h"

namespace ingress::test {

struct ClientRecipe {
  std::string server_name = "a.example";  // empty: none is sent
  std::string alpn = {};                  // in wire form; empty: none is sent
  std::uint16_t min_version = TLS1_2_VERSION, max_version = TLS1_3_VERSION;
  std::vector<std::uint16_t> verify_algorithms = {};  // empty: the defaults
  SSL_SESSION* session = nullptr;                     // to go on with
  std::function<void(SSL*)> prepare = {};             // before it begins
};

class TestClient {
 public:
  TestClient(std::shared_ptr<FakePeer> peer, const ClientRecipe& recipe = {}) : peer_(std::move(peer)) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), recipe.min_version);
    SSL_CTX_set_max_proto_version(context_.get(), recipe.max_version);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<TestClient*>(SSL_get_app_data(ssl))->session_.reset(session);
      return 1;
    });
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), this);
    if (!recipe.server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), recipe.server_name.c_str());
    if (!recipe.alpn.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const std::uint8_t*>(recipe.alpn.data()),
                          recipe.alpn.size());
    }
    if (!recipe.verify_algorithms.empty()) {
      SSL_set_verify_algorithm_prefs(ssl_.get(), recipe.verify_algorithms.data(),
                                     recipe.verify_algorithms.size());
    }
    if (recipe.session != nullptr) SSL_set_session(ssl_.get(), recipe.session);
    if (recipe.prepare) recipe.prepare(ssl_.get());
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  // What it has to say next, once; empty when nothing.
  std::string take_output() {
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    BIO_mem_contents(SSL_get_wbio(ssl_.get()), &bytes, &size);
    std::string output(reinterpret_cast<const char*>(bytes), size);
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return output;
  }
  void take_input() {
    const std::string input = peer_->take_received();
    if (!input.empty()) BIO_write(SSL_get_rbio(ssl_.get()), input.data(), static_cast<int>(input.size()));
  }

  // Goes on as far as it can without the other side, and hands over what there is to say, `pace` bytes at a
  // time. Whether the handshake is done.
  bool step(std::size_t pace = static_cast<std::size_t>(-1)) {
    ERR_clear_error();
    take_input();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL) note_alert();
    deliver(pace);
    return result == 1;
  }
  // Whether the handshake is done, within a few steps.
  bool shake_hands(std::size_t pace = static_cast<std::size_t>(-1)) {
    for (int i = 0; i < 6 && reason_ == 0; ++i) {
      if (step(pace)) return true;
    }
    return false;
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
    for (;;) {
      ERR_clear_error();
      const int size = SSL_read(ssl_.get(), bytes, sizeof bytes);
      if (size <= 0) {
        has_ended_ = SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN;
        if (SSL_get_error(ssl_.get(), size) == SSL_ERROR_SSL) note_alert();
        return plain;
      }
      plain.append(bytes, static_cast<std::size_t>(size));
    }
  }
  void say_goodbye() {
    SSL_shutdown(ssl_.get());
    deliver(static_cast<std::size_t>(-1));
  }

  bool has_ended() const { return has_ended_; }  // the last read() met close_notify
  int reason() const { return reason_; }         // SSL_R_… of what failed; 0: nothing
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SSL_SESSION* session() const { return session_.get(); }  // the newest that may be resumed
  SSL* ssl() const { return ssl_.get(); }
  std::string subject() const {
    const bssl::UniquePtr<X509> leaf(SSL_get_peer_certificate(ssl_.get()));
    char text[128] = "";
    if (leaf) X509_NAME_get_text_by_NID(X509_get_subject_name(leaf.get()), NID_commonName, text, sizeof text);
    return text;
  }
  std::string alpn() const {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

 private:
  void note_alert() { reason_ = ERR_GET_REASON(ERR_peek_error()); }
  void deliver(std::size_t pace) {
    const std::string output = take_output();
    for (std::size_t i = 0; i < output.size();) {
      const std::size_t size = std::min(pace, output.size() - i);
      peer_->send(std::string_view(output).substr(i, size));
      i += size;
    }
  }

  std::shared_ptr<FakePeer> peer_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  int reason_ = 0;
  bool has_ended_ = false;
};

}  // namespace ingress::test
