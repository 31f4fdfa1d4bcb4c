// The public client over TLS: who is believed, what is shown, what ALPN decides.
#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "tls/test_authority.h"
#include "upstream/http_client_fixture.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace ingress::test {
namespace {

const TestAuthority& authority() {
  static const TestAuthority made;
  return made;
}

// A Socket's face with TLS behind it.
class TlsWire {
 public:
  TlsWire(SSL_CTX* context, Socket& socket) : ssl_(SSL_new(context)) {
    SSL_set_fd(ssl_.get(), socket.fd());
    is_open_ = SSL_accept(ssl_.get()) == 1;
  }
  bool is_open() const { return is_open_; }
  bool is_http2() const {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
  }
  bool has_client_certificate() const {
    return bssl::UniquePtr<X509>(SSL_get_peer_certificate(ssl_.get())) != nullptr;
  }
  void send(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
  std::string read_bytes(std::size_t count) {
    while (read_.size() < count && read_more()) {
    }
    return take(std::min(count, read_.size()));
  }
  std::string read_until(std::string_view mark) {
    for (;;) {
      if (const std::size_t at = read_.find(mark); at != std::string::npos) return take(at + mark.size());
      if (!read_more()) return {};
    }
  }

 private:
  bool read_more() {
    char bytes[16 * 1024];
    const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
    if (got > 0) read_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
  std::string take(std::size_t count) {
    std::string out = read_.substr(0, count);
    read_.erase(0, count);
    return out;
  }
  bssl::UniquePtr<SSL> ssl_;
  std::string read_;
  bool is_open_ = false;
};

// Answers "h1" or "h2", as was agreed, and "+certificate" to whoever shows one.
class TlsService {
 public:
  enum class Speaks : std::uint8_t { kHttp1, kBoth };
  explicit TlsService(Speaks speaks) : speaks_(speaks), context_(SSL_CTX_new(TLS_server_method())) {
    const Issued shown = authority().issue({.ip_addresses = {"127.0.0.1"}});
    const auto text = [](const std::string& pem) {
      return bssl::UniquePtr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
    };
    const bssl::UniquePtr<X509> leaf(PEM_read_bio_X509(text(shown.chain).get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(text(shown.key).get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<X509> ca(
        PEM_read_bio_X509(text(authority().pem()).get(), nullptr, nullptr, nullptr));
    REQUIRE(SSL_CTX_use_certificate(context_.get(), leaf.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), ca.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_alpn_select_cb(context_.get(), select_alpn, this);
  }
  std::uint16_t port() const { return backend_.port(); }

 private:
  static int select_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
                         unsigned offered_size, void* self) {
    const bool has_both = static_cast<TlsService*>(self)->speaks_ == Speaks::kBoth;
    const std::string_view ours = has_both ? "\x02h2\x08http/1.1" : "\x08http/1.1";
    std::uint8_t* selected = nullptr;
    const int result =
        SSL_select_next_proto(&selected, out_size, reinterpret_cast<const std::uint8_t*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size);
    *out = selected;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }
  void serve(Socket& socket) {
    TlsWire wire(context_.get(), socket);
    if (!wire.is_open()) return;
    const std::string shown = wire.has_client_certificate() ? "+certificate" : "";
    if (!wire.is_http2()) {
      while (!wire.read_until("\r\n\r\n").empty()) wire.send(with_length("h1" + shown));
      return;
    }
    H2Peer peer(wire);
    while (const std::uint32_t stream = peer.next_request()) peer.answer(stream, "h2" + shown);
  }
  const Speaks speaks_;
  bssl::UniquePtr<SSL_CTX> context_;
  Backend backend_{[this](Socket& socket) { serve(socket); }};
};

Cluster secure(const TlsService& service, BackendProtocol protocol, const BackendTls& tls) {
  Cluster cluster = service_at(service.port(), protocol);
  cluster.tls = tls;
  return cluster;
}

TEST_CASE("TheServiceChoosesTheProtocolWhereItMay") {
  TlsService both(TlsService::Speaks::kBoth), old(TlsService::Speaks::kHttp1);
  const BackendTls tls{.ca_bundle = authority().pem()};
  const auto ask = [&](const TlsService& service, BackendProtocol protocol) {
    ClientBench bench(secure(service, protocol, tls));
    for (int i = 0; i < 20; ++i) bench.ask();  // at once, before it is known
    for (const auto& answer : bench.answers) {
      bench.run_until([&] { return answer->is_over; });
      CHECK(answer->text == bench.answers[0]->text);
    }
    CHECK(bench.get().text == bench.answers[0]->text);
    return bench.answers[0]->text;
  };
  CHECK(ask(both, BackendProtocol::kAuto) == "200+h2|end");
  CHECK(ask(both, BackendProtocol::kHttp1) == "200+h1|end");
  CHECK(ask(both, BackendProtocol::kHttp2) == "200+h2|end");
  CHECK(ask(old, BackendProtocol::kAuto) == "200+h1|end");
  CHECK(ask(old, BackendProtocol::kHttp1) == "200+h1|end");
  CHECK(ask(old, BackendProtocol::kHttp2) == "failed upstream_tls");
}

TEST_CASE("AClientCertificateIsShown") {
  TlsService both(TlsService::Speaks::kBoth);
  const Issued shown = authority().issue();
  BackendTls tls{.ca_bundle = authority().pem()};
  tls.client_certificate = shown.chain;
  tls.client_key = {shown.key};
  for (const BackendProtocol protocol : {BackendProtocol::kAuto, BackendProtocol::kHttp1}) {
    ClientBench bench(secure(both, protocol, tls));
    CHECK(bench.get().text.ends_with("+certificate|end"));
  }
}

TEST_CASE("AServiceThatIsSomebodyElseIsNotAsked") {
  TlsService both(TlsService::Speaks::kBoth);
  static const std::string other = TestAuthority("Another").pem();
  for (const BackendTls& tls : {BackendTls{.ca_bundle = other},
                                BackendTls{.server_name = "other.example", .ca_bundle = authority().pem()}}) {
    ClientBench bench(secure(both, BackendProtocol::kAuto, tls));
    Answer& answer = bench.get();
    CHECK(answer.text == "failed upstream_tls");
    CHECK(answer.error->retry == RetrySafety::kNotSafe);
  }
}

}  // namespace
}  // namespace ingress::test
