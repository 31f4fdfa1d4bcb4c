// Stands between an exchange and a client that speaks gRPC-Web: the exchange, its filters and the backend see
// gRPC.
//
// Owner: its exchange, from routing to its end. Thread: the worker's.
// Caller: the exchange; what the client's stream says to it goes past here, but for the body.
// Always true: holds back no byte of a response, and of a request three characters of base64 at most.
#pragma once

#include <cstddef>
#include <cstdint>

#include "http/grpc_web.h"
#include "proxy/downstream_stream.h"

namespace ingress::proxy {

class GrpcWebBridge final : public DownstreamStream {
 public:
  // Makes the request one of gRPC. `kind`: of its Content-Type, one of gRPC-Web.
  GrpcWebBridge(DownstreamStream& client, base::BufferPool& pool, RequestStart& start, http::GrpcKind kind);

  DownstreamStream& client() const { return client_; }
  // A piece of the request's body as that of gRPC.
  base::Chain decode(base::Chain&& piece);
  // What has come is base64, where it has to be; at the end also that nothing of it is missing.
  enum class Moment : std::uint8_t { kBetween, kAtEnd };
  bool is_valid(Moment moment) const;

  // DownstreamStream
  void send_interim(const ResponseHead& head) override { client_.send_interim(head); }
  void begin_tunnel(const ResponseHead& head) override { client_.begin_tunnel(head); }
  void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) override;
  void send_body(base::Chain&& piece) override;
  void send_end(const Headers& trailers) override;
  std::size_t flush() override { return client_.flush(); }
  void set_reading(Reading reading) override { client_.set_reading(reading); }
  const net::PeerAddress& local_address() const override { return client_.local_address(); }
  void finish(Finish how) override { client_.finish(how); }

 private:
  DownstreamStream& client_;
  base::BufferPool& pool_;
  http::Base64Decoder decoder_;
  http::GrpcKind request_kind_;
  http::GrpcKind response_kind_;
  bool is_valid_ = true;
  // Of the response, from its head on.
  bool is_text_ = false;          // the body is to be base64
  bool brings_trailers_ = false;  // as a frame at its end
};

}  // namespace ingress::proxy
