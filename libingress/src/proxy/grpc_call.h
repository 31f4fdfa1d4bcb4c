// What an exchange knows of a call of gRPC.
//
// Owner: an Exchange, which changes it in exchange_grpc.cc. Thread: its worker's.
// Always true: of other requests nothing in it is set, and only `is_call` is looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "http/grpc.h"
#include "proxy/grpc_web_bridge.h"

namespace ingress::proxy {

struct GrpcCall {
  bool is_call = false;
  bool is_deadline_clients = false;  // Exchange::deadline_ is for `timeout`
  // The response is one of gRPC by HTTP/2 whose trailers are still to come: its end may be told there.
  bool may_end_with_status = false;
  std::uint16_t status = kNoStatus;      // as the client was told
  std::chrono::milliseconds timeout{0};  // what the client gives it (grpc-timeout), from its head on; 0 = any
  std::unique_ptr<GrpcWebBridge> web;    // of gRPC-Web that is translated

  static constexpr std::uint16_t kNoStatus = 0xffff;
};

}  // namespace ingress::proxy
