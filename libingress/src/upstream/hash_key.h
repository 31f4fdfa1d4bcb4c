// What of a request decides its endpoint.
#pragma once

#include <optional>
#include <string_view>

#include "ingress/cluster.h"
#include "upstream/balancer.h"

namespace ingress::upstream {

// A view into the request; nothing when it has no such key, or an empty one. Cost: a look at the header
// fields or the query.
std::optional<std::string_view> hash_key(const ConsistentHash& settings, const PickRequest& request);

}  // namespace ingress::upstream
