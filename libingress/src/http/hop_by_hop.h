// Removes what belongs to one connection only (RFC 9110 7.6.1).
#pragma once

#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

// Removes Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding, Content-Length (framing is
// written anew), TE, Upgrade, Proxy-Authenticate/-Authorization as RFC 9110 11.7 says, Trailer is kept, and
// every field that Connection names, except Host, Content-Length, Transfer-Encoding and other fields that
// carry meaning end to end (Host, Cookie and Authorization stay). Call after framing and before adding
// our own fields.
void strip_hop_by_hop(Headers& headers);

}  // namespace ingress::http
