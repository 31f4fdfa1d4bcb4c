#include <string_view>

#include "proxyd/options.h"

namespace proxyd {

// INGRESS_VERSION comes from the project() line of the root CMakeLists.txt.
std::string_view version() {
  return INGRESS_VERSION;
}

}  // namespace proxyd
