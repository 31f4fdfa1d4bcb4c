// Whether a client asks to go on in another protocol on its connection, and whether the backend agrees
// (RFC 9110 7.8).
//
// What is not asked in order is not asked: Upgrade belongs to one connection, so leaving it out makes the
// message a plain request, which every server may make of it anyhow.
#pragma once

#include <string_view>

#include "http/framing.h"
#include "ingress/message.h"

namespace ingress::http {

// The protocols that a request offers ("websocket", "a/1, b"), or "" when it offers none in order: not
// HTTP/1.0, without a body, one Upgrade field that Connection names, all of whose elements are protocols.
// Also "" when one of them would carry further requests past us, unrouted and unchecked, once we only pass
// bytes on: other versions of HTTP ("h2c smuggling") and TLS. Costs one look at the field ids where there is
// no Upgrade. Call before strip_hop_by_hop(); the view is of the field's value.
std::string_view offered_upgrade(const RequestHead& head, BodyFraming framing);

// The protocol that a 101 response switches to, or "" when `offered` does not have it, or the response is not
// in order: HTTP/1.0, a body announced, no Upgrade field or more than one.
std::string_view accepted_upgrade(const ResponseHead& head, std::string_view offered);

}  // namespace ingress::http
