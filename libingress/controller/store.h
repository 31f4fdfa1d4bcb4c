// All objects known, by kind, namespace and name, with where each came from.
//
// Owner: the Reconciler. Thread: its. Caller: tells of a source either always as a whole or always by object.
// Always true: of one object in several sources, the one of the first source (by name) counts; the others are
// problems. An object stays where it is in memory until something is done to its own key.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/objects.h"
#include "ingress/config.h"

namespace ingress::controller {

struct ObjectKey {
  std::string kind, namespace_, name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};
ObjectKey key_of(const Object& object);

struct StoredObject {
  std::string source;  // file path or "cluster"
  Object object;
};

class Store {
 public:
  // Replaces everything that came from `source`. Returns whether anything changed.
  bool replace_source(const std::string& source, std::vector<Object> objects);
  bool remove_source(const std::string& source);
  // One object of `source`. Return whether anything changed.
  bool upsert(const std::string& source, Object object);
  bool remove(const std::string& source, const ObjectKey& key);
  // All objects of one kind that `source` has, in `namespace_` or, when that is empty, everywhere: others are
  // removed. Returns whether anything changed.
  bool replace_kind(const std::string& source, const std::string& kind, const std::string& namespace_,
                    std::vector<Object> objects);
  // The keys that were touched since this was last asked: another object may count now, or none.
  std::set<ObjectKey> take_touched() { return std::exchange(touched_, {}); }
  // The object that counts; null when there is none.
  const StoredObject* find(const ObjectKey& key) const;
  // Calls `visit(const T&, const std::string& source)` for the counting object of each key, in key order.
  template <typename T, typename Visit>
  void for_each(Visit visit) const {
    for (auto at = objects_.lower_bound(ObjectKey{T::kKind, {}, {}}); at != objects_.end(); ++at) {
      if (at->first.kind != T::kKind) break;
      const StoredObject& counting = at->second.front();
      visit(std::get<T>(counting.object), counting.source);
    }
  }
  // One per object that another source shadows.
  std::vector<Problem> duplicate_problems() const;
  std::size_t size() const { return objects_.size(); }

 private:
  using Candidates = std::vector<StoredObject>;  // sorted by source; never empty
  using Objects = std::map<ObjectKey, Candidates>;
  void insert(const ObjectKey& key, const std::string& source, Object object);
  Objects::iterator erase(Objects::iterator at, const std::string& source);
  void note(const ObjectKey& key, std::size_t num_candidates);

  Objects objects_;
  std::map<std::string, std::vector<ObjectKey>> keys_by_source_;  // of those told as a whole
  std::set<ObjectKey> touched_;
  std::set<ObjectKey> repeated_;  // those with several candidates
};

}  // namespace ingress::controller
