// A Lease (coordination.k8s.io/v1) as leader election uses it: who holds it, since when and for how long.
// Pure: JSON in, values out, and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "ingress/error.h"

namespace ingress::controller {

struct LeaseRecord {
  std::string holder;  // empty: nobody
  std::int64_t duration_s = 0;
  std::string acquired_at, renewed_at;  // as written, by the holder's clock
  std::int64_t num_transitions = 0;
  friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

struct Lease {
  std::string namespace_, name;
  std::string resource_version;  // empty: of one that is to be created
  LeaseRecord record;
};

// kParse for anything that is no Lease; what the record lacks is empty or 0.
std::expected<Lease, Error> read_lease(std::string_view json);
std::string write_lease(const Lease& lease);
// "2026-01-02T03:04:05.000006Z", the MicroTime of Kubernetes.
std::string write_micro_time(std::chrono::system_clock::time_point time);

}  // namespace ingress::controller
