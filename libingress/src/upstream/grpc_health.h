// One call of grpc.health.v1.Health/Check: its request, and what its response says of an endpoint.
//
// Owner: a probe. Thread: its worker's. No I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "ingress/message.h"

namespace ingress::upstream {

// The head of the call, by HTTP/2. `authority` has to last as long as `head`.
void write_health_call(RequestHead& head, std::string_view authority, std::chrono::milliseconds timeout);

class GrpcHealthAnswer {
 public:
  // `reason` is a token.
  struct Verdict {
    bool is_serving;
    std::string reason;
  };
  static constexpr std::size_t kMaxBodyBytes = 4096;

  // Either may settle it before the end; nothing more is to be told then.
  std::optional<Verdict> take_head(const ResponseHead& head);
  std::optional<Verdict> take_body(base::Chain&& piece);
  Verdict end(const Headers& trailers) const;

 private:
  std::string body_;
  std::string status_;  // grpc-status of the head; of a "Trailers-Only" response it is the only one
};

}  // namespace ingress::upstream
