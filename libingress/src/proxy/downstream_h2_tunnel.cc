// WebSockets over HTTP/2 (RFC 8441): an extended CONNECT goes to the backend as the upgrade of HTTP/1.1 that
// it stands for, and what the backend then sends becomes the stream's DATA.
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "base/text.h"
#include "proxy/downstream_h2.h"
#include "proxy/downstream_h2_stream.h"

namespace ingress::proxy {

namespace {

// Base64 (RFC 4648 4) of a nonce of 16 bytes (RFC 6455 4.1).
std::string make_websocket_key(std::uint64_t high, std::uint64_t low) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 18> bytes{};  // two more, which are padding
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(high >> (8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(low >> (8 * i));
  }
  std::string key;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group =
        std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) key += kAlphabet[(group >> shift) & 63];
  }
  key.replace(22, 2, "==");
  return key;
}

}  // namespace

// False when the protocol is one that we cannot carry.
bool DownstreamH2Stream::begin_websocket() {
  if (reader().raw_method() != "CONNECT" || !base::equals_ignore_case(reader().protocol(), "websocket"))
    return false;
  is_websocket_ = true;
  head().set_method_view("GET");
  Headers& headers = head().headers();
  headers.remove("Sec-WebSocket-Key");  // has no meaning here (RFC 8441 5.1)
  auto& random = connection_->host().services().clusters.random();
  headers.add("Sec-WebSocket-Key", make_websocket_key(random.next(), random.next()));
  headers.add("Connection", "Upgrade");
  headers.add("Upgrade", "websocket");
  return true;
}

void DownstreamH2Stream::begin_tunnel(const ResponseHead& head) {
  is_tunnel_ = true;
  become_two_way();
  read_timer_.cancel();
  write_timer_.cancel();
  ResponseHead opened;
  opened.set_status(200);
  for (const HeaderField& field : head.headers()) {
    if (base::equals_ignore_case(field.name, "Sec-WebSocket-Accept")) continue;
    opened.headers().add_view(field.name, field.value, field.id);
  }
  connection_->session().send_head(*this, opened, {http::BodyKind::kChunked, 0}, -1);
  // What has come already is passed on when the exchange is not on the stack.
  connection_->note_news(*this);
  connection_->want_write(0);
}

void DownstreamH2Stream::pass_early_bytes() {
  if (is_served() && !early_.is_empty()) exchange_->on_tunnel_bytes(std::exchange(early_, {}));
  if (is_served() && is_request_ended()) exchange_->on_tunnel_end();
  if (is_served() && is_tunnel_time_over_) exchange_->on_tunnel_drain();
}

}  // namespace ingress::proxy
