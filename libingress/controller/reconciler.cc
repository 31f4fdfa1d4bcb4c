#include "controller/reconciler.h"

#include <algorithm>
#include <utility>

namespace ingress::controller {

Reconciler::Reconciler(TranslateOptions options, ConfigSink& sink)
    : options_(std::move(options)), sink_(sink) {}

void Reconciler::update_source(const std::string& source, Manifest manifest, Clock::time_point now) {
  source_problems_[source] = std::move(manifest.problems);
  if (manifest.is_readable && store_.replace_source(source, std::move(manifest.objects))) note_change(now);
}

void Reconciler::remove_source(const std::string& source, Clock::time_point now) {
  source_problems_.erase(source);
  if (store_.remove_source(source)) note_change(now);
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
  Translation translation = translate(store_, options_, certificates_);
  translate_problems_ = std::move(translation.problems);
  num_ignored_ingresses_ = translation.num_ignored_ingresses;
  const ConfigDelta delta = diff(config_, translation.config);
  if (has_sent_ && delta.is_empty()) return;
  sink_problems_ = sink_.apply(delta);
  // The sink knows objects, not where they came from.
  for (Problem& problem : sink_problems_) {
    if (!problem.source.empty()) continue;
    const StoredObject* stored =
        store_.find({problem.object.kind, problem.object.namespace_, problem.object.name});
    if (stored != nullptr) problem.source = stored->source;
  }
  config_ = std::move(translation.config);
  has_sent_ = true;
}

std::vector<Problem> Reconciler::problems() const {
  std::vector<Problem> out = store_.duplicate_problems();
  for (const auto& [source, problems] : source_problems_)
    out.insert(out.end(), problems.begin(), problems.end());
  out.insert(out.end(), translate_problems_.begin(), translate_problems_.end());
  out.insert(out.end(), sink_problems_.begin(), sink_problems_.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace ingress::controller
