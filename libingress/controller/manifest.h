// One manifest file (YAML of several documents, JSON, kind: List) to objects. Pure: text in, values out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/objects.h"
#include "ingress/config.h"

namespace ingress::controller {

struct Manifest {
  std::vector<Object> objects;
  std::vector<Problem> problems;    // of single objects: a malformed one is left out, the others stay
  bool is_readable = true;          // false: the text as a whole could not be read, objects is empty
  std::size_t num_other_kinds = 0;  // objects of kinds that we do not read
};

// `path` (relative to its folder) becomes Problem::source and decides the format: ".json" is JSON, all else
// YAML. Never throws; caps of base::DocumentLimits apply.
Manifest read_manifest(std::string_view text, const std::string& path);

}  // namespace ingress::controller
