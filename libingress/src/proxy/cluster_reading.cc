#include "proxy/cluster_reading.h"

#include <algorithm>

namespace ingress::proxy {
namespace {

constexpr std::chrono::milliseconds kPatience{1'000};

LimitStatus read_limit(const upstream::CircuitBreaker* breaker, upstream::Resource what,
                       std::uint32_t limit) {
  if (breaker == nullptr) return {.limit = limit};
  return {.limit = limit, .current = breaker->current(what), .overflows = breaker->overflows(what)};
}

bool may_get_requests(const EndpointStatus& endpoint) {
  return endpoint.condition == EndpointCondition::kUnprobed ||
         endpoint.condition == EndpointCondition::kHealthy;
}

EndpointCondition to_condition(const HealthBoard::State& state) {
  if (state.is_ejected) return EndpointCondition::kEjected;
  switch (state.health) {
    case upstream::Health::kUnprobed:
      return EndpointCondition::kUnprobed;
    case upstream::Health::kHealthy:
      return EndpointCondition::kHealthy;
    case upstream::Health::kUnhealthy:
      return EndpointCondition::kUnhealthy;
  }
  return EndpointCondition::kUnprobed;
}

void add_endpoints(const Cluster& cluster, const LoadReading::Loads& load_of, const HealthBoard& board,
                   ClusterStatus& out) {
  std::map<Endpoint, HealthBoard::State, upstream::EndpointOrder> states;
  board.read(cluster.name, [&](const Endpoint& endpoint, const HealthBoard::State& state) {
    states.emplace(endpoint, state);
  });
  const auto loads = load_of.find(cluster.name);
  for (const Endpoint& endpoint : cluster.endpoints) {
    EndpointStatus& one =
        out.endpoints.emplace_back(EndpointStatus{.address = endpoint.address, .port = endpoint.port});
    if (const auto state = states.find(endpoint); state != states.end()) {
      one.condition = to_condition(state->second);
      one.reason = state->second.reason;
      one.since_unix_ms = state->second.since_unix_ms;
    }
    if (loads == load_of.end()) continue;
    if (const auto load = loads->second.find(endpoint); load != loads->second.end()) {
      one.active_requests = load->second.active_requests;
      one.idle_connections = load->second.idle_connections;
    }
  }
  const auto num_usable = static_cast<std::size_t>(std::ranges::count_if(out.endpoints, may_get_requests));
  out.is_panicking = num_usable < out.endpoints.size() &&
                     num_usable * 100 < out.endpoints.size() * cluster.panic_threshold_percent;
}

void add_limits(const Cluster& cluster, const upstream::BreakerRegistry& breakers, ClusterStatus& out) {
  const auto breaker = breakers.find(cluster.name);
  const CircuitBreakers& limits = cluster.circuit_breakers;
  using enum upstream::Resource;
  out.max_connections = read_limit(breaker.get(), kConnections, limits.max_connections);
  out.max_pending_requests = read_limit(breaker.get(), kPendingRequests, limits.max_pending_requests);
  out.max_requests = read_limit(breaker.get(), kRequests, limits.max_requests);
  out.max_retries = read_limit(breaker.get(), kRetries, limits.max_retries);
}

}  // namespace

std::shared_ptr<LoadReading> LoadReading::ask(std::span<const std::unique_ptr<Worker>> workers) {
  auto reading = std::make_shared<LoadReading>();
  reading->num_open_ = workers.size();
  for (const std::unique_ptr<Worker>& worker : workers) {
    worker->post([reading, raw = worker.get()] {
      const std::lock_guard guard(reading->lock_);
      raw->visit_loads([&](const std::string& cluster, const Endpoint& endpoint, const EndpointLoad& load) {
        EndpointLoad& sum = reading->loads_[cluster][endpoint];
        sum.active_requests += load.active_requests;
        sum.idle_connections += load.idle_connections;
      });
      --reading->num_open_;
      reading->answered_.notify_all();
    });
  }
  return reading;
}

LoadReading::Loads LoadReading::wait(std::chrono::milliseconds patience) {
  std::unique_lock guard(lock_);
  answered_.wait_for(guard, patience, [this] { return num_open_ == 0; });
  return loads_;
}

std::vector<ClusterStatus> read_clusters(std::span<const Cluster> clusters, LoadReading& loads,
                                         const HealthBoard& board,
                                         const upstream::BreakerRegistry& breakers) {
  const LoadReading::Loads load_of = loads.wait(kPatience);
  std::vector<ClusterStatus> out;
  for (const Cluster& cluster : clusters) {
    ClusterStatus& status = out.emplace_back(ClusterStatus{.name = cluster.name});
    add_endpoints(cluster, load_of, board, status);
    add_limits(cluster, breakers, status);
  }
  std::ranges::sort(out, {}, &ClusterStatus::name);
  return out;
}

}  // namespace ingress::proxy
