// A server with one UDP listener, "udp".
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "proxy/running_server.h"
#include "support/datagrams.h"

namespace ingress::test {

inline GatewayConfig udp_config(std::initializer_list<std::uint16_t> backend_ports,
                                const std::string& address = "127.0.0.1") {
  GatewayConfig config;
  config.udp_listeners = {{.name = "udp", .address = address, .backends = {{.cluster = "backend"}}}};
  config.clusters = {{.name = "backend"}};
  for (const std::uint16_t port : backend_ports) config.clusters[0].endpoints.push_back({"127.0.0.1", port});
  return config;
}

inline double metric(const Server& server, std::string_view name, std::string_view why = {}) {
  for (const MetricFamily& family : server.metrics()) {
    if (family.name != name) continue;
    for (const MetricSample& sample : family.samples)
      if (why.empty() || sample.labels[0].second == why) return sample.value;
  }
  return -1;
}

// For what no answer tells of.
inline void wait_metric(const Server& server, std::string_view name, std::string_view why, double value) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (metric(server, name, why) != value) {
    if (std::chrono::steady_clock::now() > end) {
      FAIL_CHECK(name << " " << why << " is " << metric(server, name, why));
      return;
    }
    std::this_thread::yield();
  }
}

// Asks again until something comes: a first datagram may be lost to a refusal.
inline std::string ask_until_answered(const DatagramClient& client, std::string_view bytes) {
  for (int i = 0; i < 200; ++i) {
    client.send(bytes);
    if (auto answer = client.receive(100)) return *answer;
  }
  return "none";
}

}  // namespace ingress::test
