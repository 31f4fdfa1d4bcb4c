#include "tls/handshake_limits.h"

#include <arpa/inet.h>

namespace ingress::tls {
namespace {

// Who has one address of an IPv6 network has 2^64 of them.
std::string source_of(std::string_view peer) {
  in6_addr address;
  std::string text(peer);
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return text;
  return {reinterpret_cast<const char*>(address.s6_addr), 8};
}

}  // namespace

std::optional<HandshakeLimits::Place> HandshakeLimits::enter(std::string_view peer, std::uint32_t max_total,
                                                             std::uint32_t max_per_source) {
  if (max_total != 0 && total_ >= max_total) return std::nullopt;
  std::string source = source_of(peer);
  std::uint32_t& count = by_source_[source];
  if (max_per_source != 0 && count >= max_per_source) return std::nullopt;
  ++count;
  ++total_;
  return Place(this, std::move(source));
}

void HandshakeLimits::leave(const std::string& source) {
  --total_;
  const auto found = by_source_.find(source);
  if (--found->second == 0) by_source_.erase(found);
}

}  // namespace ingress::tls
