// Targets and paths by the letter of RFC 3986; see strict_http.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/strict_http.h"

namespace ingress::fuzzing {

// Absent for what must be refused.
std::optional<std::string> strict_path(std::string_view path, const StrictPaths& options);
// `host_field` is absent when there was none.
std::optional<StrictTarget> strict_target(std::string_view method, std::string_view target,
                                          const std::optional<std::string>& host_field,
                                          bool allows_empty_host, const StrictPaths& paths);

}  // namespace ingress::fuzzing
