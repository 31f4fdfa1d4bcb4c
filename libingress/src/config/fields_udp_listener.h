// The fields of UDP listeners; see config/fields.h.
#pragma once

#include "config/fields_common.h"
#include "config/fields_route.h"
#include "ingress/udp_listener.h"

namespace ingress::config {

constexpr TypeInfo type_info(const UdpListener*) {
  return {"udp_listener",
          "One address where datagrams come in (docs/layer4.md). Keyed by address and port, which a listener "
          "may have as well: the rest may change without binding anew, and sessions go on"};
}
template <class V>
void describe(V&& visit, const UdpListener*) {
  visit({"name", "unique among UDP listeners", Presence::kRequired, 1, kMaxNameBytes}, &UdpListener::name);
  visit({.name = "address", .doc = "IPv4, or IPv6 without brackets", .max = 64}, &UdpListener::address);
  visit({"port", "0 = any free port"}, &UdpListener::port);
  visit({.name = "backends",
         .doc = "share the sessions by weight, each anew; the datagrams of a share with `failure` are "
                "dropped. Clusters without `tls` and `proxy_protocol`",
         .max = 4096},
        &UdpListener::backends);
  visit({.name = "idle_timeout_ms",
         .doc = "a session without datagrams in either direction ends",
         .min = 1,
         .max = kMaxTimeoutMs},
        &UdpListener::idle_timeout);
  visit({.name = "max_sessions",
         .doc = "of each worker; datagrams that would begin more are dropped",
         .min = 1,
         .max = 1'000'000},
        &UdpListener::max_sessions);
  visit({.name = "max_sessions_per_source",
         .doc = "the same of one IPv4 address or IPv6 network of 64 bits; 0 = no limit",
         .max = 1'000'000},
        &UdpListener::max_sessions_per_source);
  visit({"origin", "where it comes from"}, &UdpListener::origin);
}

}  // namespace ingress::config
