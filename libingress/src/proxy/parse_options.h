// What a listener's settings mean to those who read requests.
#pragma once

#include "http/h1_parser.h"
#include "http/uri.h"
#include "ingress/listener.h"

namespace ingress::proxy {

inline http::HeadLimits head_limits(const ListenerLimits& limits) {
  return {.head_bytes = limits.head_bytes,
          .max_headers = limits.max_headers,
          .request_line_bytes = limits.request_line_bytes};
}

inline http::PathOptions path_options(const ListenerPaths& paths) {
  http::PathOptions options{.slashes = paths.slashes == SlashMerging::kMerge ? http::Slashes::kMerge
                                                                             : http::Slashes::kKeep};
  switch (paths.ambiguous) {
    case AmbiguousPaths::kReject:
      options.ambiguous = http::Ambiguous::kReject;
      break;
    case AmbiguousPaths::kRejectHiddenDots:
      options.ambiguous = http::Ambiguous::kRejectHiddenDots;
      break;
    case AmbiguousPaths::kKeep:
      options.ambiguous = http::Ambiguous::kKeep;
      break;
  }
  return options;
}

}  // namespace ingress::proxy
