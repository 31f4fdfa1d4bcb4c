// All objects known, by kind, namespace and name, with where each came from.
//
// Owner: the Reconciler. Thread: its. Always true: of one object in several sources, the one of the first
// source (by name) counts; the others are problems.
#pragma once

#include <map>
#include <string>
#include <tuple>
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
  // The object that counts; null when there is none.
  const StoredObject* find(const ObjectKey& key) const;
  // Calls `visit(const T&, const std::string& source)` for the counting object of each key, in key order.
  template <typename T, typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, candidates] : objects_) {
      if (const T* object = std::get_if<T>(&candidates.front().object))
        visit(*object, candidates.front().source);
    }
  }
  // One per object that another source shadows.
  std::vector<Problem> duplicate_problems() const;
  std::size_t size() const { return objects_.size(); }

 private:
  // Candidates sorted by source; never empty.
  std::map<ObjectKey, std::vector<StoredObject>> objects_;
  std::map<std::string, std::vector<ObjectKey>> keys_by_source_;
};

}  // namespace ingress::controller
