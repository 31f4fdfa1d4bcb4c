// What a backend is told about the client: X-Forwarded-For, -Proto, -Host, -Port, Forwarded (RFC 7239) and
// X-Request-Id.
//
// What an untrusted peer sent under these names is replaced, Forwarded is removed, so that a backend never
// believes a client about itself. A trusted proxy's word is kept: the lists get the proxy's own address as
// their last element, the rest stands where it can be read. Fields with '_' in their names are removed unless
// they are allowed: many backends cannot tell X_Forwarded_For from X-Forwarded-For. Nor can some tell
// X.Forwarded.For from it: what looks like a field that we know goes, whatever is allowed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "ingress/listener.h"
#include "ingress/message.h"

namespace ingress::policy {

enum class PeerTrust : std::uint8_t { kUntrusted, kTrusted };

struct ClientFacts {
  std::string_view address;     // of the peer, without port; or "unix"
  std::string_view scheme;      // "http"
  std::string_view authority;   // Host as the client sent it; may be empty
  std::uint16_t listener_port;  // where it connected: told when there was no Host; 0 for a unix socket
  std::string_view request_id;
  PeerTrust trust = PeerTrust::kUntrusted;
  HeadersWithUnderscores underscores = HeadersWithUnderscores::kDrop;
};

// Call after strip_hop_by_hop(): fields that Connection names are gone before ours are added. What `facts`
// says is copied, and must be field text (RFC 9110 5.5): our lines are written without another look.
void set_forwarding_headers(Headers& headers, const ClientFacts& facts);

// The X-Request-Id that a trusted peer sent, when there is one and it can go into a log; otherwise "".
std::string_view find_request_id(const Headers& headers);

// Whether a name has a '_'; names of fields that the library knows have none.
inline bool has_underscore(const HeaderField& field) {
  return field.id == HeaderId::kOther && !field.is_line && field.name.find('_') != field.name.npos;
}
// Whether any field of `headers` has one; lines of a head have none.
inline bool has_underscores(const Headers& headers) {
  return !headers.has_lines_only() && std::any_of(headers.begin(), headers.end(), has_underscore);
}

// Whether a field that a client sent may reach a backend under its name.
bool may_pass(const HeaderField& field, HeadersWithUnderscores underscores);

// 32 hex digits out of two random numbers, into `out` (capacity is reused).
void write_request_id(std::string& out, std::uint64_t high, std::uint64_t low);

}  // namespace ingress::policy
