// Problems as they are found: without repetition, at most so many per object and in all. Hostile input can
// break in a million places; what is kept of that stays small. What is kept does not depend on the order in
// which they were found, up to kMaxKept.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingress/config.h"

namespace ingress::controller {

class ProblemList {
 public:
  static constexpr std::size_t kMaxPerObject = 32;
  static constexpr std::size_t kMaxTotal = 10'000;  // of take()
  static constexpr std::size_t kMaxKept = 100'000;

  void add(Problem problem);
  void add_all(const ProblemList& others);
  // All kept, sorted: the first kMaxPerObject of each object, and a line where it had more.
  std::vector<Problem> take();
  // One list for each object, whatever source it is from.
  std::map<Origin, ProblemList> by_object() const;
  bool is_empty() const { return by_object_.empty() && num_dropped_ == 0; }

 private:
  using Key = std::pair<std::string, Origin>;  // source and object
  struct OfObject {
    std::set<Problem> kept;
    bool has_more = false;
  };
  OfObject* of_object(const Key& key);
  void keep(OfObject& object, Problem problem);

  std::map<Key, OfObject> by_object_;
  std::size_t num_kept_ = 0, num_dropped_ = 0;
};

}  // namespace ingress::controller
