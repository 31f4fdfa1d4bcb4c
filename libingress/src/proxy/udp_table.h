// The sessions of one UDP listener in one worker: found by the path of their datagrams, counted by source.
//
// Owner: UdpRelay. Thread: its worker's. Cost of a datagram: one hash of 40 bytes, keyed, since clients
// choose them. Always true: the count of a source is that of its sessions in the table; there is none of 0.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/table_hash.h"
#include "net/datagram_batch.h"
#include "proxy/udp_counters.h"

namespace ingress::proxy {

template <class Session>
class UdpTable {
 public:
  // Null when there is none.
  Session* find(const net::DatagramPath& path) const {
    const auto found = sessions_.find(path);
    return found == sessions_.end() ? nullptr : found->second.get();
  }
  // Why there is no room for one more from there. `max_per_source` 0 = no limit.
  std::optional<UdpDrop> refusal(const net::DatagramPath& path, std::uint32_t max,
                                 std::uint32_t max_per_source) const {
    if (sessions_.size() >= max) return UdpDrop::kMaxSessions;
    if (max_per_source == 0) return std::nullopt;
    const auto found = by_source_.find(path.source());
    if (found != by_source_.end() && found->second >= max_per_source) return UdpDrop::kMaxSessionsPerSource;
    return std::nullopt;
  }
  // There is none of that path.
  Session& add(const net::DatagramPath& path, std::unique_ptr<Session> session) {
    ++by_source_[path.source()];
    return *sessions_.emplace(path, std::move(session)).first->second;
  }
  // Null when there is none.
  std::unique_ptr<Session> take(const net::DatagramPath& path) {
    auto node = sessions_.extract(path);
    if (node.empty()) return nullptr;
    const auto source = by_source_.find(path.source());
    if (--source->second == 0) by_source_.erase(source);
    return std::move(node.mapped());
  }
  // Any of them; null when it is empty.
  Session* any() const { return sessions_.empty() ? nullptr : sessions_.begin()->second.get(); }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [path, session] : sessions_) visit(*session);
  }
  std::size_t size() const { return sessions_.size(); }
  std::size_t num_sources() const { return by_source_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const net::DatagramPath& path) const { return base::TableHash()(path.bytes()); }
    std::size_t operator()(std::uint64_t source) const {
      return base::TableHash()({reinterpret_cast<const char*>(&source), sizeof source});
    }
  };
  std::unordered_map<net::DatagramPath, std::unique_ptr<Session>, Hash> sessions_;
  std::unordered_map<std::uint64_t, std::uint32_t, Hash> by_source_;
};

}  // namespace ingress::proxy
