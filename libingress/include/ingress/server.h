// The proxy: workers, one event loop each, serving whatever configuration was published last.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingress/access_log.h"
#include "ingress/cluster_status.h"
#include "ingress/config.h"
#include "ingress/error.h"
#include "ingress/export.h"
#include "ingress/filter.h"
#include "ingress/loop.h"
#include "ingress/metrics.h"

namespace ingress {

// Sockets that somebody else has bound and set listening, for one listener: one per worker, or fewer,
// then some workers do not accept. The Server owns them from create() on.
struct ListeningSockets {
  std::string listener;  // Listener::name
  std::vector<int> fds;
};

// What is listened on: a Listener (also one on a unix socket), or a UdpListener.
enum class ListenerProtocol : std::uint8_t { kTcp, kUdp };

// The sockets of one address, as a Server asks somebody else for them.
struct SocketRequest {
  ListenerProtocol protocol = ListenerProtocol::kTcp;
  std::string address;     // an IP address, or "unix:/path"
  std::uint16_t port = 0;  // 0: any free one, kept for who asks again for the same `listener`
  std::string listener;    // its name when the port is 0, else empty
  unsigned count = 1;      // one per worker; of a unix socket one is enough
  friend bool operator==(const SocketRequest&, const SocketRequest&) = default;
};
struct OpenedSockets {
  std::vector<int> fds;  // bound, of TCP listening, close-on-exec and non-blocking; the Server's from then on
  std::uint16_t port = 0;  // the bound one
};
// Opens them as a Server does by itself. A socket file gets the mode that the umask leaves. Fails with kIo,
// "address in use" among others, or kInvalidArgument.
[[nodiscard]] INGRESS_EXPORT std::expected<OpenedSockets, Error> open_sockets(const SocketRequest& request);

struct ServerOptions {
  unsigned workers = 1;
  // Called once on each worker's thread; may be empty.
  std::function<FilterList()> make_filters = {};
  std::shared_ptr<AccessLog> access_log = {};  // null = none
  // Lines about the server itself (never about requests). Any thread. Null = silence.
  std::function<void(std::string_view line)> log = {};
  std::vector<ListeningSockets> sockets = {};
  // Asked for the sockets of new listeners, by publish() and apply(), on their thread; a failure is the
  // configuration's problem. Null = the Server binds them itself.
  std::function<std::expected<OpenedSockets, Error>(const SocketRequest&)> open_sockets = {};
  // With open_sockets: nothing accepts there from now on, because the configuration does not have it any more
  // or the server stops. Comes before the workers close theirs: who has copies, and closes them inside this
  // call, leaves no client in a queue that nobody reads. Any thread.
  std::function<void(const SocketRequest&)> give_up_sockets = {};
  // kRefused: requests to such an endpoint are answered 502 address_refused.
  LocalBackends local_backends = LocalBackends::kRefused;
  // Where this process runs, as Endpoint::zone names it; empty = not known. See Locality.
  std::string zone = {};
  // The loop that run() runs and that frees retired snapshots; null = the Server makes one.
  Loop* loop = nullptr;
  // stop(): running exchanges get this long after accepting ended, then their sockets are closed.
  std::chrono::milliseconds drain_timeout{30'000};
  // stop(): tunnels (upgraded connections) get this long after accepting ended, independently of the above;
  // they cannot be told that the server is going, so waiting for them is of less use.
  std::chrono::milliseconds tunnel_drain_timeout{10'000};
  // stop(): time during which accepting goes on and answers say "Connection: close".
  std::chrono::milliseconds shutdown_delay{0};
};

using Generation = std::uint64_t;

struct WorkerStatus {
  Generation adopted = 0;   // 0 = none yet
  std::uint32_t views = 0;  // snapshots this worker still uses; 1 when nothing is pinned
};

struct ListenerStatus {
  std::string name;  // unique among those of one protocol
  std::string address;
  std::uint16_t port = 0;  // the bound one
  ListenerProtocol protocol = ListenerProtocol::kTcp;
};

struct ServerStatus {
  Generation published = 0;
  std::vector<WorkerStatus> workers;
  std::vector<ListenerStatus> listeners;
  bool is_draining = false;
};

// Thread: publish(), apply(), status(), config_json(), metrics(), clusters() and stop() from any; the rest
// from the one that calls run(). One publish or apply at a time is admitted, others wait; requests never do.
// Lifetime: destroying a Server that runs stops it at once.
class INGRESS_EXPORT Server {
 public:
  // Starts the workers. Fails with kIo or kInvalidArgument.
  static std::expected<Server, Error> create(ServerOptions options);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  // Makes `config` the one that is served, whole: what it does not contain is gone. All or nothing:
  // on any problem the last one stays. Equal to the last one: the same generation, no work.
  // A new listener whose address cannot be bound is a problem.
  std::expected<Generation, std::vector<Problem>> publish(GatewayConfig config);
  // The same for a change by key; costs what changed, not what there is. Ends in the same state as
  // publish() of the changed whole.
  std::expected<Generation, std::vector<Problem>> apply(ConfigDelta delta);

  ServerStatus status() const;
  // What is served, in the file form (to_json).
  std::string config_json() const;
  Metrics metrics() const;
  // The clusters that are served, by name, with the health and load of their endpoints and what counts
  // towards their limits. Asks the workers and waits for them, a second at most: not for a thread of theirs.
  std::vector<ClusterStatus> clusters() const;

  // Stops in order: shutdown_delay, end of accepting, drain_timeout and tunnel_drain_timeout side by side,
  // each cut short when nothing is left that it is for; then run() returns.
  void stop();
  // Stops at once: run() returns, running exchanges are cut.
  void stop_now();
  // SIGTERM and SIGINT call stop(), a second one stop_now().
  void stop_on_signals();
  // Runs the loop until stopped. Fails only with kIo.
  std::expected<void, Error> run();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
