// How many workers this process can keep busy: the smaller of its CPU affinity and its cgroup's quota.
#pragma once

#include <string>
#include <string_view>

namespace proxyd {

// At least 1. Reads the system once per call; whatever cannot be read does not limit.
unsigned usable_cpus();

// The quota in whole CPUs, rounded up; 0 = no limit found. `root` is "/" except in tests. Looks at the
// process's own cgroup and its ancestors (cgroup v2: cpu.max, v1: cpu.cfs_quota_us), as inside a container
// the limit often stands on an ancestor; the smallest counts.
unsigned cgroup_cpu_quota(const std::string& root);

}  // namespace proxyd
