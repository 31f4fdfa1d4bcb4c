#include "proxyd/cpu_count.h"

#include <doctest/doctest.h>

#include "proxyd/temp_folder.h"

namespace proxyd {
namespace {

TEST_CASE("QuotaOfVersionTwoIsTheSmallestOfTheAncestorsRoundedUp") {
  TempFolder root;
  CHECK(cgroup_cpu_quota(root.path()) == 0);
  root.write("proc/self/cgroup", "0::/pods/one\n");
  CHECK(cgroup_cpu_quota(root.path()) == 0);
  root.write("sys/fs/cgroup/pods/one/cpu.max", "max 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 0);
  root.write("sys/fs/cgroup/pods/cpu.max", "250000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 3);
  root.write("sys/fs/cgroup/pods/one/cpu.max", "50000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 1);
  root.write("sys/fs/cgroup/pods/one/cpu.max", "200000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 2);
}

TEST_CASE("QuotaOfAContainersOwnRootCounts") {
  TempFolder root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 2);
}

TEST_CASE("QuotaOfVersionOneIsReadToo") {
  for (const char* mount : {"cpu", "cpu,cpuacct"}) {
    CAPTURE(mount);
    TempFolder root;
    root.write("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n");
    const std::string folder = std::string("sys/fs/cgroup/") + mount;
    root.write(folder + "/docker/abc/cpu.cfs_quota_us", "-1\n");
    root.write(folder + "/docker/abc/cpu.cfs_period_us", "100000\n");
    CHECK(cgroup_cpu_quota(root.path()) == 0);
    root.write(folder + "/cpu.cfs_quota_us", "300001\n");
    root.write(folder + "/cpu.cfs_period_us", "100000\n");
    CHECK(cgroup_cpu_quota(root.path()) == 4);
  }
}

TEST_CASE("NonsenseLimitsNothing") {
  for (const char* text : {"", "0 0", "-5 100000", "x y", "100000"}) {
    CAPTURE(text);
    TempFolder root;
    root.write("proc/self/cgroup", "0::/a\nbroken line\n");
    root.write("sys/fs/cgroup/a/cpu.max", text);
    CHECK(cgroup_cpu_quota(root.path()) == 0);
  }
}

TEST_CASE("ThereIsAlwaysOneCpu") {
  CHECK(usable_cpus() >= 1);
}

}  // namespace
}  // namespace proxyd
