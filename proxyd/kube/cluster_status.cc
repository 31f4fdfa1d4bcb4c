#include "proxyd/kube/cluster_status.h"

#include <algorithm>
#include <utility>

namespace proxyd {

using ingress::Origin;
using ingress::Problem;
using ingress::controller::LoadBalancerAddress;
using ingress::controller::Service;
using ingress::controller::StoredObject;

ClusterStatus::ClusterStatus(ClusterStatusContext context, const StatusOptions& options)
    : ClusterStatus(std::move(context), options, make_lease_identity()) {}

ClusterStatus::ClusterStatus(ClusterStatusContext context, const StatusOptions& options,
                             const std::string& identity)
    : context_(std::move(context)),
      options_(options),
      elector_(context_.transport, context_.clock,
               {.namespace_ = options.election_namespace, .name = options.election_id, .identity = identity},
               [this] { on_leadership(); }),
      statuses_(context_.transport, context_.clock, context_.controller_name, context_.on_problems),
      events_({.transport = context_.transport,
               .clock = context_.clock,
               .reporter = {.controller = context_.controller_name, .instance = identity},
               .find_uid =
                   [this](const Origin& object) {
                     const StoredObject* const stored =
                         context_.store.find({object.kind, object.namespace_, object.name});
                     return stored == nullptr ? std::string()
                                              : ingress::controller::meta_of(stored->object).uid;
                   },
               .on_problems = context_.on_problems}) {}

void ClusterStatus::on_leadership() {
  const Leadership now = elector_.leadership();
  is_leading_ = now == Leadership::kLeading;
  if (std::exchange(leadership_, now) != now) {
    if (now == Leadership::kLeading) {
      update();
      events_.show(shown_);
    } else {
      statuses_.want({});
      events_.stop();
    }
  }
  context_.on_problems();
}

void ClusterStatus::note_reconciled(std::uint64_t version) {
  reconciled_ = version;
  update();
}

void ClusterStatus::note_adopted(std::uint64_t version) {
  adopted_ = std::max(adopted_, version);
  update();
}

// The store may be ahead of what is served: then the next adoption is waited for.
void ClusterStatus::update() {
  const bool is_served = reconciled_ && adopted_ >= *reconciled_;
  if (leadership_ != Leadership::kLeading || !is_served) return;
  statuses_.want(ingress::controller::find_status_changes(context_.store, context_.is_ours, addresses(),
                                                          context_.controller_name));
}

std::vector<LoadBalancerAddress> ClusterStatus::addresses() const {
  if (options_.service_name.empty()) return options_.addresses;
  const StoredObject* const stored =
      context_.store.find({Service::kKind, options_.service_namespace, options_.service_name});
  const Service* const service = stored == nullptr ? nullptr : std::get_if<Service>(&stored->object);
  return service == nullptr ? std::vector<LoadBalancerAddress>()
                            : ingress::controller::addresses_of(*service);
}

void ClusterStatus::show(const std::vector<Problem>& problems) {
  shown_ = problems;
  if (leadership_ == Leadership::kLeading) events_.show(shown_);
}

void ClusterStatus::release(std::move_only_function<void()> done) {
  elector_.release(std::move(done));
}

std::vector<Problem> ClusterStatus::problems() const {
  std::vector<Problem> all = elector_.problems();
  const std::vector<Problem> of_statuses = statuses_.problems();
  all.insert(all.end(), of_statuses.begin(), of_statuses.end());
  all.insert(all.end(), events_.problems().begin(), events_.problems().end());
  return all;
}

ingress::Metrics ClusterStatus::metrics() const {
  const StatusCounters& statuses = statuses_.counters();
  const EventCounters& events = events_.counters();
  const auto number = [](const auto& counter) { return static_cast<double>(counter.load()); };
  return {{.name = "leader",
           .help = "1 while this controller writes statuses and Events.",
           .type = ingress::MetricType::kGauge,
           .samples = {{.value = is_leading_.load() ? 1.0 : 0.0}}},
          {.name = "status_writes_total",
           .help = "Statuses of Ingresses written, by result.",
           .samples = {{.labels = {{"result", "written"}}, .value = number(statuses.written)},
                       {.labels = {{"result", "removed"}}, .value = number(statuses.removed)},
                       {.labels = {{"result", "failed"}}, .value = number(statuses.failed)}}},
          {.name = "statuses_waiting",
           .help = "Ingresses whose status is another than it should be.",
           .type = ingress::MetricType::kGauge,
           .samples = {{.value = number(statuses.waiting)}}},
          {.name = "event_writes_total",
           .help = "Events about problems, by result.",
           .samples = {{.labels = {{"result", "written"}}, .value = number(events.written)},
                       {.labels = {{"result", "failed"}}, .value = number(events.failed)},
                       {.labels = {{"result", "left_out"}}, .value = number(events.left_out)}}}};
}

}  // namespace proxyd
