// The router alone: for programs with their own I/O, benches and fuzzers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "ingress/config.h"
#include "ingress/export.h"
#include "ingress/message.h"

namespace ingress {

// What a request matched. Views live as long as the Router that gave them.
struct RouteResult {
  std::string_view route;  // Route::name
  std::string_view rule;   // RouteRule::name, or its position
  const RouteRule* value = nullptr;
};

// An immutable compiled form of the routes of a config.
// Thread: match() may be called from any number of threads at once, without locks or atomics.
// Cost of match(): a hash of the host, then one walk over the bytes of the path.
class INGRESS_EXPORT Router {
 public:
  // Fails with all problems of the routes, as validate() names them.
  static std::expected<Router, std::vector<Problem>> compile(const GatewayConfig& config);
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  // The rule that wins for `head`; nothing when none matches.
  std::optional<RouteResult> match(const RequestHead& head) const&;
  std::optional<RouteResult> match(const RequestHead& head) const&& = delete;

 private:
  struct Impl;
  explicit Router(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace ingress
