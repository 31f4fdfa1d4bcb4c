// What an exchange has tried so far to get its response: the endpoints that failed it, the body to send
// again, the clocks of one try and of the wait before the next.
//
// Owner: an Exchange, which changes it in exchange_retry.cc. Thread: its worker's.
// Always true: without a retry policy it costs a few stores per exchange and allocates nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/buffer.h"
#include "ingress/message.h"
#include "net/timer_wheel.h"
#include "policy/retry.h"
#include "upstream/cluster_state.h"

namespace ingress::proxy {

// How long the bytes that were sent are kept.
enum class Replay : std::uint8_t {
  kOff,
  kUntilWritten,  // the request is not to be sent twice: only until a byte of it has left
  kOn,            // up to the cap
};

struct Tries {
  static constexpr std::size_t kMaxFailed = 8;
  static constexpr std::size_t kDefaultReplayBytes = 64 * 1024;

  Tries(net::Timer::Callback on_try_timeout, net::Timer::Callback on_backend_timeout,
        net::Timer::Callback on_backoff_over, void* owner)
      : try_timer(on_try_timeout, owner),
        backend_timer(on_backend_timeout, owner),
        backoff_timer(on_backoff_over, owner) {}

  void begin() {
    num = num_retries = 0;
    num_failed = next_failed = 0;
    last_failed = nullptr;
    was_replaced = wants_fresh_conn = false;
    no_retry = policy::RetryRefusal::kNone;
    starved_since.reset();
  }
  // Of more than kMaxFailed the oldest is forgotten.
  void note_failed(const upstream::EndpointRef& endpoint) {
    failed[next_failed] = endpoint;
    last_failed = endpoint.get();
    next_failed = (next_failed + 1) % kMaxFailed;
    if (num_failed < kMaxFailed) ++num_failed;
  }
  upstream::PickRequest pick_request(const RequestHead& head, std::string_view client_address) const {
    return {.avoid = last_failed,
            .failed = {failed.data(), num_failed},
            .head = &head,
            .client_address = client_address};
  }
  static std::size_t replay_cap(const RetryPolicy* policy) {
    return policy == nullptr ? kDefaultReplayBytes : policy->buffer_bytes;
  }
  void stop_timers() {
    try_timer.cancel();
    backend_timer.cancel();
  }
  void stop_keeping() {
    replay = Replay::kOff;
    kept.clear();
  }
  void release_budget() {
    if (load) --load->num_retrying;
    load = {};
  }
  void forget() {
    for (std::size_t i = 0; i < num_failed; ++i) failed[i] = {};
    num_failed = 0;
    backoff_timer.cancel();
    stop_keeping();
    release_budget();
  }

  std::uint32_t num = 0;          // tries
  std::uint32_t num_retries = 0;  // those that count
  bool was_replaced = false;      // a closed connection, uncounted
  bool wants_fresh_conn = false;
  policy::RetryRefusal no_retry = policy::RetryRefusal::kNone;

  // When a connection was first not to be had since this process lacks something for it.
  std::optional<std::chrono::milliseconds> starved_since;

  std::array<upstream::EndpointRef, kMaxFailed> failed;
  std::size_t num_failed = 0, next_failed = 0;
  const upstream::EndpointState* last_failed = nullptr;  // one of them
  upstream::ClusterLoadRef load;  // while this exchange is in a retry that the budget counts

  Replay replay = Replay::kOff;
  base::Chain kept;                     // what was sent of the body
  std::uint64_t num_drained_bytes = 0;  // of a response that is not wanted

  net::Timer try_timer;      // to the response head
  net::Timer backend_timer;  // to the end of the response
  net::Timer backoff_timer;
};

}  // namespace ingress::proxy
