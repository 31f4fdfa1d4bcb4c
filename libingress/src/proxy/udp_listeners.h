// The UDP listeners of one worker, as the newest snapshot has them.
//
// Owner: Worker. Thread: its.
// Always true: a listener that stays in the configuration keeps its socket and its sessions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "proxy/udp_relay.h"

namespace ingress::proxy {

// Each session has a descriptor, which strangers can make us spend by the thousand: those of all workers
// together get half of what the process may have, so that connections find some.
std::uint64_t max_udp_sessions(unsigned num_workers);

class UdpListeners {
 public:
  // `on_quiet`: called when is_empty() may have become true, from the loop; any number of times.
  UdpListeners(UdpServices services, std::function<void()> on_quiet)
      : services_(std::move(services)), on_quiet_(std::move(on_quiet)) {}

  // Opens and closes as `snapshot` says. Sessions of listeners that are gone end.
  void adopt(const Snapshot& snapshot);
  // No session begins any more; those that there are go on.
  void begin_drain();
  // Ends all sessions and stops reading, for good.
  void close();
  // Without sessions.
  bool is_empty() const;

 private:
  enum class Stage : std::uint8_t { kServing, kDraining, kClosed };
  void open(const UdpListenerEntry& entry);

  UdpServices services_;
  std::function<void()> on_quiet_;
  Stage stage_ = Stage::kServing;
  std::vector<std::unique_ptr<UdpRelay>> relays_;
};

}  // namespace ingress::proxy
