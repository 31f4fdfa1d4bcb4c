// gRPC-Web (github.com/grpc/grpc, doc/PROTOCOL-WEB.md): gRPC for clients that can neither send nor see
// trailers. Binary bodies are those of gRPC, with the trailers as a last frame; text bodies are the same in
// base64.
#pragma once

#include <string>
#include <string_view>

#include "base/buffer.h"
#include "http/grpc.h"
#include "ingress/message.h"

namespace ingress::http {

// Base64 (RFC 4648 4) that comes in pieces, cut anywhere. It may be padded and begin anew any number of
// times: senders pad whenever they flush.
class Base64Decoder {
 public:
  // Appends what `text` stands for, as far as its bytes are complete; false when it is not base64, for good.
  bool feed(std::string_view text, base::Chain& out, base::BufferPool& pool);
  // Nothing is missing at the end.
  bool is_complete() const { return is_valid_ && num_ == 0; }

 private:
  // False when `c` cannot come here; writes up to three bytes to `to`.
  bool take(char c, char*& to);
  unsigned bits_ = 0;  // of the group of four that has begun
  unsigned num_ = 0;   // characters of it, padding included
  unsigned num_padded_ = 0;
  bool is_valid_ = true;
};

// Appends the base64 of `bytes`, padded: it can be decoded as soon as it is there.
void append_base64(base::Chain&& bytes, base::Chain& out, base::BufferPool& pool);

// The last frame of a response: flag 0x80, length, "name: value\r\n" in lower case.
std::string make_trailer_frame(const Headers& trailers);

// The type of a response to a client that sent `kind`, for the backend's ("application/grpc+proto"); empty
// when that is none of gRPC.
std::string to_grpc_web_type(std::string_view content_type, GrpcKind kind);
// "application/grpc-web-text+proto" -> "application/grpc+proto".
std::string to_grpc_type(std::string_view content_type);
// What a client wants its response to be: as its Accept says (RFC 9110 12.5.1, without weights), else as its
// request is.
GrpcKind wanted_grpc_web_kind(std::string_view accept, GrpcKind request);

}  // namespace ingress::http
