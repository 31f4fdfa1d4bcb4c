// Leases read from and written for an API server.
#include "controller/lease_json.h"

#include <doctest/doctest.h>

namespace ingress::controller {
namespace {

TEST_CASE("WhatIsWrittenIsReadAgain") {
  const Lease lease{.namespace_ = "ingress",
                    .name = "proxyd",
                    .resource_version = "17",
                    .record = {.holder = "a\"b",
                               .duration_s = 15,
                               .acquired_at = "2026-01-02T03:04:05.000006Z",
                               .renewed_at = "2026-01-02T03:04:06.000006Z",
                               .num_transitions = 3}};
  CHECK(write_lease(lease) ==
        R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"namespace":"ingress",)"
        R"("name":"proxyd","resourceVersion":"17"},"spec":{"holderIdentity":"a\"b",)"
        R"("leaseDurationSeconds":15,"acquireTime":"2026-01-02T03:04:05.000006Z",)"
        R"("renewTime":"2026-01-02T03:04:06.000006Z","leaseTransitions":3}})");
  const auto read = read_lease(write_lease(lease));
  REQUIRE(read);
  CHECK(read->resource_version == "17");
  CHECK(read->name == "proxyd");
  CHECK(read->record == lease.record);
  // One that is to be created has no version.
  CHECK(write_lease({.namespace_ = "a", .name = "b"}).find("resourceVersion") == std::string::npos);
}

TEST_CASE("WhatIsMissingIsEmptyAndWhatIsNoLeaseIsRefused") {
  const auto empty = read_lease(R"({"kind":"Lease","metadata":{"resourceVersion":"1"}})");
  REQUIRE(empty);
  CHECK(empty->record == LeaseRecord());
  const auto odd =
      read_lease(R"({"kind":"Lease","metadata":{"resourceVersion":"1"},"spec":{"holderIdentity":7,)"
                 R"("leaseDurationSeconds":-5,"leaseTransitions":99999999999,"renewTime":null}})");
  REQUIRE(odd);
  CHECK(odd->record == LeaseRecord{.num_transitions = INT32_MAX});
  for (const char* text : {"", "[]", "{}", R"({"kind":"Pod","metadata":{"resourceVersion":"1"}})",
                           R"({"kind":"Lease","metadata":{}})", R"({"kind":"Lease")"})
    CHECK_FALSE(read_lease(text));
}

TEST_CASE("TimesHaveMicroseconds") {
  using namespace std::chrono;
  CHECK(write_micro_time(sys_days(2026y / 1 / 2) + 3h + 4min + 5s + 6us) == "2026-01-02T03:04:05.000006Z");
  CHECK(write_micro_time(system_clock::time_point(seconds(951'827'696))) == "2000-02-29T12:34:56.000000Z");
}

}  // namespace
}  // namespace ingress::controller
