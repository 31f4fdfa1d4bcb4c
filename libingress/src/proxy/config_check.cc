#include "ingress/config_check.h"

#include <utility>

#include "proxy/publisher.h"

namespace ingress {

struct ConfigCheck::Impl {
  proxy::Publisher publisher{
      [](const Listener&) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> {
        return std::make_shared<proxy::BoundListener>(std::vector<int>{}, std::uint16_t{0});
      }};
};

ConfigCheck::ConfigCheck() : impl_(std::make_unique<Impl>()) {}
ConfigCheck::ConfigCheck(ConfigCheck&&) noexcept = default;
ConfigCheck& ConfigCheck::operator=(ConfigCheck&&) noexcept = default;
ConfigCheck::~ConfigCheck() = default;

std::expected<void, std::vector<Problem>> ConfigCheck::publish(const GatewayConfig& config) {
  auto taken = impl_->publisher.publish(config);
  if (!taken) return std::unexpected(std::move(taken.error()));
  return {};
}

std::expected<void, std::vector<Problem>> ConfigCheck::apply(const ConfigDelta& delta) {
  auto taken = impl_->publisher.apply(delta);
  if (!taken) return std::unexpected(std::move(taken.error()));
  return {};
}

}  // namespace ingress
