// Connections under TLS: what open() brings, and the handshake on it.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "tls/tls_transport.h"
#include "upstream/connector.h"

namespace ingress::upstream {

// Handles the stream until the handshake is done; then whoever asked takes it over, with its handler.
class Connector::SecureAttempt final : public Connector::Attempt, private net::TransportHandler {
 public:
  SecureAttempt(Connector& connector, std::string proxy_header, tls::ClientTls tls, const Endpoint& endpoint,
                std::chrono::milliseconds timeout, OnConnected on_connected)
      : connector_(connector),
        tls_(std::move(tls)),
        on_connected_(std::move(on_connected)),
        until_(connector.loop_.timers().now() + timeout) {
    opening_ = connector.open(
        endpoint, timeout,
        connector.with_proxy_header(
            std::move(proxy_header),
            [this](std::expected<net::TransportPtr, Error> stream) { on_opened(std::move(stream)); }));
  }

 private:
  void on_opened(std::expected<net::TransportPtr, Error> stream) {
    opening_.reset();
    if (!stream) return finish(std::move(stream));
    auto secured =
        tls::connect(connector_.loop_, std::move(*stream), std::move(tls_), connector_.tls_counters_);
    if (!secured) return finish(std::move(secured));
    transport_ = std::move(*secured);
    // open() kept to the time until here.
    const auto left = until_ - connector_.loop_.timers().now();
    deadline_.set(connector_.loop_.timers(), std::max(left, std::chrono::milliseconds(1)));
    transport_->start(this);
  }

  void on_deadline() {
    connector_.tls_counters_.count(tls::ClientTlsFailure::kTimeout);
    finish(std::unexpected(tls::to_error(tls::ClientTlsFailure::kTimeout)));
  }

  // Last: the callee destroys the attempt.
  void finish(std::expected<net::TransportPtr, Error> result) {
    deadline_.cancel();
    opening_.reset();
    std::exchange(on_connected_, nullptr)(std::move(result));
  }

  void on_ready() override { finish(std::move(transport_)); }
  void on_broken(Error error) override { finish(std::unexpected(std::move(error))); }
  // Not before the handshake is done.
  void on_read(base::Slice) override {}
  void on_read_end() override {}
  void on_drained() override {}

  Connector& connector_;
  tls::ClientTls tls_;
  OnConnected on_connected_;
  std::chrono::milliseconds until_;
  net::Timer deadline_{[](void* self) { static_cast<SecureAttempt*>(self)->on_deadline(); }, this};
  std::unique_ptr<Attempt> opening_;
  net::TransportPtr transport_;
};

std::unique_ptr<Connector::Attempt> Connector::connect(const Endpoint& endpoint, ConnectionStart start,
                                                       std::chrono::milliseconds timeout,
                                                       OnConnected on_connected) {
  if (start.tls == nullptr) {
    return open(endpoint, timeout, with_proxy_header(std::move(start.proxy_header), std::move(on_connected)));
  }
  return std::make_unique<SecureAttempt>(*this, std::move(start.proxy_header),
                                         tls::ClientTls{.context = std::move(start.tls),
                                                        .address = endpoint.address,
                                                        .port = endpoint.port,
                                                        .protocols = start.protocols,
                                                        .sessions = sessions_},
                                         endpoint, timeout, std::move(on_connected));
}

}  // namespace ingress::upstream
