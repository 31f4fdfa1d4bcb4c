#include "upstream/open_stream.h"

#include <utility>

#include "upstream/h2_client_conn.h"
#include "upstream/h2_opening.h"

namespace ingress::upstream {

using std::literals::operator""sv;

namespace {

bool is_http1(const EndpointState& endpoint, BackendProtocol protocol, bool is_upgrade) {
  // Without TLS there is nobody to ask.
  if (protocol == BackendProtocol::kAuto) return is_upgrade || endpoint.tls == nullptr;
  return protocol == BackendProtocol::kHttp1;
}

// Whether HTTP/2 will be spoken, as far as that can be known.
bool is_http2_expected(const EndpointState& endpoint, BackendProtocol protocol) {
  return protocol == BackendProtocol::kHttp2 || endpoint.h2.is_spoken;
}

std::unique_ptr<Connector::Attempt> open_http1(net::EventLoop& loop, Connector& connector,
                                               const EndpointState& endpoint, const Cluster& cluster,
                                               const StreamNeeds& needs, Permit permit, OnStream on_stream,
                                               Opened opened) {
  return connector.connect(
      endpoint.key,
      {.proxy_header = std::string(needs.proxy_header),
       .tls = endpoint.tls,
       .protocols = offered_protocols(BackendProtocol::kHttp1, needs.is_upgrade)},
      cluster.timeouts.connect,
      [&loop, limits = cluster.limits, header = std::string(needs.proxy_header), permit = std::move(permit),
       on_stream = std::move(on_stream), opened](std::expected<net::TransportPtr, Error> transport) mutable {
        if (!transport) return on_stream(std::unexpected(std::move(transport.error())));
        ClientConnPtr conn(new H1ClientConn(loop, std::move(*transport), limits, opened));
        if (!header.empty()) conn->set_proxy_header(std::move(header));
        conn->adopt_permit(std::move(permit));
        on_stream(std::move(conn));
      });
}

}  // namespace

std::string_view offered_protocols(BackendProtocol protocol, bool is_upgrade) {
  switch (protocol) {
    case BackendProtocol::kHttp1:
      break;
    case BackendProtocol::kHttp2:
      return "\x02h2"sv;
    case BackendProtocol::kAuto:
      if (is_upgrade) break;
      return "\x02h2\x08http/1.1"sv;
  }
  return "\x08http/1.1"sv;
}

ClientStreamPtr take_kept(EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs) {
  const bool is_http1_only = is_http1(endpoint, cluster.protocol, needs.is_upgrade);
  if (!is_http1_only) {
    ClientStreamPtr stream = endpoint.h2.take(needs.proxy_header, cluster.limits, cluster.timeouts);
    if (stream || cluster.protocol == BackendProtocol::kHttp2) return stream;
  }
  return endpoint.idle.take(needs.proxy_header);
}

const void* waiting_place(const EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs) {
  const bool is_for_http2 = !is_http1(endpoint, cluster.protocol, needs.is_upgrade) &&
                            is_http2_expected(endpoint, cluster.protocol);
  return is_for_http2 ? static_cast<const void*>(&endpoint.h2) : &endpoint.idle;
}

bool can_join(const EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs) {
  if (is_http1(endpoint, cluster.protocol, needs.is_upgrade)) return false;
  return H2Opening::find(endpoint, needs.proxy_header) != nullptr;
}

std::unique_ptr<Connector::Attempt> open_stream(net::EventLoop& loop, Connector& connector,
                                                const EndpointRef& endpoint, const Cluster& cluster,
                                                const StreamNeeds& needs, Permit permit, OnStream on_stream,
                                                Opened opened) {
  if (is_http1(*endpoint, cluster.protocol, needs.is_upgrade)) {
    return open_http1(loop, connector, *endpoint, cluster, needs, std::move(permit), std::move(on_stream),
                      opened);
  }
  if (!permit) {
    H2Opening* const opening = H2Opening::find(*endpoint, needs.proxy_header);
    if (opening != nullptr) return opening->join(std::move(on_stream));
  }
  const bool is_shared = is_http2_expected(*endpoint, cluster.protocol);
  return H2Opening::begin(loop, connector, endpoint, cluster, needs, std::move(permit), is_shared, opened,
                          std::move(on_stream));
}

ClientStreamPtr make_stream(net::EventLoop& loop, net::TransportPtr transport, BackendProtocol protocol,
                            const ClusterLimits& limits, const BackendHttp2& http2) {
  const net::SecureSession* const secure = transport->secure();
  const bool is_http2 = secure != nullptr ? secure->protocol() == "h2" : protocol == BackendProtocol::kHttp2;
  if (!is_http2 && protocol == BackendProtocol::kHttp2) return nullptr;
  if (!is_http2) return ClientConnPtr(new H1ClientConn(loop, std::move(transport), limits));
  return (new H2ClientConn(loop, std::move(transport), limits, http2, 1, Opened::kForRequest))->open_stream();
}

}  // namespace ingress::upstream
