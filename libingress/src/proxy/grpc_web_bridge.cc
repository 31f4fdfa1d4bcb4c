#include "proxy/grpc_web_bridge.h"

#include <string>
#include <utility>

namespace ingress::proxy {
namespace {

const Headers& no_headers() {
  static const Headers none;
  return none;
}

}  // namespace

GrpcWebBridge::GrpcWebBridge(DownstreamStream& client, base::BufferPool& pool, RequestStart& start,
                             http::GrpcKind kind)
    : client_(client), pool_(pool), request_kind_(kind) {
  Headers& headers = start.head.headers();
  response_kind_ = http::wanted_grpc_web_kind(headers.get("accept").value_or(""), kind);
  const std::string type = http::to_grpc_type(headers.get(HeaderId::kContentType).value_or(""));
  headers.set("content-type", type);
  // Both speak of what the client can read, which is no affair of the backend's.
  headers.remove("x-grpc-web");
  headers.remove("accept");
  // As bytes it is shorter than its text.
  const bool is_text = kind == http::GrpcKind::kWebText;
  if (is_text && start.framing.kind == http::BodyKind::kLength && start.framing.length > 0) {
    start.framing = {http::BodyKind::kChunked, 0};
  }
}

base::Chain GrpcWebBridge::decode(base::Chain&& piece) {
  if (request_kind_ != http::GrpcKind::kWebText) return std::move(piece);
  base::Chain out;
  while (!piece.is_empty()) {
    const base::Slice slice = piece.take_front();
    is_valid_ = decoder_.feed(slice.view(), out, pool_);
  }
  return out;
}

bool GrpcWebBridge::is_valid(Moment moment) const {
  if (request_kind_ != http::GrpcKind::kWebText) return true;
  return moment == Moment::kAtEnd ? decoder_.is_complete() : is_valid_;
}

// A response that is none of gRPC passes as it is, so that its status and text reach who has to do with them.
// One that is all head passes with it: there the status is a field for gRPC-Web as well, and a client that
// found it a second time in a body would fail twice.
void GrpcWebBridge::send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) {
  const std::string_view type = head.headers().get(HeaderId::kContentType).value_or("");
  const std::string web_type = http::to_grpc_web_type(type, response_kind_);
  if (web_type.empty()) return client_.send_head(head, framing, kept_length);
  ResponseHead translated;
  translated.set_status(head.status());
  translated.headers().assign(head.headers());
  translated.headers().set("content-type", web_type);
  const bool has_body = framing.kind != http::BodyKind::kNone;
  const bool is_empty = framing.kind == http::BodyKind::kLength && framing.length == 0;
  is_text_ = has_body && response_kind_ == http::GrpcKind::kWebText;
  brings_trailers_ = has_body && !head.headers().get("grpc-status");
  if (brings_trailers_ || (is_text_ && !is_empty)) {  // longer than what the backend says
    framing = {http::BodyKind::kChunked, 0};
    kept_length = -1;
  }
  client_.send_head(translated, framing, kept_length);
}

void GrpcWebBridge::send_body(base::Chain&& piece) {
  if (!is_text_) return client_.send_body(std::move(piece));
  base::Chain text;
  http::append_base64(std::move(piece), text, pool_);
  client_.send_body(std::move(text));
}

// Without trailers the client misses the status, and says so.
void GrpcWebBridge::send_end(const Headers& trailers) {
  if (!brings_trailers_) return client_.send_end(trailers);
  if (!trailers.is_empty()) {
    base::Chain frame;
    frame.append_copy(http::make_trailer_frame(trailers), pool_);
    send_body(std::move(frame));
  }
  client_.send_end(no_headers());
}

}  // namespace ingress::proxy
