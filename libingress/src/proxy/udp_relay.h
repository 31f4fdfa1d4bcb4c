// One UDP listener in one worker: its socket and its sessions.
//
// Owner: UdpListeners. Thread: the worker's.
// Always true: each session in its table goes on; a datagram of a client goes to that client's session or is
// dropped and counted.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "net/datagrams.h"
#include "proxy/snapshot.h"
#include "proxy/udp_session.h"
#include "proxy/udp_table.h"
#include "upstream/weighted_split.h"

namespace ingress::proxy {

class UdpRelay {
 public:
  // Takes over `fd`; without one (-1) there will be no sessions. `on_quiet` is called when there is none any
  // more, from the loop.
  UdpRelay(UdpServices& services, const UdpListenerEntry& entry, int fd, std::function<void()> on_quiet);
  UdpRelay(const UdpRelay&) = delete;
  UdpRelay& operator=(const UdpRelay&) = delete;

  // Newer settings of the same listener: for what comes in from now on, and the idle timeout of all.
  void update(const UdpListenerEntry& entry);
  void stop_beginning() { may_begin_ = false; }
  // Ends all sessions and closes the socket.
  void close(std::string_view why);
  // Ends one, which goes after the current callback.
  void end(UdpSession& session, std::string_view why, std::string_view detail = {});

  const std::shared_ptr<BoundListener>& bound() const { return entry_.bound; }
  int fd() const { return socket_->fd(); }
  std::size_t num_sessions() const { return table_.size(); }

 private:
  void on_readable();
  void pass_on(std::size_t num);
  UdpSession* session_for(const net::DatagramPath& path);
  UdpSession* begin_session(const net::DatagramPath& path);
  UdpSession* drop(UdpDrop why) {
    services_.counters.drop(why);
    return nullptr;
  }

  UdpServices& services_;
  UdpListenerEntry entry_;
  std::optional<upstream::WeightedSplit> split_;  // unset: no backend has a weight
  bool may_begin_ = true;
  UdpTable<UdpSession> table_;
  net::DatagramSocketPtr socket_;
  std::function<void()> on_quiet_;
};

}  // namespace ingress::proxy
