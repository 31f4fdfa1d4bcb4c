// Stream routes in random configurations.
#include <algorithm>

#include "config/random_config.h"

namespace ingress::test {

std::vector<StreamRoute> RandomConfig::stream_routes(const GatewayConfig& of) {
  std::vector<StreamRoute> out;
  for (const Listener& listener : of.listeners) {
    const bool is_alone = !listener.tls && one_in(3);
    const std::size_t num_routes = is_alone ? 1 : below(3);
    for (std::size_t i = 0; i < num_routes; ++i) {
      StreamRoute route{.name = name("stream-", out.size()),
                        .listener = listener.name,
                        .tls = is_alone ? StreamTls::kNone : StreamTls::kPassthrough,
                        .origin = origin()};
      if (listener.tls && one_in(2)) route.tls = StreamTls::kTerminate;
      if (!is_alone && one_in(2)) route.server_names = {"a.example", pick({"*.a.example", "b.example"})};
      if (!of.clusters.empty()) route.backends.push_back(backend(of.clusters.size()));
      if (one_in(3)) route.idle_timeout = std::chrono::milliseconds(below(86'400'001));
      if (one_in(3)) route.max_connections = static_cast<std::uint32_t>(below(10'000'001));
      if (is_fault()) route.listener = pick({"", "nobody", "\n"});
      if (is_fault()) route.tls = static_cast<StreamTls>(below(5));
      if (is_fault()) route.server_names.emplace_back(pick({"", "*", "A.example", "10.0.0.1", "a.example"}));
      if (is_fault()) route.backends.push_back({.cluster = pick({"", "nobody"})});
      if (is_fault()) route.idle_timeout = std::chrono::milliseconds(one_in(2) ? -1 : 86'400'001);
      if (is_fault()) route.max_connections = 10'000'001;
      out.push_back(std::move(route));
    }
  }
  return out;
}

}  // namespace ingress::test
