// What a controller writes to its cluster, put together: the leader of several writes statuses and Events.
//
// Owner: what watches the cluster. Thread: the loop's. Caller: tells of every configuration that the
// reconciler has made, and of those that are served.
// Always true: a status is written only for what every worker serves: external-dns points names here as soon
// as it reads one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/reconciler.h"
#include "controller/status.h"
#include "ingress/metrics.h"
#include "proxyd/kube/event_writer.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"
#include "proxyd/kube/leader_elector.h"
#include "proxyd/kube/status_options.h"
#include "proxyd/kube/status_writer.h"

namespace proxyd {

struct ClusterStatusContext {
  KubeTransport& transport;
  KubeClock& clock;
  const ingress::controller::Store& store;
  std::string controller_name;  // under which fields are written, and Events told
  ingress::controller::IsOurs is_ours;
  std::function<void()> on_problems;  // problems() may have changed
};

class ClusterStatus {
 public:
  // `options` is on, and names an election namespace.
  ClusterStatus(ClusterStatusContext context, const StatusOptions& options);

  void start() { elector_.start(); }
  // The reconciler has looked at the store, and made what will be served as `version`; the same as before
  // when nothing changed for what is served.
  void note_reconciled(std::uint64_t version);
  // Every worker serves `version`.
  void note_adopted(std::uint64_t version);
  // All problems that there are now: Events are made of the new ones.
  void show(const std::vector<ingress::Problem>& problems);
  // Ends the writing, and calls `done` when another controller may begin; two seconds later at most.
  void release(std::move_only_function<void()> done);

  std::vector<ingress::Problem> problems() const;
  // For the page of metrics. Any thread.
  ingress::Metrics metrics() const;

 private:
  ClusterStatus(ClusterStatusContext context, const StatusOptions& options, const std::string& identity);
  void on_leadership();
  void update();
  std::vector<ingress::controller::LoadBalancerAddress> addresses() const;

  ClusterStatusContext context_;
  const StatusOptions options_;
  LeaderElector elector_;
  StatusWriter statuses_;
  EventWriter events_;
  Leadership leadership_ = Leadership::kFollowing;
  std::optional<std::uint64_t> reconciled_;
  std::uint64_t adopted_ = 0;
  std::vector<ingress::Problem> shown_;
  std::atomic<bool> is_leading_{false};  // for metrics()
};

}  // namespace proxyd
