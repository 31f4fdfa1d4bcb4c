#include "controller/reconciler.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ingress::controller {

Reconciler::Reconciler(TranslateOptions options, ConfigSink& sink)
    : options_(std::move(options)), sink_(sink), translator_(store_, options_, certificates_) {}

void Reconciler::update_source(const std::string& source, Manifest manifest, Clock::time_point now) {
  source_problems_[source] = std::move(manifest.problems);
  if (manifest.is_readable && store_.replace_source(source, std::move(manifest.objects))) note_change(now);
}

void Reconciler::remove_source(const std::string& source, Clock::time_point now) {
  source_problems_.erase(source);
  if (store_.remove_source(source)) note_change(now);
}

void Reconciler::upsert(ReadObject read, Clock::time_point now) {
  std::optional<Object> object = object_to_keep(read);
  bool is_changed = keep_problems(read.key, std::move(read.problems));
  is_changed |= object ? store_.upsert(kCluster, std::move(*object)) : store_.remove(kCluster, read.key);
  if (is_changed) note_change(now);
}

void Reconciler::remove(const ObjectKey& key, Clock::time_point now) {
  const bool had_problems = object_problems_.erase(key) > 0;
  if (store_.remove(kCluster, key) || had_problems) note_change(now);
}

void Reconciler::replace(const std::string& kind, const std::string& namespace_,
                         std::vector<ReadObject> objects, Clock::time_point now) {
  bool is_changed = false;
  std::vector<Object> kept;
  std::set<ObjectKey> listed;
  for (ReadObject& read : objects) {
    if (auto object = object_to_keep(read)) kept.push_back(std::move(*object));
    is_changed |= keep_problems(read.key, std::move(read.problems));
    listed.insert(std::move(read.key));
  }
  is_changed |= std::erase_if(object_problems_, [&](const auto& entry) {
                  const ObjectKey& key = entry.first;
                  const bool is_meant =
                      key.kind == kind && (namespace_.empty() || key.namespace_ == namespace_);
                  return is_meant && !listed.contains(key);
                }) > 0;
  is_changed |= store_.replace_kind(kCluster, kind, namespace_, std::move(kept));
  if (is_changed) note_change(now);
}

void Reconciler::set_source_problems(std::vector<Problem> problems) {
  source_problems_[kCluster] = std::move(problems);
}

bool Reconciler::keep_problems(const ObjectKey& key, std::vector<Problem> problems) {
  if (problems.empty()) return object_problems_.erase(key) > 0;
  std::vector<Problem>& kept = object_problems_[key];
  if (kept == problems) return false;
  kept = std::move(problems);
  return true;
}

std::optional<Object> Reconciler::object_to_keep(ReadObject& read) const {
  if (read.object || read.key.kind != Secret::kKind) return std::move(read.object);
  const StoredObject* known = store_.find(read.key);
  if (known == nullptr || known->source != kCluster) return std::nullopt;
  // Without its data, it is a Secret with bad contents.
  const Secret& last = std::get<Secret>(known->object);
  return Secret{.meta = last.meta, .type = last.type, .data = {}};
}

References Reconciler::references() {
  translator_.update(store_.take_touched());
  return {.secrets = translator_.secrets()};
}

void Reconciler::note_change(Clock::time_point now) {
  if (!first_change_) first_change_ = now;
  last_change_ = now;
}

std::optional<std::chrono::milliseconds> Reconciler::due_in(Clock::time_point now) const {
  if (!first_change_) return std::nullopt;
  const Clock::time_point due = std::min(*last_change_ + kQuiet, *first_change_ + kMaxDelay);
  // Rounded up: a caller that comes early would only ask again.
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(due - now), std::chrono::milliseconds(0));
}

void Reconciler::reconcile() {
  first_change_.reset();
  last_change_.reset();
  translator_.update(store_.take_touched());
  const ConfigDelta delta = translator_.translate();
  if (has_sent_ && delta.is_empty()) return;
  sink_problems_ = sink_.apply(delta);
  // The sink knows objects, not where they came from.
  for (Problem& problem : sink_problems_) {
    if (!problem.source.empty()) continue;
    const StoredObject* stored =
        store_.find({problem.object.kind, problem.object.namespace_, problem.object.name});
    if (stored != nullptr) problem.source = stored->source;
  }
  has_sent_ = true;
}

std::vector<Problem> Reconciler::problems() const {
  std::vector<Problem> out = store_.duplicate_problems();
  for (const auto& [source, problems] : source_problems_)
    out.insert(out.end(), problems.begin(), problems.end());
  for (const auto& [key, problems] : object_problems_)
    out.insert(out.end(), problems.begin(), problems.end());
  const std::vector<Problem> translated = translator_.problems().take();
  out.insert(out.end(), translated.begin(), translated.end());
  out.insert(out.end(), sink_problems_.begin(), sink_problems_.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace ingress::controller
