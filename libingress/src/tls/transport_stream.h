// A Transport as the public Stream.
//
// Owner: the application. Thread: the loop's.
// Always true: the transport is started from the beginning, paused until start(), so that its end is noticed
// and kept; nothing is told after the end, or from inside a call of the owner's.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "ingress/stream.h"
#include "net/loop.h"
#include "net/transport.h"

namespace ingress::tls {

class TransportStream final : public Stream, private net::TransportHandler {
 public:
  // kBegun: it has a handler already, which this one follows, and is paused (kBusy).
  enum class Transport : std::uint8_t { kFresh, kBegun };
  // `kept`: what the transport needs, let go of behind it.
  TransportStream(net::EventLoop& loop, net::TransportPtr transport, Transport state,
                  std::shared_ptr<void> kept);
  TransportStream(const TransportStream&) = delete;
  TransportStream& operator=(const TransportStream&) = delete;
  ~TransportStream() override;

  void start(StreamEvents& events) override;
  void write(std::string bytes) override;
  std::size_t queued_bytes() const override { return transport_->queued_bytes(); }
  void pause() override;
  void resume() override;
  std::string peer() const override;

 private:
  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  void on_drained() override;
  void on_broken(Error error) override;
  void end(std::expected<void, Error> how);
  void tell_end();

  net::EventLoop& loop_;
  net::TransportPtr transport_;
  std::shared_ptr<void> kept_;
  StreamEvents* events_ = nullptr;  // null before start() and once the end is told
  std::optional<std::expected<void, Error>> end_;
  std::shared_ptr<TransportStream*> self_;  // for deferred calls: null once this is gone
};

// "10.0.0.1:4711", "[::1]:4711" or "unix".
std::string to_text(const net::PeerAddress& peer);

}  // namespace ingress::tls
