// The fields of stream routes; see config/fields.h.
#pragma once

#include <array>

#include "config/fields_common.h"
#include "config/fields_route.h"
#include "ingress/stream_route.h"

namespace ingress::config {

constexpr std::array<EnumInfo<StreamTls>, 3> enum_table(StreamTls) {
  return {{{StreamTls::kNone, "none", "every connection of the listener, unread; no other route beside it"},
           {StreamTls::kPassthrough, "passthrough",
            "connections that begin with TLS, which the backend terminates"},
           {StreamTls::kTerminate, "terminate",
            "the same, but terminated by the listener's `tls`: the backend gets what was in it"}}};
}
constexpr TypeInfo type_info(const StreamRoute*) {
  return {"stream_route",
          "Connections of a listener that are passed on byte by byte, whatever they carry; see "
          "[layer4.md](layer4.md)"};
}
template <class V>
void describe(V&& visit, const StreamRoute*) {
  visit({"name", "unique among stream routes", Presence::kRequired, 1, kMaxNameBytes}, &StreamRoute::name);
  visit({"listener", "name of a listener", Presence::kRequired, 1, kMaxNameBytes}, &StreamRoute::listener);
  visit({"tls", "which of its connections, and who terminates their TLS"}, &StreamRoute::tls);
  visit({.name = "server_names",
         .doc = "with TLS: names that clients ask for (SNI), `a.b` exactly, `*.a.b` one label more; lower "
                "case, each once. The most specific counts, of several routes with it the first by name. "
                "None: every connection that no other route of the listener takes",
         .max = kMaxServerNames},
        &StreamRoute::server_names);
  visit({.name = "backends",
         .doc = "one is chosen by weight for each connection; a share with a `failure` is closed",
         .max = 1'000},
        &StreamRoute::backends);
  visit({.name = "idle_timeout_ms",
         .doc = "a connection on which nothing moves in either direction is closed; 0 = never",
         .max = kMaxTimeoutMs},
        &StreamRoute::idle_timeout);
  visit({.name = "max_connections",
         .doc = "at once in the whole process; more are closed; 0 = no limit",
         .max = 10'000'000},
        &StreamRoute::max_connections);
  visit({"origin", "where it comes from"}, &StreamRoute::origin);
}

}  // namespace ingress::config
