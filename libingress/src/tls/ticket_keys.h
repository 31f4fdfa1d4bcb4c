// The keys of session tickets (RFC 5077, RFC 8446 4.6.1): what lets a client go on with an earlier session on
// any worker, without memory here.
//
// Owner: whoever makes listeners, shared with their ServerContexts, which outlive every handshake. Thread:
// any; a lock is held for the copy of a pointer, and once per rotation for longer. Always true: a key seals
// for kLifetime and opens until kMaxKeys - 1 newer ones were made; who learns a key reads the sessions of
// that time and no others. Keys live in memory only: a restart costs full handshakes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <vector>

namespace ingress::tls {

class TicketKeys {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  static constexpr std::chrono::hours kLifetime{8};
  static constexpr std::size_t kMaxKeys = 3;
  static constexpr std::size_t kOverheadBytes = 16 + 12 + 16;  // tag, nonce, name of the key

  explicit TicketKeys(Clock now = std::chrono::steady_clock::now);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // The ticket for `session` in `out`, of kOverheadBytes more, which may start where `session` does. Its
  // size; nothing when it could not be made.
  std::optional<std::size_t> seal(std::span<const std::uint8_t> session, std::span<std::uint8_t> out);
  // The session of a ticket, likewise; nothing when it is not of ours or too old.
  std::optional<std::size_t> open(std::span<const std::uint8_t> ticket, std::span<std::uint8_t> out) const;

 private:
  struct Key;
  std::shared_ptr<const Key> newest();
  std::shared_ptr<const Key> find(std::span<const std::uint8_t> name) const;

  Clock now_;
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<const Key>> keys_;  // newest first
};

}  // namespace ingress::tls
