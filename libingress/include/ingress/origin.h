// The object that a part of the configuration came from, for logs, problems and explanations.
#pragma once

#include <string>

namespace ingress {

// All empty when the configuration was written by hand.
struct Origin {
  std::string kind;        // "Ingress"
  std::string namespace_;  // "default"
  std::string name;        // "shop"
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

}  // namespace ingress
