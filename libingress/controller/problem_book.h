// Problems by what they were found in, so that a part that is translated again replaces its own.
//
// Owner: the Translator. Always true: a part without problems takes no room.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "controller/problem_list.h"

namespace ingress::controller {

class ProblemBook {
 public:
  enum class Part : std::uint8_t {
    kClasses,
    kIngress,
    kTlsIngress,
    kSecret,
    kWildcards,
    kDefault,
    kHost,
    kCluster
  };

  // Replaces those of `name` in `part`.
  void set(Part part, const std::string& name, ProblemList problems) {
    if (problems.is_empty()) {
      erase(part, name);
    } else {
      parts_.insert_or_assign({part, name}, std::move(problems));
    }
  }
  void erase(Part part, const std::string& name) { parts_.erase({part, name}); }
  // Of all parts. Linear in what is wrong, not in what there is.
  ProblemList all() const {
    ProblemList out;
    for (const auto& [key, problems] : parts_) out.add_all(problems);
    return out;
  }

 private:
  std::map<std::pair<Part, std::string>, ProblemList> parts_;
};

}  // namespace ingress::controller
