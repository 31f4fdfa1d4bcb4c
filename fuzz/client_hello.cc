// The first bytes of a TLS client. The input is what a connection begins with.
//
// Asserted: what is decided about a front stays so whatever comes behind it, however it was cut, within its
// bound; the server name is the one that BoringSSL's handshake finds in the same bytes.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "support/require.h"
#include "tls/client_hello.h"

using namespace ingress;
using namespace ingress::fuzzing;
using State = tls::ClientHelloReader::State;

namespace {

std::string outcome_of(const tls::ClientHelloReader& reader) {
  if (reader.state() != State::kDone) require(reader.server_name().empty(), "names nobody before it is sure");
  if (reader.state() == State::kMore) return "more";
  return reader.state() == State::kNotTls ? "not tls" : "name " + reader.server_name();
}

// What the handshake says; nothing when it does not come so far.
std::optional<std::string> name_in_handshake(std::string_view bytes) {
  static const bssl::UniquePtr<SSL_CTX> context = [] {
    bssl::UniquePtr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_select_certificate_cb(made.get(), [](const SSL_CLIENT_HELLO* hello) {
      const char* name = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
      *static_cast<std::optional<std::string>*>(SSL_get_app_data(hello->ssl)) = name == nullptr ? "" : name;
      return ssl_select_cert_error;
    });
    return made;
  }();
  std::optional<std::string> name;
  const bssl::UniquePtr<SSL> ssl(SSL_new(context.get()));
  SSL_set_app_data(ssl.get(), &name);
  SSL_set_bio(ssl.get(), BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl.get());
  require(SSL_do_handshake(ssl.get()) != 1, "the callback ends it");
  ERR_clear_error();
  if (name) name = base::to_lower_ascii(*name);
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::string_view input(reinterpret_cast<const char*>(data), size_bytes);
  tls::ClientHelloReader whole;
  whole.read(input);
  const std::string outcome = outcome_of(whole);
  require(outcome != "more" || size_bytes < tls::ClientHelloReader::kMaxBytes, "decides within its bound");

  tls::ClientHelloReader pieces;
  Cuts cuts(static_cast<std::uint32_t>(size_bytes));
  for (std::size_t at = 0; at < size_bytes;) {
    const std::size_t size = std::min(cuts.next(), size_bytes - at);
    // A block of its own, so that a read behind its end is seen.
    const std::unique_ptr<char[]> block(new char[size]);
    input.copy(block.get(), size, at);
    pieces.read({block.get(), size});
    const std::string now = outcome_of(pieces);
    require(now == "more" || now == outcome, "stays as it was decided");
    at += size;
  }
  require_equal(outcome_of(pieces), outcome, "does not depend on how it was cut");

  if (whole.state() == State::kNotTls) return 0;
  const auto name = name_in_handshake(input);
  if (name) require_equal(outcome, "name " + *name, "names whom the handshake names");
  return 0;
}
