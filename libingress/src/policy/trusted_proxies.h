// The peers of a listener that are believed about whom they speak for.
//
// Owner: the snapshot; const after it was made. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.h"
#include "ingress/message.h"

namespace ingress::policy {

class TrustedProxies {
 public:
  // Of Listener::trusted_proxies; an entry that does not parse trusts nobody.
  explicit TrustedProxies(std::span<const std::string> entries);

  // `peer` as net::PeerAddress writes it.
  bool trusts_peer(std::string_view peer) const;
  // The client that the trusted `peer` speaks for: X-Forwarded-For from the right, past trusted addresses,
  // at most 32 of them. What is no address ends the walk, so that the last hop that can be believed is
  // the answer: who stands left of garbage cannot be known. A view of the field, or of `peer`.
  std::string_view find_client(const Headers& headers, std::string_view peer) const;

 private:
  bool trusts(const base::IpAddress& address) const;

  std::vector<base::IpNetwork> networks_;
  bool trusts_unix_ = false;
};

}  // namespace ingress::policy
