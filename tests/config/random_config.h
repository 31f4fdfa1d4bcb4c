// Random configurations for property tests: valid ones, and ones with broken pieces.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ingress/config.h"

namespace ingress::test {

class RandomConfig {
 public:
  // Each piece (name, host, match, weight, …) is broken with a chance of `fault_percent` in 100; with 0
  // the configuration validates.
  RandomConfig(std::uint64_t seed, unsigned fault_percent) : random_(seed), fault_percent_(fault_percent) {}

  GatewayConfig make();
  // The same parts, in another order.
  GatewayConfig shuffled(GatewayConfig config);
  // Some parts changed, removed and added; still valid when `config` was.
  GatewayConfig changed(GatewayConfig config);

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  bool is_fault() { return below(100) < fault_percent_; }
  const char* pick(std::initializer_list<const char*> texts) { return texts.begin()[below(texts.size())]; }

  std::string name(const char* stem, std::size_t index);
  std::string bad_name();
  Origin origin();
  ClientCertificates client_certificates();
  ListenerTls listener_tls();
  Listener listener(std::size_t index);
  HealthCheck health_check();
  OutlierDetection outlier_detection();
  ConsistentHash consistent_hash();
  BackendTls backend_tls();
  Cluster cluster(std::size_t index);
  Endpoint endpoint(std::size_t index);
  Certificate certificate(std::size_t index);
  TlsPolicy tls_policy(std::size_t index);
  std::string host();
  RouteMatch match();
  FixedReply reply();
  BackendRef backend(std::size_t num_clusters);
  RetryPolicy retry();
  RouteRule rule(std::size_t num_clusters);
  Route route(std::size_t index, std::size_t num_clusters);
  UdpListener udp_listener(std::size_t index, const std::vector<Cluster>& clusters);
  BackendRef udp_backend(const std::vector<Cluster>& clusters);
  std::vector<StreamRoute> stream_routes(const GatewayConfig& of);

  std::mt19937_64 random_;
  unsigned fault_percent_;
};

// The lists sorted by name, as apply() and the file form leave them.
GatewayConfig sorted(GatewayConfig config);

// What can be read back of a configuration that was written: the same, with "key" for each private key.
GatewayConfig with_one_key(GatewayConfig config);
std::string with_one_key(std::string json);

// "severity field: why (fix)" a line, for messages of failing tests.
std::string text_of(const std::vector<Problem>& problems);

}  // namespace ingress::test
