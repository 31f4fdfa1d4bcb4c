#include "proxyd/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace proxyd {
namespace {

std::optional<double> read_cpu_max(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0, period = 0;
  // "max 100000" when there is no limit: then the first extraction fails.
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

std::optional<double> read_cfs_quota(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// Calls `read` for `mount` + `group` and each ancestor down to `mount` itself; the smallest answer.
template <typename Read>
std::optional<double> smallest_of_ancestors(const std::string& mount, std::string group, Read read) {
  std::optional<double> smallest;
  while (true) {
    const auto limit = read(mount + group);
    if (limit && (!smallest || *limit < *smallest)) smallest = limit;
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) return smallest;
    group.resize(slash);
  }
}

// Whether "cpu" stands in a list such as "cpu,cpuacct".
bool names_cpu(const std::string& controllers) {
  return ("," + controllers + ",").contains(",cpu,");
}

}  // namespace

unsigned cgroup_cpu_quota(const std::string& root) {
  // A line is "hierarchy:controllers:path"; version 2 is "0::path".
  std::ifstream groups(root + "/proc/self/cgroup");
  std::optional<double> smallest;
  const auto keep = [&](std::optional<double> limit) {
    if (limit && (!smallest || *limit < *smallest)) smallest = limit;
  };
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) keep(smallest_of_ancestors(root + "/sys/fs/cgroup", group, read_cpu_max));
    if (names_cpu(controllers))
      for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"})
        keep(smallest_of_ancestors(root + mount, group, read_cfs_quota));
  }
  if (!smallest) return 0;
  const auto whole = static_cast<unsigned>(std::min(*smallest, 1e6));
  return std::max(1u, whole < *smallest ? whole + 1 : whole);
}

unsigned usable_cpus() {
  unsigned count = 1;
  // The set grows until it fits the machine: sched_getaffinity refuses a set that is too small.
  for (unsigned max_cpus = 1024; max_cpus <= 65536; max_cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(max_cpus);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(max_cpus);
    const bool is_known = sched_getaffinity(0, bytes, set) == 0;
    if (is_known) count = static_cast<unsigned>(std::max(1, CPU_COUNT_S(bytes, set)));
    CPU_FREE(set);
    if (is_known) break;
  }
  const unsigned quota = cgroup_cpu_quota("");
  return quota == 0 ? count : std::min(count, quota);
}

}  // namespace proxyd
