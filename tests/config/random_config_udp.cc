// The UDP listeners of random configurations.
#include <algorithm>

#include "config/random_config.h"

namespace ingress::test {

using std::chrono::milliseconds;

// Of a cluster that can be spoken to in datagrams, if there is one.
BackendRef RandomConfig::udp_backend(const std::vector<Cluster>& clusters) {
  BackendRef out{.weight = static_cast<std::uint32_t>(one_in(4) ? below(1'000'001) : below(3))};
  std::vector<const Cluster*> plain;
  for (const Cluster& cluster : clusters)
    if (!cluster.tls && cluster.proxy_protocol == ProxyProtocol::kNone) plain.push_back(&cluster);
  if (!plain.empty()) out.cluster = plain[below(plain.size())]->name;
  if (plain.empty() || one_in(5)) out.failure = reply();
  if (is_fault()) out.cluster = one_in(2) ? bad_name() : "nowhere", out.failure.reset();
  if (is_fault() && !clusters.empty())  // one with TLS, maybe
    out.cluster = clusters[below(clusters.size())].name, out.failure.reset();
  if (is_fault()) out.weight = 1'000'001;
  return out;
}

UdpListener RandomConfig::udp_listener(std::size_t index, const std::vector<Cluster>& clusters) {
  UdpListener out{.name = name("udp-", index), .origin = origin()};
  out.address = pick({"0.0.0.0", "127.0.0.1", "::", "::1", "fd00::7"});
  // The numbers are those of listeners too.
  out.port = static_cast<std::uint16_t>(one_in(4) ? 0 : 1000 + index);
  if (is_fault()) out.address = pick({"", "localhost", "[::1]", "unix:/run/socket", "1.2.3"});
  if (is_fault()) out.port = 1000;
  const std::size_t num_backends = below(4);
  for (std::size_t i = 0; i < num_backends; ++i) out.backends.push_back(udp_backend(clusters));
  if (one_in(3)) out.idle_timeout = milliseconds(1 + below(86'400'000));
  if (is_fault()) out.idle_timeout = milliseconds(one_in(2) ? 0 : 86'400'001);
  if (one_in(3)) out.max_sessions = static_cast<std::uint32_t>(1 + below(1'000'000));
  if (is_fault()) out.max_sessions = one_in(2) ? 0 : 1'000'001;
  if (one_in(3)) out.max_sessions_per_source = static_cast<std::uint32_t>(below(1'000'001));
  if (is_fault()) out.max_sessions_per_source = 1'000'001;
  return out;
}

}  // namespace ingress::test
