// What a Kubernetes API server answers, as JSON, to objects: pages of lists, lines of watches, single objects
// and errors. Pure: bytes in, values out.
//
// An object is reduced to the fields that we read as soon as it is parsed, so a page costs its bytes and the
// reduced objects, never a tree of the whole. One that is malformed is refused with its problems, and the
// rest of the page stays. A page or line that is malformed itself is an Error: nothing of it counts.
// Bounds: those of base::DocumentLimits for each object; the caller bounds pages and lines in bytes.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controller/object_sink.h"
#include "ingress/error.h"

namespace ingress::controller {

// What was asked for: objects, or only their metadata (PartialObjectMetadata), which gives keys and versions.
enum class KubeForm : std::uint8_t { kWhole, kMetadata };

struct KubeItem {
  ReadObject read;
  std::string resource_version;
};

struct KubeList {
  std::string resource_version;
  std::string continue_token;  // empty on the last page
  std::vector<KubeItem> items;
  // Of items that have no usable name, which are no items.
  std::vector<Problem> problems;
};

// A Status object: why the API server refused. All empty when the text is none.
struct KubeStatus {
  int code = 0;
  std::string reason;   // "Expired"
  std::string message;  // printable, cut
};

enum class KubeEventType : std::uint8_t { kUpsert, kDelete, kBookmark, kError };

struct KubeEvent {
  KubeEventType type = KubeEventType::kError;
  KubeItem item;      // of a kDelete without the object; of a kBookmark only the version
  KubeStatus status;  // of a kError
  // Of an object without a usable name, for which there is no key: nothing but its version counts.
  std::vector<Problem> problems;
  bool has_key() const { return !item.read.key.name.empty(); }
};

// `kind` is what was asked for, such as "Ingress"; lists of another kind are kParse.
std::expected<KubeList, Error> read_kube_list(std::string_view json, const std::string& kind, KubeForm form);
std::expected<KubeEvent, Error> read_kube_event(std::string_view json, const std::string& kind,
                                                KubeForm form);
// One object, as GET gives it.
std::expected<KubeItem, Error> read_kube_object(std::string_view json, const std::string& kind);
KubeStatus read_kube_status(std::string_view json);

}  // namespace ingress::controller
