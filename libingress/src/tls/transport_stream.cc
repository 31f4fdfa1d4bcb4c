#include "tls/transport_stream.h"

#include <utility>

namespace ingress {

Stream::~Stream() = default;
StreamHandle::~StreamHandle() = default;

}  // namespace ingress

namespace ingress::tls {

std::string to_text(const net::PeerAddress& peer) {
  std::string address(peer.view());
  if (address == "unix") return address;
  const bool is_ipv6 = address.find(':') != address.npos;
  return (is_ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(peer.port);
}

TransportStream::TransportStream(net::EventLoop& loop, net::TransportPtr transport, Transport state,
                                 std::shared_ptr<void> kept)
    : loop_(loop),
      transport_(std::move(transport)),
      kept_(std::move(kept)),
      self_(std::make_shared<TransportStream*>(this)) {
  if (state == Transport::kBegun) {
    transport_->set_handler(this);
  } else {
    transport_->pause(net::PauseReason::kBusy);
    transport_->start(this);
  }
}

TransportStream::~TransportStream() {
  *self_ = nullptr;
  transport_.reset();
  // Behind what the transport has deferred, which is its own end.
  if (kept_) loop_.defer([kept = std::move(kept_)] {});
}

void TransportStream::start(StreamEvents& events) {
  events_ = &events;
  if (!end_) return transport_->resume(net::PauseReason::kBusy);
  loop_.defer([self = self_] {
    if (*self != nullptr) (*self)->tell_end();
  });
}

void TransportStream::write(std::string bytes) {
  if (end_ || bytes.empty()) return;
  base::Chain chain;
  chain.append_copy(bytes, loop_.buffers());
  transport_->write(std::move(chain));
}

void TransportStream::pause() {
  transport_->pause(net::PauseReason::kPeerSlow);
}

void TransportStream::resume() {
  transport_->resume(net::PauseReason::kPeerSlow);
}

std::string TransportStream::peer() const {
  return to_text(transport_->peer());
}

void TransportStream::on_read(base::Slice bytes) {
  if (events_ != nullptr) events_->on_bytes(bytes.view());
}

void TransportStream::on_drained() {
  if (events_ != nullptr) events_->on_drained();
}

// What the other end has ended it will not read from either: there is no half of a Stream.
void TransportStream::on_read_end() {
  end({});
}

void TransportStream::on_broken(Error error) {
  end(std::unexpected(std::move(error)));
}

void TransportStream::end(std::expected<void, Error> how) {
  if (end_) return;
  end_ = std::move(how);
  tell_end();
}

void TransportStream::tell_end() {
  if (StreamEvents* const events = std::exchange(events_, nullptr)) events->on_closed(std::move(*end_));
}

}  // namespace ingress::tls
