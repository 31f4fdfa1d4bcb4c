#include "proxyd/kube/kube_metrics.h"

#include <atomic>
#include <string>
#include <utility>

namespace proxyd {
namespace {

using ingress::MetricFamily;
using ingress::MetricType;

struct Column {
  std::atomic<std::uint64_t> KindCounters::* counter;
  const char* label;  // with `name`; null: none
};

void add_family(ingress::Metrics& metrics, const KubeCounters& counters, MetricFamily family,
                const char* label, std::initializer_list<Column> columns) {
  for (const auto& [kind, of_kind] : counters) {
    for (const Column& column : columns) {
      ingress::MetricSample sample{.labels = {{"kind", kind}},
                                   .value = static_cast<double>((of_kind.*column.counter).load())};
      if (column.label != nullptr) sample.labels.emplace_back(label, column.label);
      family.samples.push_back(std::move(sample));
    }
  }
  metrics.push_back(std::move(family));
}

}  // namespace

void AdoptionTimes::add(std::chrono::duration<double> time) {
  const std::lock_guard lock(mutex_);
  ++count_;
  sum_ += time.count();
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    if (time.count() > kBounds[i]) continue;
    ++counts_[i];
    return;
  }
}

ingress::MetricSample AdoptionTimes::sample() const {
  const std::lock_guard lock(mutex_);
  ingress::MetricSample sample{.value = sum_, .count = count_};
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    sample.buckets.emplace_back(kBounds[i], below += counts_[i]);
  return sample;
}

ingress::Metrics kube_metrics(const KubeCounters& counters, const AdoptionTimes& times) {
  using Kind = KindCounters;
  ingress::Metrics metrics;
  add_family(metrics, counters, {"kube_lists_total", "Lists asked of the API server, by what came of them."},
             "outcome", {{&Kind::lists, "ok"}, {&Kind::list_errors, "failed"}});
  add_family(metrics, counters, {"kube_watches_total", "Watches begun."}, nullptr,
             {{&Kind::watches, nullptr}});
  add_family(metrics, counters,
             {"kube_watch_errors_total", "Watches that ended otherwise than by their time."}, nullptr,
             {{&Kind::watch_errors, nullptr}});
  add_family(metrics, counters,
             {"kube_relists_total", "Lists made anew because a watch could not go on where it was."}, nullptr,
             {{&Kind::relists, nullptr}});
  add_family(metrics, counters,
             {"kube_events_total", "Events of watches; stale ones are repeated or older than what is known."},
             "result", {{&Kind::events, "taken"}, {&Kind::stale_events, "stale"}});
  add_family(metrics, counters, {"kube_gets_total", "Requests for single objects."}, nullptr,
             {{&Kind::gets, nullptr}});
  add_family(metrics, counters, {"kube_objects", "Objects known now.", MetricType::kGauge}, nullptr,
             {{&Kind::objects, nullptr}});
  metrics.push_back({.name = "kube_change_adopted_seconds",
                     .help = "From the first event of a change until every worker serves it.",
                     .type = MetricType::kHistogram,
                     .samples = {times.sample()}});
  return metrics;
}

}  // namespace proxyd
