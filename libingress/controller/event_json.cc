#include "controller/event_json.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json_writer.h"
#include "base/text.h"
#include "controller/objects.h"

namespace ingress::controller {
namespace {

struct EventKind {
  std::string_view kind, api_version;
};
constexpr std::array kKinds{
    EventKind{Ingress::kKind, "networking.k8s.io/v1"}, EventKind{IngressClass::kKind, "networking.k8s.io/v1"},
    EventKind{Service::kKind, "v1"}, EventKind{EndpointSlice::kKind, "discovery.k8s.io/v1"},
    EventKind{Secret::kKind, "v1"}};

constexpr std::size_t kMaxNoteBytes = 1024;
constexpr std::size_t kMaxPlainNameBytes = 200;  // of 253, with a digest behind it
constexpr std::size_t kMaxInstanceBytes = 128;

std::uint64_t digest_of(const Problem& problem) {
  std::uint64_t digest = 14'695'981'039'346'656'037U;  // FNV-1a
  const auto add = [&digest](std::string_view text) {
    for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    digest = digest * 1'099'511'628'211U;
  };
  add(problem.object.kind);
  add(problem.field);
  add(problem.why);
  return digest;
}

std::string name_of(const Problem& problem) {
  std::array<char, 17> digest{};
  std::snprintf(digest.data(), digest.size(), "%016llx", static_cast<unsigned long long>(digest_of(problem)));
  std::string plain = problem.object.name.substr(0, kMaxPlainNameBytes);
  while (!plain.empty() && (plain.back() == '.' || plain.back() == '-')) plain.pop_back();
  return plain + "." + digest.data();
}

std::string note_of(const Problem& problem) {
  std::string note = problem.field.empty() ? "" : problem.field + ": ";
  note += problem.why;
  if (!problem.fix.empty()) note += "; " + problem.fix;
  if (note.size() <= kMaxNoteBytes) return note;
  constexpr std::string_view kMore = "...";
  std::size_t end = kMaxNoteBytes - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(note[end]) & 0xc0) == 0x80)
    --end;  // not inside of a character
  note.resize(end);
  return note += kMore;
}

}  // namespace

std::optional<ProblemEvent> make_event(const Problem& problem, const EventReporter& reporter,
                                       std::string_view uid, std::string_view time) {
  const Origin& object = problem.object;
  const auto kind = std::ranges::find(kKinds, object.kind, &EventKind::kind);
  if (kind == kKinds.end() || !base::is_dns_name(object.name)) return std::nullopt;
  if (!object.namespace_.empty() && !base::is_dns_label(object.namespace_)) return std::nullopt;
  ProblemEvent event{.namespace_ = object.namespace_.empty() ? "default" : object.namespace_,
                     .name = name_of(problem),
                     .json = {}};
  base::JsonWriter out(event.json);
  out.begin_object();
  out.key("apiVersion").string("events.k8s.io/v1").key("kind").string("Event");
  out.key("metadata").begin_object();
  out.key("namespace").string(event.namespace_).key("name").string(event.name);
  out.end_object();
  out.key("eventTime").string(time);
  out.key("reportingController").string(reporter.controller);
  out.key("reportingInstance").string(reporter.instance.substr(0, kMaxInstanceBytes));
  out.key("action").string("Translate").key("reason").string("Misconfigured").key("type").string("Warning");
  out.key("regarding").begin_object();
  out.key("apiVersion").string(kind->api_version).key("kind").string(object.kind);
  if (!object.namespace_.empty()) out.key("namespace").string(object.namespace_);
  out.key("name").string(object.name);
  if (!uid.empty()) out.key("uid").string(uid);
  out.end_object();
  out.key("note").string(note_of(problem));
  out.end_object();
  return event;
}

std::string write_event_series(std::uint64_t count, std::string_view time) {
  std::string text;
  base::JsonWriter out(text);
  out.begin_object().key("series").begin_object();
  out.key("count").number(count).key("lastObservedTime").string(time);
  out.end_object().end_object();
  return text;
}

}  // namespace ingress::controller
