// An API server as the configuration: reflectors and Secrets -> Reconciler -> server.
//
// Owner: the daemon. Thread: the loop's. Caller: keeps it until the loop has ended; the transport and clock
// outlive it.
// Always true: nothing is published before the first list of every kind that we may read, and every Secret
// referred to, is complete; from then on a change is served when it was quiet for 50 ms, or after 1 s.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/ingress_classes.h"
#include "controller/reconciler.h"
#include "proxyd/config_pusher.h"
#include "proxyd/config_source.h"
#include "proxyd/kube/cluster_status.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_counters.h"
#include "proxyd/kube/kube_metrics.h"
#include "proxyd/kube/kube_options.h"
#include "proxyd/kube/kube_transport.h"
#include "proxyd/kube/reflector.h"
#include "proxyd/kube/secret_source.h"
#include "proxyd/problem_board.h"

namespace proxyd {

// What the mode is made with.
struct ClusterContext {
  KubeTransport& transport;
  KubeClock& clock;
  Publisher& publisher;
  ProblemBoard& board;
  // Where the server is, for problems; and what is wrong with our access, empty = nothing.
  std::string address;
  std::function<std::string()> access_problem;
};

class ClusterMode final : public ConfigSource {
 public:
  // `status` names an election namespace, if it is on.
  ClusterMode(ClusterContext context, const KubeScope& scope, const StatusOptions& status,
              ingress::controller::TranslateOptions options, OnHopeless on_hopeless);
  ClusterMode(const ClusterMode&) = delete;
  ClusterMode& operator=(const ClusterMode&) = delete;
  ~ClusterMode() override;
  void start() override;
  void rescan() override;
  void hand_over(std::move_only_function<void()> done) override;

 private:
  class Watched;
  using Clock = ingress::controller::Reconciler::Clock;

  void add(ReflectorScope scope);
  void add_status(const StatusOptions& status, const KubeScope& scope);
  bool are_kinds_settled() const;
  void note_event();
  void look_soon(std::chrono::milliseconds delay);
  void look();
  bool is_waiting_for_secrets();
  void reconcile();
  void note_published();
  std::vector<ingress::Problem> source_problems() const;
  void show_problems();

  ClusterContext context_;
  KubeCounters counters_;
  AdoptionTimes adoption_times_;
  const ingress::controller::TranslateOptions options_;
  ConfigPusher pusher_;
  ingress::controller::Reconciler reconciler_;
  std::list<Watched> watched_;
  SecretSource secrets_;
  std::optional<ingress::controller::IngressClasses> classes_;  // as of the last reconcile()
  std::optional<ClusterStatus> status_;                         // nothing: nothing is written
  ingress::Generation generation_ = 0;                          // the last that was published
  std::unique_ptr<KubeClock::Timer> next_;
  std::optional<KubeClock::Time> next_at_;
  std::optional<KubeClock::Time> first_event_;  // that is not published yet
  std::optional<KubeClock::Time> secrets_due_;  // when Secrets are waited for no longer
  bool has_published_ = false;                  // tried to: the first configuration was complete
  bool has_news_ = true;                        // problems may have changed
};

}  // namespace proxyd
