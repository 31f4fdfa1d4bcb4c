#include "proxyd/kube/cluster_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxyd/log.h"

namespace proxyd {
namespace {

using ingress::Problem;
using ingress::controller::KubeItem;
using ingress::controller::ObjectKey;
using ingress::controller::ReadObject;

// A new reference is served together with its Secret, if that is not too long in coming.
constexpr std::chrono::milliseconds kMaxSecretWait{500};

}  // namespace

// One kind of one namespace, into the reconciler.
class ClusterMode::Watched final : private ReflectorSink {
 public:
  Watched(ClusterMode& mode, ReflectorScope scope, KindCounters& counters)
      : mode_(mode),
        reflector_(std::move(scope), mode.context_.transport, mode.context_.clock, *this, counters) {}
  Reflector& reflector() { return reflector_; }
  const Reflector& reflector() const { return reflector_; }

 private:
  void on_list(std::vector<KubeItem> items) override {
    std::vector<ReadObject> objects;
    objects.reserve(items.size());
    for (KubeItem& item : items) objects.push_back(std::move(item.read));
    const ReflectorScope& scope = reflector_.scope();
    mode_.reconciler_.replace(std::string(scope.kind.kind), scope.namespace_, std::move(objects),
                              mode_.context_.clock.now());
    mode_.note_event();
  }
  void on_upsert(KubeItem item) override {
    mode_.reconciler_.upsert(std::move(item.read), mode_.context_.clock.now());
    mode_.note_event();
  }
  void on_delete(const ObjectKey& key) override {
    mode_.reconciler_.remove(key, mode_.context_.clock.now());
    mode_.note_event();
  }
  void on_state() override {
    mode_.has_news_ = true;
    mode_.look_soon(std::chrono::milliseconds(0));
  }

  ClusterMode& mode_;
  Reflector reflector_;
};

ClusterMode::ClusterMode(ClusterContext context, const KubeScope& scope, const StatusOptions& status,
                         ingress::controller::TranslateOptions options, OnHopeless on_hopeless)
    : context_(std::move(context)),
      options_(options),
      pusher_(context_.publisher, context_.board, std::move(on_hopeless)),
      reconciler_(std::move(options), pusher_),
      secrets_({context_.transport, context_.clock, reconciler_,
                counters_[std::string(kube_kinds::kSecret.kind)], [this] {
                  has_news_ = true;
                  note_event();
                }}) {
  add({.kind = kube_kinds::kIngressClass});
  std::vector<std::string> namespaces = scope.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  for (const std::string& namespace_ : namespaces) {
    add({.kind = kube_kinds::kIngress, .namespace_ = namespace_, .label_selector = scope.ingress_selector});
    add({.kind = kube_kinds::kService, .namespace_ = namespace_});
    add({.kind = kube_kinds::kEndpointSlice, .namespace_ = namespace_});
  }
  if (status.is_on) add_status(status, scope);
  context_.board.set_source_metrics([this] {
    ingress::Metrics metrics = kube_metrics(counters_, adoption_times_);
    if (status_) std::ranges::move(status_->metrics(), std::back_inserter(metrics));
    return metrics;
  });
}

void ClusterMode::add_status(const StatusOptions& status, const KubeScope& scope) {
  const std::string& namespace_ = status.service_namespace;
  const bool is_watched =
      scope.namespaces.empty() || std::ranges::find(scope.namespaces, namespace_) != scope.namespaces.end();
  if (!namespace_.empty() && !is_watched) add({.kind = kube_kinds::kService, .namespace_ = namespace_});
  const auto is_ours = [this](const ingress::controller::Ingress& ingress, const std::string& source) {
    ingress::controller::ProblemList told_elsewhere;
    return classes_ && classes_->is_ours(ingress, source, told_elsewhere);
  };
  const auto on_problems = [this] {
    has_news_ = true;
    look_soon(std::chrono::milliseconds(0));
  };
  status_.emplace(ClusterStatusContext{context_.transport, context_.clock, reconciler_.store(),
                                       options_.controller_name, is_ours, on_problems},
                  status);
}

ClusterMode::~ClusterMode() {
  context_.board.set_source_metrics(nullptr);
}

void ClusterMode::add(ReflectorScope scope) {
  KindCounters& counters = counters_[std::string(scope.kind.kind)];
  watched_.emplace_back(*this, std::move(scope), counters);
}

void ClusterMode::start() {
  rescan();
  if (status_) status_->start();
}

void ClusterMode::rescan() {
  for (Watched& watched : watched_) watched.reflector().list_now();
}

void ClusterMode::hand_over(std::move_only_function<void()> done) {
  if (!status_) return done();
  status_->release(std::move(done));
}

bool ClusterMode::are_kinds_settled() const {
  return std::ranges::all_of(watched_, [](const Watched& w) { return w.reflector().is_settled(); });
}

// Something was told to the reconciler.
void ClusterMode::note_event() {
  const auto due = reconciler_.due_in(context_.clock.now());
  if (due && !first_event_) first_event_ = context_.clock.now();
  look_soon(has_published_ && due && !secrets_due_ ? *due : std::chrono::milliseconds(0));
}

// Looks again no later than after `delay`.
void ClusterMode::look_soon(std::chrono::milliseconds delay) {
  const auto at = context_.clock.now() + delay;
  if (next_at_ && *next_at_ <= at) return;
  next_at_ = at;
  next_ = context_.clock.after(delay, [this] {
    const auto timer = std::move(next_);
    next_at_.reset();
    look();
  });
}

void ClusterMode::look() {
  if (!has_published_) {
    if (are_kinds_settled()) {
      secrets_.want(reconciler_.references().secrets);
      if (secrets_.is_settled()) reconcile();
    }
  } else if (const auto due = reconciler_.due_in(context_.clock.now())) {
    if (due->count() > 0) {
      look_soon(*due);
    } else if (!is_waiting_for_secrets()) {
      reconcile();
    }
  }
  if (std::exchange(has_news_, false)) show_problems();
}

bool ClusterMode::is_waiting_for_secrets() {
  secrets_.want(reconciler_.references().secrets);
  const auto now = context_.clock.now();
  if (secrets_.is_settled()) return false;
  if (!secrets_due_) secrets_due_ = now + kMaxSecretWait;
  if (now >= *secrets_due_) return false;
  look_soon(std::chrono::ceil<std::chrono::milliseconds>(*secrets_due_ - now));
  return true;
}

void ClusterMode::reconcile() {
  secrets_due_.reset();
  has_published_ = true;
  has_news_ = true;
  reconciler_.reconcile();
  if (pusher_.needs_whole()) pusher_.push_whole(reconciler_.config());
  note_published();
  if (!status_) return;
  ingress::controller::ProblemList told_elsewhere;
  classes_.emplace(reconciler_.store(), options_, told_elsewhere);
  status_->note_reconciled(generation_);
}

void ClusterMode::note_published() {
  const auto generation = pusher_.take_generation();
  const auto since = std::exchange(first_event_, std::nullopt);
  if (!generation) return;
  generation_ = *generation;
  context_.publisher.when_adopted(*generation, [this, since, generation = *generation] {
    if (since) adoption_times_.add(context_.clock.now() - *since);
    if (status_) status_->note_adopted(generation);
  });
}

std::vector<Problem> ClusterMode::source_problems() const {
  std::vector<Problem> out;
  std::string trouble;
  for (const Watched& watched : watched_) {
    const auto& some = watched.reflector().problems();
    out.insert(out.end(), some.begin(), some.end());
    if (trouble.empty()) trouble = watched.reflector().trouble();
  }
  const auto of_secrets = secrets_.problems();
  out.insert(out.end(), of_secrets.begin(), of_secrets.end());
  if (trouble.empty()) trouble = secrets_.trouble();
  // One for all kinds: it is the same server.
  if (!trouble.empty())
    out.push_back(
        {.source = "cluster",
         .why = fmt::format(
             "the API server at {} does not answer as it should: {}; {}", context_.address, trouble,
             has_published_ ? "its last known state stays in use" : "nothing is served before it has"),
         .fix = "see that it runs, can be reached from here, and knows our credentials"});
  const std::string access = context_.access_problem ? context_.access_problem() : std::string();
  if (!access.empty())
    out.push_back(
        {.source = "cluster",
         .why = fmt::format("credentials cannot be read again: {}; the last ones stay in use", access),
         .fix = "mend the kubeconfig, or the files that it names"});
  return out;
}

void ClusterMode::show_problems() {
  reconciler_.set_source_problems(source_problems());
  std::vector<Problem> problems = reconciler_.problems();
  problems.insert(problems.end(), pusher_.problems().begin(), pusher_.problems().end());
  if (status_) {
    const auto of_status = status_->problems();
    problems.insert(problems.end(), of_status.begin(), of_status.end());
    status_->show(problems);
  }
  log_problems(context_.board.replace(std::move(problems), reconciler_.num_ignored_ingresses()));
}

}  // namespace proxyd
