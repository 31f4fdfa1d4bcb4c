// Whether a Server would take a configuration, for those who hand it on to one elsewhere.
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "ingress/config.h"
#include "ingress/export.h"

namespace ingress {

// Does what Server::publish() and apply() do, but for sockets: reads certificates and keys, compiles routes
// and regular expressions, and keeps what it took, so that a change costs what changed.
// Owner: the application. Thread: one at a time.
class INGRESS_EXPORT ConfigCheck {
 public:
  ConfigCheck();
  ConfigCheck(ConfigCheck&&) noexcept;
  ConfigCheck& operator=(ConfigCheck&&) noexcept;
  ~ConfigCheck();

  // All that a Server would refuse it for; then nothing changes here.
  std::expected<void, std::vector<Problem>> publish(const GatewayConfig& config);
  std::expected<void, std::vector<Problem>> apply(const ConfigDelta& delta);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
