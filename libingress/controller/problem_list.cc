#include "controller/problem_list.h"

#include <algorithm>

namespace ingress::controller {

void ProblemList::add(Problem problem) {
  ++num_added_;
  std::pair<std::string, Origin> key(problem.source, problem.object);
  auto found = by_object_.find(key);
  if (found == by_object_.end()) {
    if (num_kept_ >= kMaxTotal) {
      ++num_dropped_objects_;
      return;
    }
    found = by_object_.emplace(std::move(key), OfObject{}).first;
  }
  OfObject& object = found->second;
  if (object.kept.size() >= kMaxPerObject || num_kept_ >= kMaxTotal) {
    if (!object.kept.contains(problem)) ++object.num_dropped;
    return;
  }
  if (object.kept.insert(std::move(problem)).second) ++num_kept_;
}

std::vector<Problem> ProblemList::take() {
  std::vector<Problem> out;
  out.reserve(num_kept_);
  for (auto& [key, object] : by_object_) {
    out.insert(out.end(), object.kept.begin(), object.kept.end());
    if (object.num_dropped == 0) continue;
    out.push_back({.source = key.first,
                   .object = key.second,
                   .why = std::to_string(object.num_dropped) + " more problems of this object are not listed",
                   .fix = "mend the listed ones first"});
  }
  if (num_dropped_objects_ > 0) {
    out.push_back({.why = std::to_string(num_dropped_objects_) + " more problems are not listed",
                   .fix = "mend the listed ones first"});
  }
  std::sort(out.begin(), out.end());
  *this = ProblemList();
  return out;
}

}  // namespace ingress::controller
