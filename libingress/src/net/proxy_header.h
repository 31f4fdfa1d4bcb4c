// Headers of the PROXY protocol (haproxy.org, proxy-protocol.txt), version 1 (text) and 2 (binary): who is
// behind a connection that somebody else has opened for them. No I/O.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/error.h"
#include "net/transport.h"

namespace ingress::net {

struct ProxyAddresses {
  PeerAddress client;
  PeerAddress destination;  // where the client connected to
};

struct ProxyHeader {
  std::size_t size_bytes = 0;  // of the header; what is behind it is the client's
  // Of TCP over IPv4 or IPv6. Nothing: the sender speaks for itself (LOCAL), or for somebody it does not name
  // (UNKNOWN, UNSPEC, datagrams, unix sockets): its own address counts.
  std::optional<ProxyAddresses> addresses;
};

// Of version 2 with all that is behind its addresses; version 1 has 107 at most.
inline constexpr std::size_t kMaxProxyHeaderBytes = 4096;

// Reads the header at the front of `bytes`. No value: it is right so far, and not whole. More bytes behind
// those that gave a header or an error change neither. Errors have static text only. Of the extensions of
// version 2 the checksum is verified where there is one, the others are skipped.
std::expected<std::optional<ProxyHeader>, Error> parse_proxy_header(std::string_view bytes);

// Headers to send. Without addresses, or for a client that has no IP address, one that names nobody: UNKNOWN,
// LOCAL. A destination that is not known is written as the unspecified address.
std::string proxy_header_v1(const ProxyAddresses* addresses);
std::string proxy_header_v2(const ProxyAddresses* addresses);

}  // namespace ingress::net
