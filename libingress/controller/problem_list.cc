#include "controller/problem_list.h"

#include <algorithm>
#include <iterator>

namespace ingress::controller {

ProblemList::OfObject* ProblemList::of_object(const Key& key) {
  const auto found = by_object_.find(key);
  if (found != by_object_.end()) return &found->second;
  if (num_kept_ < kMaxKept) return &by_object_[key];
  ++num_dropped_;
  return nullptr;
}

void ProblemList::keep(OfObject& object, Problem problem) {
  num_kept_ -= object.kept.size();
  object.kept.insert(std::move(problem));
  if (object.kept.size() > kMaxPerObject) {
    object.kept.erase(std::prev(object.kept.end()));
    object.has_more = true;
  }
  num_kept_ += object.kept.size();
}

void ProblemList::add(Problem problem) {
  if (OfObject* object = of_object(Key(problem.source, problem.object))) keep(*object, std::move(problem));
}

void ProblemList::add_all(const ProblemList& others) {
  for (const auto& [key, other] : others.by_object_) {
    OfObject* object = of_object(key);
    if (object == nullptr) continue;
    for (const Problem& problem : other.kept) keep(*object, problem);
    object->has_more |= other.has_more;
  }
  num_dropped_ += others.num_dropped_;
}

std::map<Origin, ProblemList> ProblemList::by_object() const {
  std::map<Origin, ProblemList> out;
  for (const auto& [key, object] : by_object_) {
    ProblemList& list = out[key.second];
    list.num_kept_ += object.kept.size();
    list.by_object_.emplace(key, object);
  }
  return out;
}

std::vector<Problem> ProblemList::take() {
  std::vector<Problem> out;
  out.reserve(num_kept_);
  for (auto& [key, object] : by_object_) {
    out.insert(out.end(), object.kept.begin(), object.kept.end());
    if (!object.has_more) continue;
    out.push_back({.source = key.first,
                   .object = key.second,
                   .why = "more problems of this object are not listed",
                   .fix = "mend the listed ones first"});
  }
  std::sort(out.begin(), out.end());
  if (out.size() > kMaxTotal) {
    num_dropped_ += out.size() - kMaxTotal;
    out.resize(kMaxTotal);
  }
  if (num_dropped_ > 0) {
    const Problem more{.why = std::to_string(num_dropped_) + " more problems are not listed",
                       .fix = "mend the listed ones first"};
    out.insert(std::lower_bound(out.begin(), out.end(), more), more);
  }
  *this = ProblemList();
  return out;
}

}  // namespace ingress::controller
