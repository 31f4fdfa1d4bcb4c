#include "controller/store.h"

#include <algorithm>
#include <utility>

namespace ingress::controller {
namespace {

using Candidates = std::vector<StoredObject>;

// The candidates of one source; a source that names an object twice keeps the order of its documents.
auto range_of(Candidates& candidates, const std::string& source) {
  struct BySource {
    bool operator()(const StoredObject& a, const std::string& b) const { return a.source < b; }
    bool operator()(const std::string& a, const StoredObject& b) const { return a < b.source; }
  };
  return std::equal_range(candidates.begin(), candidates.end(), source, BySource{});
}

}  // namespace

ObjectKey key_of(const Object& object) {
  Origin origin = origin_of(object);
  return {std::move(origin.kind), std::move(origin.namespace_), std::move(origin.name)};
}

bool Store::replace_source(const std::string& source, std::vector<Object> objects) {
  std::vector<ObjectKey> keys;
  keys.reserve(objects.size());
  std::map<ObjectKey, std::vector<const Object*>> wanted;
  for (const Object& object : objects) {
    keys.push_back(key_of(object));
    wanted[keys.back()].push_back(&object);
  }
  const auto known = keys_by_source_.find(source);
  const bool had_objects = known != keys_by_source_.end();
  if (!had_objects && objects.empty()) return false;
  if (had_objects && known->second == keys) {
    const bool is_same = std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
      const auto [begin, end] = range_of(objects_.at(entry.first), source);
      return std::equal(begin, end, entry.second.begin(), entry.second.end(),
                        [](const StoredObject& a, const Object* b) { return a.object == *b; });
    });
    if (is_same) return false;
  }
  remove_source(source);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    Candidates& candidates = objects_[keys[i]];
    candidates.insert(range_of(candidates, source).second, {source, std::move(objects[i])});
  }
  if (!keys.empty()) keys_by_source_[source] = std::move(keys);
  return true;
}

bool Store::remove_source(const std::string& source) {
  const auto known = keys_by_source_.find(source);
  if (known == keys_by_source_.end()) return false;
  for (const ObjectKey& key : known->second) {
    const auto found = objects_.find(key);
    if (found == objects_.end()) continue;  // named twice by this source, and already gone
    const auto [begin, end] = range_of(found->second, source);
    found->second.erase(begin, end);
    if (found->second.empty()) objects_.erase(found);
  }
  keys_by_source_.erase(known);
  return true;
}

const StoredObject* Store::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second.front();
}

std::vector<Problem> Store::duplicate_problems() const {
  std::vector<Problem> problems;
  for (const auto& [key, candidates] : objects_) {
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      const StoredObject& loser = candidates[i];
      const std::string& winner = candidates.front().source;
      problems.push_back({.source = loser.source,
                          .object = origin_of(loser.object),
                          .field = "metadata.name",
                          .why = loser.source == winner
                                     ? "this source has the object twice; the first counts"
                                     : "the object is also in " + winner + ", which counts",
                          .fix = "delete or rename one of them"});
    }
  }
  return problems;
}

}  // namespace ingress::controller
