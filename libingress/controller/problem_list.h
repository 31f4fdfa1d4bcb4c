// Problems as they are found: without repetition, at most so many per object and in all. Hostile input can
// break in a million places; what is kept of that stays small.
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
  static constexpr std::size_t kMaxTotal = 10'000;

  void add(Problem problem);
  // All kept, sorted; an object that had more ends with one line that says how many.
  std::vector<Problem> take();
  // Ever added, repetitions and dropped ones included: tells whether a step found something wrong.
  std::size_t num_added() const { return num_added_; }

 private:
  struct OfObject {
    std::set<Problem> kept;
    std::size_t num_dropped = 0;
  };
  std::map<std::pair<std::string, Origin>, OfObject> by_object_;  // by source and object
  std::size_t num_added_ = 0, num_kept_ = 0, num_dropped_objects_ = 0;
};

}  // namespace ingress::controller
