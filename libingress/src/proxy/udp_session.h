// One client of a UDP listener and its backend: a connected socket, which takes that backend's datagrams
// only, so that nothing reaches the client but what it sent to this session.
//
// Owner: UdpRelay; freed after the current callback once it is over. Thread: the worker's.
// Always true: keeps the endpoint that it was given until it is over, whatever the configuration says; has
// told the access log of itself exactly once when it is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/access_log.h"
#include "net/datagram_batch.h"
#include "net/datagrams.h"
#include "net/idle_timer.h"
#include "net/resolver.h"
#include "proxy/udp_counters.h"
#include "proxy/views.h"
#include "upstream/cluster_state.h"

namespace ingress::proxy {

class UdpRelay;

// What a worker lends to its UDP listeners; lives as long as it. Thread: the worker's.
struct UdpServices {
  unsigned worker_index;
  net::EventLoop& loop;
  net::Resolver& resolver;
  Views& views;
  upstream::ClusterStates& clusters;
  LocalBackends local_backends;
  std::uint64_t max_sessions;  // of all listeners
  UdpCounters& counters;
  AccessLog* access_log;                             // null = none
  const std::function<void(std::string_view)>& log;  // may be empty

  // Of what comes in now; made when there is a listener.
  std::unique_ptr<net::DatagramBatch> batch = nullptr;
  std::size_t held_bytes = 0;  // of datagrams that wait for the address of their backend
};

class UdpSession {
 public:
  // What may wait for the address of a backend.
  static constexpr std::size_t kMaxHeldDatagrams = 8;
  static constexpr std::size_t kMaxHeldBytes = 4 * 1024 * 1024;  // of all sessions of a worker
  // Batches that are read of one socket before others have their turn.
  static constexpr int kMaxBatches = 4;

  // `cluster`: its name, for the log.
  UdpSession(UdpRelay& relay, UdpServices& services, const net::DatagramPath& path,
             upstream::EndpointRef endpoint, std::string cluster);
  UdpSession(const UdpSession&) = delete;
  UdpSession& operator=(const UdpSession&) = delete;

  // Finds the address and makes the socket, now or later. When it is over at once: why its datagrams are
  // lost.
  std::optional<UdpDrop> start(std::chrono::milliseconds idle_limit);
  // Datagrams of the batch, from the client. May be over when it returns.
  void send(std::size_t first, std::size_t count);
  void set_idle_limit(std::chrono::milliseconds limit) { idle_.set_limit(limit); }
  // Ends it: `why` and `detail` are for the log. Once; by the relay, which forgets it then.
  void finish(std::string_view listener, std::string_view why, std::string_view detail);
  const net::DatagramPath& path() const { return path_; }

 private:
  void on_resolved(std::expected<std::vector<std::string>, Error> addresses);
  void connect(std::vector<std::string> addresses);
  void fail(UdpDrop drop, const Error& error);
  void hold(std::size_t first, std::size_t count);
  void send_held();
  void drop_held(UdpDrop drop);
  void on_readable();
  void on_refused(const Error& error);
  void count_client(const net::DatagramsSent& sent);
  void count_backend(const net::DatagramsSent& sent);
  void write_log(std::string_view listener, std::string_view why, std::string_view detail) const;

  UdpRelay& relay_;
  UdpServices& services_;
  const net::DatagramPath path_;
  upstream::EndpointRef endpoint_;
  std::string cluster_;
  net::DatagramSocketPtr socket_;      // null until there is an address, and when it is over
  std::vector<std::string> held_;      // datagrams that wait for it
  std::vector<std::string> others_;    // addresses of a host name that were not tried
  std::shared_ptr<UdpSession*> self_;  // for the answer of the resolver; null when none is waited for
  net::IdleTimer idle_;
  std::int64_t started_us_;
  std::uint64_t client_datagrams_ = 0, client_bytes_ = 0;
  std::uint64_t backend_datagrams_ = 0, backend_bytes_ = 0;
  std::optional<UdpDrop> failure_;  // of start()
};

}  // namespace ingress::proxy
