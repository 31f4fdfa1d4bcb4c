// Endpoints by what makes them the same one: address and port, whatever else a configuration says of them.
#pragma once

#include <tuple>

#include "ingress/cluster.h"

namespace ingress::upstream {

struct EndpointOrder {
  bool operator()(const Endpoint& left, const Endpoint& right) const {
    return std::tie(left.address, left.port) < std::tie(right.address, right.port);
  }
};

}  // namespace ingress::upstream
