// One document to one typed object. Pure.
//
// What Kubernetes itself would refuse in metadata or in the shape of a spec refuses the object; a wrong
// element of a list (a rule, path, port or endpoint) leaves out that element alone, with its problem.
// Fields that we do not read are not looked at.
#pragma once

#include <optional>
#include <string>

#include "base/value.h"
#include "controller/objects.h"
#include "controller/problem_list.h"

namespace ingress::controller {

// Where a document stands: problems of objects without a usable name say so.
struct DocumentPlace {
  std::string source;
  std::string position;  // "document[0].items[2]"
  // Of the list that holds it, for items without their own, as in IngressList.
  std::string api_version, kind;
};

enum class ReadOutcome : std::uint8_t { kObject, kOtherKind, kRefused };

struct ReadResult {
  ReadOutcome outcome = ReadOutcome::kRefused;
  std::optional<Object> object;  // set with kObject
};

ReadResult read_object(const base::Value& document, const DocumentPlace& place, ProblemList& problems);

}  // namespace ingress::controller
