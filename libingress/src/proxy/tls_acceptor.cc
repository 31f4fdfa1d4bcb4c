#include "proxy/tls_acceptor.h"

#include <memory>
#include <string_view>
#include <utility>

namespace ingress::proxy {

std::optional<tls::HandshakeLimits::Place> TlsAcceptor::enter(const ListenerState& listener,
                                                              const net::PeerAddress& peer) {
  static const ListenerTls kDefaults;
  const ListenerTls& limits = listener.tls ? listener.tls->settings() : kDefaults;
  const std::string_view address = peer.view();
  const bool is_proxy = listener.trusted_proxies && listener.trusted_proxies->trusts_peer(address);
  auto place = limits_.enter(address, limits.max_handshakes, is_proxy ? 0 : limits.max_handshakes_per_source);
  if (!place) counters_.handshakes_refused.add();
  return place;
}

net::TransportPtr TlsAcceptor::accept(const ListenerState& listener, net::TransportPtr stream,
                                      std::chrono::milliseconds limit, tls::Protocols protocols) {
  auto place = enter(listener, stream->peer());
  if (!place) return nullptr;
  WorkerView* view = views_.pin_newest();
  std::shared_ptr<const tls::CertTable> certificates(
      view->snapshot().certificates.get(), [this, view](const tls::CertTable*) { views_.unpin(view); });
  std::shared_ptr<const tls::PolicyTable> policies(certificates, view->snapshot().tls_policies.get());
  auto transport = tls::accept(loop_, std::move(stream),
                               {.context = listener.tls,
                                .certificates = std::move(certificates),
                                .policies = std::move(policies),
                                .handshake_limit = limit,
                                .place = std::move(place),
                                .protocols = protocols},
                               counters_);
  return transport ? std::move(*transport) : nullptr;
}

}  // namespace ingress::proxy
