#include "proxyd/kube/cluster_mode.h"

#include <fmt/format.h>

#include <algorithm>
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

ClusterMode::ClusterMode(ClusterContext context, const KubeScope& scope,
                         ingress::controller::TranslateOptions options, OnHopeless on_hopeless)
    : context_(std::move(context)),
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
  context_.board.set_source_metrics([this] { return kube_metrics(counters_, adoption_times_); });
}

ClusterMode::~ClusterMode() {
  context_.board.set_source_metrics(nullptr);
}

void ClusterMode::add(ReflectorScope scope) {
  KindCounters& counters = counters_[std::string(scope.kind.kind)];
  watched_.emplace_back(*this, std::move(scope), counters);
}

void ClusterMode::start() {
  for (Watched& watched : watched_) watched.reflector().list_now();
}

void ClusterMode::rescan() {
  start();
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
}

void ClusterMode::note_published() {
  const auto generation = pusher_.take_generation();
  const auto since = std::exchange(first_event_, std::nullopt);
  if (!generation || !since) return;
  context_.publisher.when_adopted(
      *generation, [this, since = *since] { adoption_times_.add(context_.clock.now() - since); });
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
  log_problems(context_.board.replace(std::move(problems), reconciler_.num_ignored_ingresses()));
}

}  // namespace proxyd
