#include "controller/lease_json.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace ingress::controller {
namespace {

constexpr std::size_t kMaxLeaseBytes = 256 * 1024;
constexpr std::size_t kMaxFieldBytes = 1024;

std::string text_of(const base::Value* object, std::string_view member) {
  const base::Value* const value = object == nullptr ? nullptr : object->find(member);
  const std::string* const text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr || text->size() > kMaxFieldBytes ? std::string() : *text;
}

// Below 0 there is nothing to be meant by it.
std::int64_t number_of(const base::Value* object, std::string_view member) {
  const base::Value* const value = object == nullptr ? nullptr : object->find(member);
  const std::int64_t* const number = value == nullptr ? nullptr : value->as_int();
  return number == nullptr ? 0 : std::clamp<std::int64_t>(*number, 0, INT32_MAX);
}

void write_text(base::JsonWriter& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out.key(key).string(text);
}

}  // namespace

std::expected<Lease, Error> read_lease(std::string_view json) {
  const auto document = base::read_json(json, {.max_bytes = kMaxLeaseBytes});
  if (!document) return std::unexpected(document.error());
  const base::Value* const metadata = document->find("metadata");
  Lease lease{.namespace_ = text_of(metadata, "namespace"),
              .name = text_of(metadata, "name"),
              .resource_version = text_of(metadata, "resourceVersion"),
              .record = {}};
  if (text_of(&*document, "kind") != "Lease" || lease.resource_version.empty())
    return std::unexpected(Error{.code = ErrorCode::kParse, .what = "no Lease", .detail = {}});
  const base::Value* const spec = document->find("spec");
  lease.record = {.holder = text_of(spec, "holderIdentity"),
                  .duration_s = number_of(spec, "leaseDurationSeconds"),
                  .acquired_at = text_of(spec, "acquireTime"),
                  .renewed_at = text_of(spec, "renewTime"),
                  .num_transitions = number_of(spec, "leaseTransitions")};
  return lease;
}

std::string write_lease(const Lease& lease) {
  std::string text;
  base::JsonWriter out(text);
  out.begin_object();
  out.key("apiVersion").string("coordination.k8s.io/v1").key("kind").string("Lease");
  out.key("metadata").begin_object();
  out.key("namespace").string(lease.namespace_).key("name").string(lease.name);
  write_text(out, "resourceVersion", lease.resource_version);
  out.end_object();
  const LeaseRecord& record = lease.record;
  out.key("spec").begin_object().key("holderIdentity").string(record.holder);
  out.key("leaseDurationSeconds").number(record.duration_s);
  write_text(out, "acquireTime", record.acquired_at);
  write_text(out, "renewTime", record.renewed_at);
  out.key("leaseTransitions").number(record.num_transitions);
  out.end_object().end_object();
  return text;
}

std::string write_micro_time(std::chrono::system_clock::time_point time) {
  using std::chrono::duration_cast;
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto in_day = duration_cast<std::chrono::microseconds>(time - day);
  const std::chrono::hh_mm_ss clock(in_day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld.%06ldZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                static_cast<long>(clock.minutes().count()), static_cast<long>(clock.seconds().count()),
                static_cast<long>(clock.subseconds().count()));
  return text.data();
}

}  // namespace ingress::controller
