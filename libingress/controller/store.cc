#include "controller/store.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ingress::controller {
namespace {

// The candidates of one source; a source that names an object twice keeps the order of its documents.
auto range_of(std::vector<StoredObject>& candidates, const std::string& source) {
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
  for (std::size_t i = 0; i < objects.size(); ++i) insert(keys[i], source, std::move(objects[i]));
  if (!keys.empty()) keys_by_source_[source] = std::move(keys);
  return true;
}

bool Store::remove_source(const std::string& source) {
  const auto known = keys_by_source_.find(source);
  if (known == keys_by_source_.end()) return false;
  for (const ObjectKey& key : known->second) {
    const auto found = objects_.find(key);
    if (found != objects_.end()) erase(found, source);  // else named twice by this source, and already gone
  }
  keys_by_source_.erase(known);
  return true;
}

bool Store::upsert(const std::string& source, Object object) {
  const ObjectKey key = key_of(object);
  const auto known = objects_.find(key);
  if (known != objects_.end()) {
    const auto [begin, end] = range_of(known->second, source);
    if (begin != end) {
      if (begin->object == object) return false;
      begin->object = std::move(object);
      note(key, known->second.size());
      return true;
    }
  }
  insert(key, source, std::move(object));
  return true;
}

bool Store::remove(const std::string& source, const ObjectKey& key) {
  const auto known = objects_.find(key);
  if (known == objects_.end()) return false;
  const auto [begin, end] = range_of(known->second, source);
  if (begin == end) return false;
  erase(known, source);
  return true;
}

bool Store::replace_kind(const std::string& source, const std::string& kind, const std::string& namespace_,
                         std::vector<Object> objects) {
  bool is_changed = false;
  std::set<ObjectKey> wanted;
  for (Object& object : objects) {
    wanted.insert(key_of(object));
    is_changed |= upsert(source, std::move(object));
  }
  for (auto at = objects_.lower_bound(ObjectKey{kind, namespace_, {}}); at != objects_.end();) {
    const ObjectKey& key = at->first;
    if (key.kind != kind || (!namespace_.empty() && key.namespace_ != namespace_)) break;
    const auto [begin, end] = range_of(at->second, source);
    if (begin == end || wanted.contains(key)) {
      ++at;
    } else {
      at = erase(at, source);
      is_changed = true;
    }
  }
  return is_changed;
}

void Store::insert(const ObjectKey& key, const std::string& source, Object object) {
  Candidates& candidates = objects_[key];
  candidates.insert(range_of(candidates, source).second, {source, std::move(object)});
  note(key, candidates.size());
}

Store::Objects::iterator Store::erase(Objects::iterator at, const std::string& source) {
  const auto [begin, end] = range_of(at->second, source);
  at->second.erase(begin, end);
  note(at->first, at->second.size());
  return at->second.empty() ? objects_.erase(at) : std::next(at);
}

void Store::note(const ObjectKey& key, std::size_t num_candidates) {
  touched_.insert(key);
  if (num_candidates > 1) {
    repeated_.insert(key);
  } else {
    repeated_.erase(key);
  }
}

const StoredObject* Store::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second.front();
}

std::vector<Problem> Store::duplicate_problems() const {
  std::vector<Problem> problems;
  for (const ObjectKey& key : repeated_) {
    const Candidates& candidates = objects_.at(key);
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
