// A stream that somebody opened for somebody else: the addresses are those of a PROXY header, all the rest is
// the stream's.
//
// Owner: whoever holds the TransportPtr. Thread: the loop's.
// Caller: as of any Transport; who has read the header, and some bytes behind it, hands those in by
// deliver(). Always true: what is read comes straight from the stream below: it has the same handler.
#pragma once

#include "net/loop.h"
#include "net/proxy_header.h"
#include "net/transport.h"

namespace ingress::net {

class ProxiedTransport final : public Transport {
 public:
  // `stream` has been started.
  ProxiedTransport(EventLoop& loop, TransportPtr stream, const ProxyAddresses& addresses)
      : loop_(loop), stream_(std::move(stream)), addresses_(addresses) {}

  // From the loop, after start(): bytes that were read behind the header. Nobody hears of them when the
  // stream was closed meanwhile.
  void deliver(base::Slice bytes);

  void start(TransportHandler* handler) override { set_handler(handler); }
  void set_handler(TransportHandler* handler) override;
  void write(base::Chain&& bytes) override { stream_->write(std::move(bytes)); }
  std::size_t queued_bytes() const override { return stream_->queued_bytes(); }
  std::uint64_t written_bytes() const override { return stream_->written_bytes(); }
  void pause(PauseReason reason) override { stream_->pause(reason); }
  void resume(PauseReason reason) override { stream_->resume(reason); }
  void shutdown_write() override { stream_->shutdown_write(); }
  void close() override;
  void reset() override;
  const PeerAddress& peer() const override { return addresses_.client; }
  const PeerAddress& local() const override { return addresses_.destination; }

 protected:
  void destroy() override;

 private:
  ~ProxiedTransport() = default;

  EventLoop& loop_;
  TransportPtr stream_;
  TransportHandler* handler_ = nullptr;  // null before start() and after close()
  ProxyAddresses addresses_;
};

}  // namespace ingress::net
