// The bytes of an upgraded connection, both ways: what one side sends goes to the other as it came, and so
// does the end of its direction.
//
// Owner: an Exchange, from its backend's 101 on. Thread: its worker's.
// Caller: tells what comes from both sides, and begins when the client has been sent the 101; both streams
// outlive their use here. Nothing is called back but on_idle. Always true: the client gets nothing before
// begin(); what waits for a side that does not read is less than BodyPipe::kHoldBytes and one read, then the
// other side is not read from; a direction ends once.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "net/timer_wheel.h"
#include "proxy/downstream_stream.h"
#include "proxy/services.h"
#include "upstream/client_stream.h"

namespace ingress::proxy {

// How a tunnel ended; "closed" is in order: both directions were, that side's first.
enum class TunnelEnd : std::uint8_t {
  kClientClosed,
  kBackendClosed,
  kClientReset,
  kBackendReset,
  kIdle,
  kDrain
};
std::string_view to_string(TunnelEnd end);

class Tunnel {
 public:
  // `on_idle` is called when nothing has moved for some time: is_idle() tells whether for long enough.
  Tunnel(Services& services, DownstreamStream& client, upstream::ClientStream& backend,
         net::Timer::Callback on_idle, void* owner)
      : services_(services), client_(client), backend_(backend), idle_timer_(on_idle, owner) {}

  // The head is on its way to the client: what the backend has said since follows it. `idle_limit` 0 = none.
  // The client is heard only from here on.
  void begin(std::chrono::milliseconds idle_limit);

  void on_client_bytes(base::Chain&& bytes);
  void on_client_end();  // may be told again
  void on_client_drained();
  void on_backend_bytes(base::Chain&& bytes);
  void on_backend_end();
  void on_backend_drained();

  // Both directions have ended, and the backend's socket has all that the client sent. What is still to go to
  // the client is its stream's affair.
  bool is_over() const;
  // Of one that is over.
  TunnelEnd end() const {
    return ends_ == Ends::kClientFirst ? TunnelEnd::kClientClosed : TunnelEnd::kBackendClosed;
  }
  // In on_idle: nothing has moved for all of the limit. Otherwise it will be asked again.
  bool is_idle();

  std::uint64_t client_bytes() const { return client_bytes_; }    // that came from it
  std::uint64_t backend_bytes() const { return backend_bytes_; }  // that came from it

 private:
  // Whose direction has ended; of both, whose did first.
  enum class Ends : std::uint8_t { kNone, kClient, kBackend, kClientFirst, kBackendFirst };

  void to_client(base::Chain&& bytes);
  void note_activity() { last_active_ = services_.loop.timers().now(); }
  std::uint64_t progress();

  Services& services_;
  DownstreamStream& client_;
  upstream::ClientStream& backend_;
  net::Timer idle_timer_;
  std::chrono::milliseconds idle_limit_{0}, last_active_{0};
  std::uint64_t client_bytes_ = 0, backend_bytes_ = 0;
  std::uint64_t last_progress_ = 0;
  base::Chain held_;  // of the backend, before begin()
  Ends ends_ = Ends::kNone;
  bool is_begun_ = false;
};

}  // namespace ingress::proxy
