// The one table of fields of every type of the configuration: name in the file form, member, bounds
// and meaning. The reader, the writer, the schema, the bounds that validate() checks and the tables
// of docs/config.md are all made from it, so that they cannot drift apart.
#pragma once

#include "config/fields_certificate.h"
#include "config/fields_cluster.h"
#include "config/fields_listener.h"
#include "config/fields_route.h"
#include "config/fields_stream_route.h"
#include "config/fields_tls_policy.h"
#include "config/fields_udp_listener.h"
#include "ingress/config.h"

namespace ingress::config {

constexpr TypeInfo type_info(const GatewayConfig*) {
  return {"config", "The whole configuration"};
}
template <class V>
void describe(V&& visit, const GatewayConfig*) {
  visit({"listeners", "where requests come in"}, &GatewayConfig::listeners);
  visit({"clusters", "where requests go"}, &GatewayConfig::clusters);
  visit({"routes", "which request goes where"}, &GatewayConfig::routes);
  visit({.name = "certificates", .doc = "what TLS listeners show", .max = kMaxCertificates},
        &GatewayConfig::certificates);
  visit({"tls_policies", "how TLS listeners speak to clients that ask for some server names"},
        &GatewayConfig::tls_policies);
  visit({.name = "udp_listeners", .doc = "where datagrams come in", .max = 4096},
        &GatewayConfig::udp_listeners);
  visit({.name = "stream_routes", .doc = "connections that are no HTTP", .max = kMaxStreamRoutes},
        &GatewayConfig::stream_routes);
}

}  // namespace ingress::config
