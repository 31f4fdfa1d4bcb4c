// Bytes between two transports, both ways: what one side sends goes to the other as it came, and so does the
// end of its direction.
//
// Owner: a StreamConnection. Thread: its worker's.
// Caller: gives both transports, of which the client's has been started and paused (PauseReason::kPeerSlow),
// and destroys
// the relay in on_relay_over() or any time; both go with it. Always true: what waits for a side that does not
// read is less than kHoldBytes and one read, then the other side is not read from; a direction ends once.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "base/buffer.h"
#include "net/loop.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "proxy/stream_metrics.h"

namespace ingress::proxy {

// How it ended; "closed" is in order: both directions were.
enum class StreamEnd : std::uint8_t { kClosed, kClientReset, kBackendReset, kIdle };

class StreamRelayOwner {
 public:
  // Once, last; from the loop. `error`: of a side that broke.
  virtual void on_relay_over(StreamEnd end, const char* detail) = 0;

 protected:
  ~StreamRelayOwner() = default;
};

class StreamRelay {
 public:
  static constexpr std::size_t kHoldBytes = 64 * 1024;

  StreamRelay(net::EventLoop& loop, StreamCounters& counters, StreamRelayOwner& owner,
              net::TransportPtr client, net::TransportPtr backend);
  StreamRelay(const StreamRelay&) = delete;
  StreamRelay& operator=(const StreamRelay&) = delete;
  ~StreamRelay() = default;

  // `read`: what the client has said already. `idle_limit` 0 = none.
  void begin(base::Chain read, std::chrono::milliseconds idle_limit);
  // The peers see a reset: what they got is not all.
  void reset();

  std::uint64_t client_bytes() const { return client_.num_read; }
  std::uint64_t backend_bytes() const { return backend_.num_read; }

 private:
  class Side final : public net::TransportHandler {
   public:
    Side(StreamRelay& relay_in, net::TransportPtr stream_in, StreamEnd broken_in, base::Counter& counter_in)
        : relay(relay_in), stream(std::move(stream_in)), broken(broken_in), counter(counter_in) {}
    void on_read(base::Slice bytes) override;
    void on_read_end() override;
    void on_drained() override;
    void on_broken(Error error) override;

    StreamRelay& relay;
    net::TransportPtr stream;
    StreamEnd broken;
    base::Counter& counter;
    Side* other = nullptr;
    std::uint64_t num_read = 0;
    bool has_ended = false;  // its direction
    bool is_gone = false;    // it broke behind its end
  };

  void forward(Side& from);
  void end_if_over();
  void end(StreamEnd end, const char* detail);
  std::uint64_t progress() const;
  void check_idle();

  net::EventLoop& loop_;
  StreamRelayOwner& owner_;
  Side client_, backend_;
  base::Chain passing_;  // empty between calls; keeps its array
  net::Timer idle_timer_;
  std::chrono::milliseconds idle_limit_{0}, last_active_{0};
  std::uint64_t last_progress_ = 0;
  bool is_over_ = false;
};

}  // namespace ingress::proxy
