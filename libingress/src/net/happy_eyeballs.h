// One connection to a name that has several addresses, by whichever of them answers first (RFC 8305).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/tcp.h"
#include "net/timer_wheel.h"

namespace ingress::net {

// The families in turn, beginning with that of the first address (RFC 8305 section 4); within a family the
// order stays.
std::vector<std::string> interleave_families(std::vector<std::string> addresses);

// Tries the addresses in their order: the next one when kStagger has gone by without an answer, or at once
// when an attempt fails (RFC 8305 section 5). The first connection wins and the others are abandoned before
// it is handed on.
//
// Owner: whoever waits; destroying it abandons everything. Thread: the loop's.
// Always true: the callback comes at most once, from the loop, never from inside the constructor, and may
// destroy the race. When all fail it carries the last error.
class ConnectRace {
 public:
  static constexpr std::chrono::milliseconds kStagger{250};
  // Begins one attempt. As net::connect() it calls back once, from the loop.
  using Begin =
      std::move_only_function<std::unique_ptr<ConnectAttempt>(const std::string& address, OnConnect)>;

  // `addresses` is not empty. No limit on the whole: Begin has one for each attempt, the owner may have one.
  ConnectRace(TimerWheel& timers, std::vector<std::string> addresses, Begin begin, OnConnect on_connect);
  ConnectRace(const ConnectRace&) = delete;
  ConnectRace& operator=(const ConnectRace&) = delete;

 private:
  void begin_next();
  void on_attempt(std::size_t index, std::expected<TransportPtr, Error> result);

  TimerWheel& timers_;
  std::vector<std::string> addresses_;
  Begin begin_;
  OnConnect on_connect_;
  std::vector<std::unique_ptr<ConnectAttempt>> attempts_;  // begun so far; null once failed
  std::size_t num_failed_ = 0;
  Timer stagger_{[](void* self) { static_cast<ConnectRace*>(self)->begin_next(); }, this};
};

}  // namespace ingress::net
