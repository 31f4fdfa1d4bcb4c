// What the process knows of the health of endpoints, and the one place that decides whether they get
// requests: results of probes, ejections, and how many may be ejected at once.
//
// Owner: Server, shared with its workers. Thread: any, one mutex: taken when a configuration is handed out or
// adopted, when a verdict or an ejection is due, and once an interval; never by a request that goes well.
// Always true: a worker that is told of a change, by a call posted to it, finds here what holds now, so that
// no worker is left with a verdict that is over; what is said of an endpoint lasts while a configuration
// lists it, whatever else changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingress/cluster.h"
#include "upstream/cluster_table.h"
#include "upstream/endpoint_order.h"
#include "upstream/health_checker.h"
#include "upstream/outlier_detector.h"

namespace ingress::proxy {

class HealthBoard {
 public:
  // Monotonic, the same for all workers: EventLoop::clock_us(). Their loops' own times differ when one of
  // them was held up.
  using Time = std::chrono::milliseconds;
  using Post = std::function<void(std::move_only_function<void()>)>;
  // Called on the worker's thread after is_available() may have changed.
  using OnChange = std::function<void(const std::string& cluster, const Endpoint&)>;

  struct State {
    upstream::Health health = upstream::Health::kUnprobed;
    bool is_ejected = false;
    std::string reason;               // of the last change
    std::int64_t since_unix_ms = 0;   // of the last change; 0 = never
    std::uint32_t num_ejections = 0;  // in a row: one is forgotten each interval that goes well
    Time ejected_until{0};
    upstream::SuccessRate rate;  // since the last interval
    bool is_available() const { return !is_ejected && health != upstream::Health::kUnhealthy; }
  };
  struct Counts {
    Endpoint endpoint;
    upstream::SuccessRate rate;
  };

  // `post` must work until leave(). Worker's thread, both.
  void join(unsigned worker, Post post, OnChange on_change);
  void leave(unsigned worker);

  // Moves to the clusters of `table`: what is gone is forgotten. Control side, before workers can adopt it.
  void sync(const upstream::ClusterTable& table);

  // Any worker:
  void set_health(const std::string& cluster, const Endpoint& endpoint, upstream::Health health,
                  std::string_view reason);
  // Ejects the endpoint unless it is ejected, or too many others are.
  void eject(const std::string& cluster, const Endpoint& endpoint, upstream::EjectionReason reason, Time now);
  void add_counts(const std::string& cluster, std::span<const Counts> counts);
  // Compares success rates and lets endpoints back in whose time is over. By one worker of the process.
  void end_interval(const std::string& cluster, Time now);

  // True as well of an endpoint that is not known here.
  bool is_available(const std::string& cluster, const Endpoint& endpoint) const;
  // The endpoints of `cluster` that are known here; `visit` may not call back.
  void read(std::string_view cluster, const std::function<void(const Endpoint&, const State&)>& visit) const;
  struct StateCounts {
    std::size_t num_unprobed = 0, num_healthy = 0, num_unhealthy = 0, num_ejected = 0;
  };
  // By cluster.
  std::map<std::string, StateCounts> count() const;
  std::uint64_t num_ejections() const;

 private:
  using Endpoints = std::map<Endpoint, State, upstream::EndpointOrder>;
  struct Entry {
    std::optional<HealthCheck> health_check;
    std::optional<OutlierDetection> outlier_detection;
    Endpoints endpoints;
    std::size_t num_ejected = 0;
  };
  struct Member {
    Post post;  // empty: has not joined, or has left
    OnChange on_change;
  };
  // Lock held, all of these.
  void update(const Cluster& cluster);
  void eject(const std::string& cluster, Entry& entry, const Endpoint& endpoint, State& state,
             upstream::EjectionReason reason, Time now);
  void let_in(const std::string& cluster, Entry& entry, const Endpoint& endpoint, State& state,
              std::string_view reason);
  void keep_one_available(const std::string& cluster, Entry& entry);
  // Beside `but`, which may be null.
  static bool has_available(const Entry& entry, const State* but);
  void tell(const std::string& cluster, const Endpoint& endpoint);
  State* find(const std::string& cluster, const Endpoint& endpoint, Entry*& entry);

  mutable std::mutex lock_;
  std::vector<Member> members_;                     // by worker
  std::unordered_map<std::string, Entry> entries_;  // of clusters that check health in either way
  upstream::ClusterTable::Entries synced_;
  std::uint64_t num_ejections_ = 0;
};

}  // namespace ingress::proxy
