#include "policy/trusted_proxies.h"

#include <algorithm>

#include "base/text.h"

namespace ingress::policy {
namespace {

constexpr unsigned kMaxHops = 32;

// Takes the last element off `list`; false when there is none.
bool take_last(std::string_view& list, std::string_view& element) {
  if (list.empty()) return false;
  const std::size_t comma = list.rfind(',');
  element = base::trim_ows(comma == list.npos ? list : list.substr(comma + 1));
  list = list.substr(0, comma == list.npos ? 0 : comma);
  return true;
}

// Some proxies write "192.0.2.1:4711", "[2001:db8::1]" or "[2001:db8::1]:4711".
std::string_view without_port(std::string_view node) {
  if (node.starts_with('[')) {
    const std::size_t bracket = node.find(']');
    return bracket == node.npos ? std::string_view() : node.substr(1, bracket - 1);
  }
  const std::size_t colon = node.find(':');
  return colon != node.npos && node.find(':', colon + 1) == node.npos ? node.substr(0, colon) : node;
}

}  // namespace

TrustedProxies::TrustedProxies(std::span<const std::string> entries) {
  for (const std::string& entry : entries) {
    if (entry == "unix") trusts_unix_ = true;
    if (const auto network = base::IpNetwork::parse(entry)) networks_.push_back(*network);
  }
}

bool TrustedProxies::trusts(const base::IpAddress& address) const {
  return std::ranges::any_of(networks_,
                             [&](const base::IpNetwork& known) { return known.contains(address); });
}

bool TrustedProxies::trusts_peer(std::string_view peer) const {
  if (peer == "unix") return trusts_unix_;
  const auto address = base::parse_ip_address(peer);
  return address && trusts(*address);
}

std::string_view TrustedProxies::find_client(const Headers& headers, std::string_view peer) const {
  std::string_view client = peer;
  unsigned num_hops = 0;
  for (const HeaderField* field = headers.end(); field != headers.begin();) {
    --field;
    if (field->id != HeaderId::kXForwardedFor) continue;
    std::string_view rest = field->value;
    for (std::string_view element; take_last(rest, element);) {
      const std::string_view node = without_port(element);
      const auto address = base::parse_ip_address(node);
      if (!address || ++num_hops > kMaxHops) return client;
      client = node;
      if (!trusts(*address)) return client;
    }
  }
  return client;
}

}  // namespace ingress::policy
