// What a backend is told about the client: X-Forwarded-For, -Proto, -Host, -Port and X-Request-Id.
//
// Every peer is untrusted: what it sent under these names is replaced, Forwarded (RFC 7239) is removed, so
// that a backend never believes a client about itself. Fields with '_' in their names are removed too: many
// backends cannot tell X_Forwarded_For from X-Forwarded-For.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingress/message.h"

namespace ingress::policy {

struct ClientFacts {
  std::string_view address;     // without port
  std::string_view scheme;      // "http"
  std::string_view authority;   // Host as the client sent it; may be empty
  std::uint16_t listener_port;  // where it connected: told when there was no Host; 0 for a unix socket
  std::string_view request_id;
};

// Call after strip_hop_by_hop(): fields that Connection names are gone before ours are added. `facts` must
// outlive `head`'s use.
void set_forwarding_headers(Headers& headers, const ClientFacts& facts);

// 32 hex digits out of two random numbers, into `out` (capacity is reused).
void write_request_id(std::string& out, std::uint64_t high, std::uint64_t low);

}  // namespace ingress::policy
