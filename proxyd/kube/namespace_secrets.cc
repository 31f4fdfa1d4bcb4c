#include "proxyd/kube/namespace_secrets.h"

#include <fmt/format.h>

#include <utility>

#include "controller/kube_json.h"

namespace proxyd {
namespace {

using ingress::Problem;
using ingress::controller::KubeForm;
using ingress::controller::KubeItem;
using ingress::controller::ObjectKey;

constexpr std::chrono::milliseconds kGetTimeout{10'000};
constexpr std::chrono::seconds kForbiddenRetry{15};
constexpr unsigned kTroubleAfter = 3;

ReflectorScope metadata_scope(const std::string& namespace_) {
  return {.kind = kube_kinds::kSecret, .namespace_ = namespace_, .form = KubeForm::kMetadata};
}

ObjectKey key_of_secret(const std::string& namespace_, const std::string& name) {
  return {std::string(kube_kinds::kSecret.kind), namespace_, name};
}

}  // namespace

class NamespaceSecrets::Named final : private ReflectorSink {
 public:
  Named(const std::string& namespace_, const std::string& name, SecretContext& context)
      : context_(context),
        key_(key_of_secret(namespace_, name)),
        reflector_({.kind = kube_kinds::kSecret, .namespace_ = namespace_, .name = name}, context.transport,
                   context.clock, *this, context.counters) {
    reflector_.list_now();
  }
  const Reflector& reflector() const { return reflector_; }

 private:
  void on_list(std::vector<KubeItem> items) override {
    for (KubeItem& item : items)
      if (item.read.key == key_) return on_upsert(std::move(item));
    on_delete(key_);
  }
  // A server that does not know the selector would send others.
  void on_upsert(KubeItem item) override {
    if (item.read.key == key_) context_.sink.upsert(std::move(item.read), context_.clock.now());
  }
  void on_delete(const ObjectKey& key) override {
    if (key == key_) context_.sink.remove(key_, context_.clock.now());
  }
  void on_state() override { context_.on_change(); }

  SecretContext& context_;
  const ObjectKey key_;
  Reflector reflector_;
};

NamespaceSecrets::NamespaceSecrets(std::string name, SecretContext& context)
    : namespace_(std::move(name)),
      context_(context),
      metadata_(metadata_scope(namespace_), context.transport, context.clock, *this, context.counters) {
  metadata_.list_now();
}

NamespaceSecrets::~NamespaceSecrets() = default;

void NamespaceSecrets::want(const std::set<std::string>& names) {
  for (auto it = wanted_.begin(); it != wanted_.end();) {
    if (names.contains(it->first)) {
      ++it;
      continue;
    }
    forget(it->first, it->second, Phase::kUnknown);
    it = wanted_.erase(it);
  }
  for (const std::string& name : names) {
    const auto [it, is_new] = wanted_.try_emplace(name);
    if (is_new) settle(name, it->second);
  }
  get_due();
}

// What is to be done about one that is wanted, from what is known of the namespace.
void NamespaceSecrets::settle(const std::string& name, Wanted& wanted) {
  if (is_by_name()) {
    if (!wanted.named) wanted.named = std::make_unique<Named>(namespace_, name, context_);
    return;
  }
  wanted.named.reset();
  if (metadata_.state() != Reflector::State::kSynced) return;
  const auto version = versions_.find(name);
  if (version == versions_.end()) {
    forget(name, wanted, Phase::kAbsent);
  } else if (wanted.phase != Phase::kHave || wanted.version != version->second) {
    if (wanted.phase != Phase::kAsked) wanted.phase = Phase::kDue;
  }
}

// It is not there, or not wanted: what was on its way is not waited for.
void NamespaceSecrets::forget(const std::string& name, Wanted& wanted, Phase phase) {
  if (wanted.phase == Phase::kAsked) --num_asked_;
  wanted.call.reset();
  wanted.named.reset();
  wanted.version.clear();
  wanted.problems.clear();
  wanted.phase = phase;
  wanted.was_settled = true;
  context_.sink.remove(key_of_secret(namespace_, name), context_.clock.now());
}

bool NamespaceSecrets::is_settled() const {
  if (metadata_.state() == Reflector::State::kAbsent) return true;
  for (const auto& [name, wanted] : wanted_) {
    const bool is_settled = wanted.named ? wanted.named->reflector().is_settled() : wanted.was_settled;
    if (!is_settled) return false;
  }
  return true;
}

std::vector<Problem> NamespaceSecrets::problems() const {
  std::vector<Problem> out;
  // Forbidden to list: each is asked for by name, and says itself what is missing.
  if (!is_by_name()) out = metadata_.problems();
  for (const auto& [name, wanted] : wanted_) {
    const auto& some = wanted.named ? wanted.named->reflector().problems() : wanted.problems;
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

std::string NamespaceSecrets::trouble() const {
  if (!metadata_.trouble().empty()) return metadata_.trouble();
  for (const auto& [name, wanted] : wanted_)
    if (wanted.named && !wanted.named->reflector().trouble().empty())
      return wanted.named->reflector().trouble();
  return back_off_.num_failures() < kTroubleAfter ? std::string() : trouble_;
}

void NamespaceSecrets::on_list(std::vector<KubeItem> items) {
  versions_.clear();
  for (KubeItem& item : items) versions_[item.read.key.name] = std::move(item.resource_version);
  for (auto& [name, wanted] : wanted_) settle(name, wanted);
  get_due();
}

void NamespaceSecrets::on_upsert(KubeItem item) {
  const std::string name = item.read.key.name;
  versions_[name] = std::move(item.resource_version);
  const auto wanted = wanted_.find(name);
  if (wanted == wanted_.end()) return;
  settle(name, wanted->second);
  get_due();
}

void NamespaceSecrets::on_delete(const ObjectKey& key) {
  versions_.erase(key.name);
  const auto wanted = wanted_.find(key.name);
  if (wanted != wanted_.end()) forget(key.name, wanted->second, Phase::kAbsent);
  context_.on_change();
}

void NamespaceSecrets::on_state() {
  for (auto& [name, wanted] : wanted_) settle(name, wanted);
  get_due();
  context_.on_change();
}

void NamespaceSecrets::get_due() {
  if (retry_) return;
  for (auto& [name, wanted] : wanted_) {
    if (num_asked_ >= kMaxGets) return;
    if (wanted.phase == Phase::kDue && !wanted.named) get(name, wanted);
  }
}

void NamespaceSecrets::get(const std::string& name, Wanted& wanted) {
  wanted.phase = Phase::kAsked;
  ++num_asked_;
  ++context_.counters.gets;
  wanted.call = context_.transport.send(
      {.path = collection_path(kube_kinds::kSecret, namespace_) + '/' + name, .timeout = kGetTimeout},
      [this, name](std::expected<KubeAnswer, ingress::Error> answer) { on_got(name, std::move(answer)); });
}

void NamespaceSecrets::on_got(const std::string& name, std::expected<KubeAnswer, ingress::Error> answer) {
  Wanted& wanted = wanted_.at(name);  // one that is not wanted any more has no call
  const auto call = std::move(wanted.call);
  --num_asked_;
  if (!answer) {
    trouble_ = answer.error().text();
    retry(wanted);
  } else {
    take(name, wanted, *answer);
  }
  get_due();
  context_.on_change();
}

void NamespaceSecrets::take(const std::string& name, Wanted& wanted, const KubeAnswer& answer) {
  if (answer.status == 404) {
    back_off_.reset();
    // It was there a moment ago: the watch tells when it comes back.
    versions_.erase(name);
    wanted.phase = Phase::kAbsent;
    return forget(name, wanted, Phase::kAbsent);
  }
  if (answer.status == 403) {
    const std::string message = ingress::controller::read_kube_status(answer.body).message;
    wanted.phase = Phase::kForbidden;
    wanted.was_settled = true;
    wanted.problems = {{.source = "cluster",
                        .object = {std::string(kube_kinds::kSecret.kind), namespace_, name},
                        .why = fmt::format("the API server forbids to get it: {}", message),
                        .fix = how_to_grant(kube_kinds::kSecret, namespace_, name, message)}};
    recheck_ = context_.clock.after(kForbiddenRetry, [this] { recheck(); });
    return;
  }
  if (answer.status != 200) {
    trouble_ = fmt::format("status {}", answer.status);
    return retry(wanted, answer.retry_after);
  }
  auto item = ingress::controller::read_kube_object(answer.body, std::string(kube_kinds::kSecret.kind));
  if (!item || item->read.key != key_of_secret(namespace_, name)) {
    trouble_ = "an answer that is not the Secret asked for";
    return retry(wanted);
  }
  back_off_.reset();
  trouble_.clear();
  wanted.phase = Phase::kHave;
  wanted.was_settled = true;
  wanted.problems.clear();
  wanted.version = item->resource_version;
  context_.sink.upsert(std::move(item->read), context_.clock.now());
  // Changed while it was got: what came may be either.
  const auto known = versions_.find(name);
  const auto ours = version_number(wanted.version);
  const auto theirs = known == versions_.end() ? std::nullopt : version_number(known->second);
  if (!ours || !theirs) return;
  if (*ours >= *theirs) {
    known->second = wanted.version;  // the event that tells of it is still to come
  } else {
    retry(wanted);
  }
}

// No event tells that a right was given.
void NamespaceSecrets::recheck() {
  for (auto& [name, wanted] : wanted_)
    if (wanted.phase == Phase::kForbidden) wanted.phase = Phase::kDue;
  get_due();
}

void NamespaceSecrets::retry(Wanted& wanted, std::optional<std::chrono::seconds> asked) {
  wanted.phase = Phase::kDue;
  if (retry_) return;
  retry_ = context_.clock.after(back_off_.next(context_.clock, asked), [this] {
    const auto timer = std::move(retry_);
    get_due();
  });
}

}  // namespace proxyd
