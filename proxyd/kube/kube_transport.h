// Requests to a Kubernetes API server: who we are is added, the rate is limited, answers are whole or by
// line. What lists, watches, statuses, events and leases are written on; a fake of it is what their tests
// use.
//
// Thread: the loop's. Callbacks come from the loop, never from inside a call.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/error.h"

namespace proxyd {

struct KubeRequest {
  std::string method = "GET";
  std::string path;               // with query: "/api/v1/namespaces/shop/secrets/tls?..."
  std::string content_type = {};  // of body: "application/json", "application/apply-patch+yaml", ...
  std::string body = {};
  std::string accept = "application/json";
  std::chrono::milliseconds timeout{30'000};  // of the whole answer; of a watch: until its head
};

struct KubeAnswer {
  std::uint16_t status = 0;
  std::string body;  // JSON; of an error a Status object
  std::optional<std::chrono::seconds> retry_after = {};
};

class KubeTransport {
 public:
  // One request under way; destroying it gives the request up: no callback comes any more. A callback may
  // destroy the call that it belongs to.
  class Call {
   public:
    virtual ~Call() = default;
  };
  using OnAnswer = std::move_only_function<void(std::expected<KubeAnswer, ingress::Error>)>;
  // Of a watch: lines as they come, then how it ended. on_head with a status other than 200 is followed by
  // on_end, whose answer has the body.
  struct WatchEvents {
    std::move_only_function<void(std::uint16_t status)> on_head;
    std::move_only_function<void(std::string_view line)> on_line;
    std::move_only_function<void(std::expected<KubeAnswer, ingress::Error>)> on_end;
  };

  virtual ~KubeTransport() = default;
  [[nodiscard]] virtual std::unique_ptr<Call> send(KubeRequest request, OnAnswer on_answer) = 0;
  // `idle`: longest silence before the watch is given up with kTimeout.
  [[nodiscard]] virtual std::unique_ptr<Call> watch(KubeRequest request, std::chrono::milliseconds idle,
                                                    WatchEvents events) = 0;
};

}  // namespace proxyd
