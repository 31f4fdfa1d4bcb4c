// How many handshakes of a worker are under way, in all and from each source: what a stranger can make us
// keep and compute before he has shown anything.
//
// Owner: a worker; outlives the places that it gave. Thread: its.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace ingress::tls {

class HandshakeLimits {
 public:
  // Held as long as the handshake is under way.
  class Place {
   public:
    Place(Place&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), source_(std::move(other.source_)) {}
    Place& operator=(Place other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(source_, other.source_);
      return *this;
    }
    ~Place() {
      if (limits_ != nullptr) limits_->leave(source_);
    }

   private:
    friend class HandshakeLimits;
    Place(HandshakeLimits* limits, std::string source) : limits_(limits), source_(std::move(source)) {}
    HandshakeLimits* limits_;
    std::string source_;
  };

  // Nothing when `max_total` are under way, or `max_per_source` from the same IPv4 address or IPv6 network of
  // 64 bits; 0 = no limit. `peer`: as net::PeerAddress has it; "unix" is one source.
  std::optional<Place> enter(std::string_view peer, std::uint32_t max_total, std::uint32_t max_per_source);
  std::uint32_t num_under_way() const { return total_; }

 private:
  void leave(const std::string& source);

  std::uint32_t total_ = 0;
  std::unordered_map<std::string, std::uint32_t> by_source_;
};

}  // namespace ingress::tls
