#include "upstream/preconnect.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "upstream/circuit_breaker.h"
#include "upstream/give_back.h"

namespace ingress::upstream {

using std::chrono::milliseconds;

class Preconnector::Filler final : private PoolWatcher {
 public:
  Filler(Preconnector& owner, EndpointRef endpoint) : owner_(owner), endpoint_(std::move(endpoint)) {
    endpoint_->idle.set_watcher(this);
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  ~Filler() { endpoint_->idle.set_watcher(nullptr); }

  const EndpointState* endpoint() const { return endpoint_.get(); }
  void set(const Cluster& cluster) {
    limits_ = cluster.limits;
    timeouts_ = cluster.timeouts;
    max_connections_ = cluster.circuit_breakers.max_connections;
    plan();
  }

 private:
  // In a turn of its own: never while a request is looking for a connection.
  void plan() {
    if (!attempt_ && !timer_.is_set() && is_short()) timer_.set(owner_.loop_.timers(), pause_);
  }
  bool is_short() const {
    return endpoint_->idle.size() < std::min(limits_.preconnect, limits_.max_idle_connections);
  }

  void open() {
    if (!is_short()) return;
    if (endpoint_->availability == Availability::kUnavailable) return pause_longer();
    if (endpoint_->gate != nullptr) {
      permit_ = endpoint_->gate->take_connection(max_connections_);
      if (!permit_) return pause_longer();  // requests need them all
    }
    attempt_ = owner_.connector_.connect(
        endpoint_->key, {.tls = endpoint_->tls}, timeouts_.connect,
        [this](std::expected<net::TransportPtr, Error> transport) { on_opened(std::move(transport)); });
  }

  void on_opened(std::expected<net::TransportPtr, Error> transport) {
    attempt_.reset();
    Permit permit = std::move(permit_);
    if (!transport) {
      owner_.num_failed_.add();
      return pause_longer();
    }
    owner_.num_opened_.add();
    last_opened_ = owner_.loop_.timers().now();
    ClientConnPtr conn(new H1ClientConn(owner_.loop_, std::move(*transport), limits_, Opened::kAhead));
    conn->adopt_permit(std::move(permit));
    const std::size_t num_before = endpoint_->idle.size();
    keep_idle(*endpoint_, std::move(conn), limits_, timeouts_);
    // Not kept, as with a longest life of a millisecond: the next one would not be either.
    if (endpoint_->idle.size() == num_before) return pause_longer();
    plan();
  }

  void pause_longer() {
    pause_ = std::clamp(pause_ * 2, kMinPause, kMaxPause);
    plan();
  }

  void on_pool_shrunk(Loss loss) override {
    if (loss == Loss::kEnded) {
      if (owner_.loop_.timers().now() - last_opened_ > 2 * pause_) pause_ = milliseconds(0);
      return pause_longer();
    }
    if (std::exchange(pause_, milliseconds(0)).count() != 0) timer_.cancel();
    plan();
  }

  Preconnector& owner_;
  EndpointRef endpoint_;
  ClusterLimits limits_;
  ClusterTimeouts timeouts_;
  std::uint32_t max_connections_ = 0;
  milliseconds pause_{0};
  milliseconds last_opened_{0};
  Permit permit_;  // of the attempt, where the cluster limits connections
  std::unique_ptr<Connector::Attempt> attempt_;
  net::Timer timer_{[](void* self) { static_cast<Filler*>(self)->open(); }, this};
};

Preconnector::Preconnector(net::EventLoop& loop, Connector& connector, ClusterStates& clusters)
    : loop_(loop), connector_(connector), clusters_(clusters) {}
Preconnector::~Preconnector() = default;

void Preconnector::adopt(const ClusterTable& table) {
  if (!is_stopped_) {
    ClusterTable::Entries::diff(
        adopted_, table.entries(), [this](std::size_t index, const ClusterEntry*, const ClusterEntry* entry) {
          // Whom a connection with a PROXY header is for is not known ahead.
          const bool is_wanted = entry != nullptr && entry->cluster.limits.preconnect > 0 &&
                                 entry->cluster.proxy_protocol == ProxyProtocol::kNone;
          if (!is_wanted && index >= fillers_.size()) return;
          if (index >= fillers_.size()) fillers_.resize(index + 1);
          update(fillers_[index], index, is_wanted ? entry : nullptr);
        });
  }
  adopted_ = table.entries();
}

// Endpoints that stay keep their pause and their attempt. Fillers are sorted by endpoint.
void Preconnector::update(Fillers& fillers, std::size_t index, const ClusterEntry* entry) {
  Fillers before = std::exchange(fillers, {});
  if (entry == nullptr) return;
  const std::span<EndpointState* const> listed = clusters_.endpoints(static_cast<std::uint32_t>(index));
  std::vector<EndpointState*> endpoints(listed.begin(), listed.end());
  std::ranges::sort(endpoints, std::less<>());
  auto known = before.begin();
  for (EndpointState* endpoint : endpoints) {
    while (known != before.end() && std::less<>()((*known)->endpoint(), endpoint)) ++known;
    const bool stays = known != before.end() && (*known)->endpoint() == endpoint;
    fillers.push_back(stays ? std::move(*known++) : std::make_unique<Filler>(*this, EndpointRef(endpoint)));
    fillers.back()->set(entry->cluster);
  }
}

void Preconnector::stop() {
  is_stopped_ = true;
  fillers_.clear();
}

}  // namespace ingress::upstream
