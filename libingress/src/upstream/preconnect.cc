#include "upstream/preconnect.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "upstream/circuit_breaker.h"
#include "upstream/give_back.h"
#include "upstream/open_stream.h"

namespace ingress::upstream {

using std::chrono::milliseconds;

class Preconnector::Filler final : private PoolWatcher {
 public:
  Filler(Preconnector& owner, EndpointRef endpoint) : owner_(owner), endpoint_(std::move(endpoint)) {
    endpoint_->idle.set_watcher(this);
    endpoint_->h2.set_watcher(this);
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  ~Filler() {
    endpoint_->idle.set_watcher(nullptr);
    endpoint_->h2.set_watcher(nullptr);
  }

  const EndpointState* endpoint() const { return endpoint_.get(); }
  void set(const Cluster& cluster) {
    cluster_.limits = cluster.limits;
    cluster_.timeouts = cluster.timeouts;
    cluster_.circuit_breakers = cluster.circuit_breakers;
    cluster_.protocol = cluster.protocol;
    cluster_.http2 = cluster.http2;
    plan();
  }

 private:
  // In a turn of its own: never while a request is looking for a connection.
  void plan() {
    if (!attempt_ && !timer_.is_set() && is_short()) timer_.set(owner_.loop_.timers(), pause_);
  }
  bool is_short() const {
    const ClusterLimits& limits = cluster_.limits;
    return num_open() < std::min(limits.preconnect, limits.max_idle_connections);
  }
  std::size_t num_open() const { return endpoint_->idle.size() + endpoint_->h2.size(); }

  void open() {
    if (!is_short()) return;
    if (endpoint_->availability == Availability::kUnavailable) return pause_longer();
    Permit permit;
    if (endpoint_->gate != nullptr) {
      permit = endpoint_->gate->take_connection(cluster_.circuit_breakers.max_connections);
      if (!permit) return pause_longer();  // requests need them all
    }
    attempt_ = open_stream(
        owner_.loop_, owner_.connector_, endpoint_, cluster_, {}, std::move(permit),
        [this](std::expected<ClientStreamPtr, Error> stream) { on_opened(std::move(stream)); },
        Opened::kAhead);
  }

  void on_opened(std::expected<ClientStreamPtr, Error> stream) {
    attempt_.reset();
    if (!stream) {
      owner_.num_failed_.add();
      return pause_longer();
    }
    owner_.num_opened_.add();
    last_opened_ = owner_.loop_.timers().now();
    // Not kept, as with a longest life of a millisecond: the next one would not be either.
    if (!keep(std::move(*stream))) return pause_longer();
    plan();
  }

  bool keep(ClientStreamPtr stream) {
    H1ClientConn* const conn = stream->h1();
    if (conn == nullptr) {  // its connection is where it belongs
      give_back(owner_.loop_, endpoint_, std::move(stream), cluster_.limits, cluster_.timeouts);
      return endpoint_->h2.size() > 0;
    }
    static_cast<void>(stream.release());
    const std::size_t num_before = num_open();
    keep_idle(*endpoint_, ClientConnPtr(conn), cluster_.limits, cluster_.timeouts);
    return num_open() > num_before;
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
  Cluster cluster_;  // its limits, times and protocol
  milliseconds pause_{0};
  milliseconds last_opened_{0};
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
