#include "controller/kube_json.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "base/json_splitter.h"
#include "base/text.h"
#include "controller/object_reader.h"
#include "controller/problem_list.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr const char* kSource = "cluster";
constexpr std::size_t kMaxMessageBytes = 300;
constexpr std::size_t kMaxVersionBytes = 128;
// A continue token holds a key and a version in base64; those of today have some 200 bytes.
constexpr std::size_t kMaxTokenBytes = 16 * 1024;
// What kubectl leaves behind, often larger than all that we read.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";

Error malformed(const char* what, std::string detail = {}) {
  return {.code = ErrorCode::kParse, .side = ErrorSide::kUpstream, .what = what, .detail = std::move(detail)};
}

std::string text_of(const base::Value* value, std::size_t max_bytes) {
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr || text->size() > max_bytes ? std::string() : *text;
}

std::string text_of(const base::Value& object, std::string_view member, std::size_t max_bytes) {
  return text_of(object.find(member), max_bytes);
}

// Names end up in paths of requests: what is no name of Kubernetes has no key.
ObjectKey key_of_metadata(const base::Value& metadata, const std::string& kind) {
  ObjectKey key{kind, text_of(metadata, "namespace", 63), text_of(metadata, "name", 253)};
  const bool is_good =
      base::is_dns_name(key.name) && (key.namespace_.empty() || base::is_dns_label(key.namespace_));
  return is_good ? key : ObjectKey();
}

// What we never read of an object, off it: it would only be kept, and count as a change.
void reduce(Object& object) {
  if (auto* slice = std::get_if<EndpointSlice>(&object)) {
    slice->meta.annotations.clear();  // the time of the last change is among them
    std::erase_if(slice->meta.labels, [](const auto& label) { return label.first != kServiceNameLabel; });
  } else if (auto* secret = std::get_if<Secret>(&object)) {
    secret->meta.annotations.clear();
    secret->meta.labels.clear();
  } else {
    std::visit([](auto& typed) { typed.meta.annotations.erase(kLastApplied); }, object);
  }
}

// The raw members of an object that the callers below ask for.
class Members {
 public:
  static std::optional<Members> of(std::string_view json) {
    Members out;
    base::JsonSplitter splitter(json);
    base::JsonSplitter::Piece piece;
    while (splitter.next(piece)) {
      if (!splitter.is_object() || out.members_.size() >= kMaxMembers) return std::nullopt;
      // The readers of single objects refuse a repeated key too: which of the two is meant?
      if (out.find(piece.key)) return std::nullopt;
      out.members_.emplace_back(piece.key, piece.value);
    }
    if (!splitter.is_complete() || !splitter.is_object()) return std::nullopt;
    return out;
  }
  std::optional<std::string_view> find(std::string_view key) const {
    for (const auto& [name, value] : members_)
      if (name == key) return value;
    return std::nullopt;
  }
  std::string text(std::string_view key, std::size_t max_bytes) const {
    const auto value = parsed(key);
    return value ? text_of(&*value, max_bytes) : std::string();
  }
  std::optional<base::Value> parsed(std::string_view key) const {
    const auto raw = find(key);
    if (!raw) return std::nullopt;
    auto value = base::read_json(*raw);
    return value ? std::optional(std::move(*value)) : std::nullopt;
  }

 private:
  static constexpr std::size_t kMaxMembers = 64;
  std::vector<std::pair<std::string_view, std::string_view>> members_;
};

class ItemReader {
 public:
  ItemReader(const std::string& kind, KubeForm form, std::string api_version)
      : kind_(kind), form_(form), place_{kSource, {}, std::move(api_version), {}} {
    if (form == KubeForm::kWhole) place_.kind = kind;
  }
  // `position` is where it stands: "items[3]".
  KubeItem read(std::string_view json, std::string position) {
    place_.position = std::move(position);
    KubeItem item;
    auto document = base::read_json(json);
    if (!document) {
      read_metadata_alone(json, item);
      // Readers name what they stumble over, and that may be a password.
      const std::string detail = kind_ == Secret::kKind ? "" : ": " + shown(document.error().detail, 200);
      refuse(item, "cannot be read: " + std::string(document.error().what) + detail);
      return item;
    }
    if (const base::Value* metadata = document->find("metadata")) read_metadata(*metadata, item);
    if (form_ == KubeForm::kWhole) {
      read_whole(*document, item);
    } else if (item.read.key.name.empty()) {
      refuse(item, "has no usable name");
    }
    return item;
  }

 private:
  void read_metadata(const base::Value& metadata, KubeItem& item) {
    item.read.key = key_of_metadata(metadata, kind_);
    item.resource_version = text_of(metadata, "resourceVersion", kMaxVersionBytes);
  }
  // Of an object that is malformed elsewhere: whose problem it is.
  void read_metadata_alone(std::string_view json, KubeItem& item) {
    if (const auto members = Members::of(json))
      if (const auto metadata = members->parsed("metadata")) read_metadata(*metadata, item);
  }
  void read_whole(const base::Value& document, KubeItem& item) {
    ProblemList problems;
    ReadResult result = read_object(document, place_, problems);
    item.read.problems = problems.take();
    if (result.outcome == ReadOutcome::kOtherKind) refuse(item, "is of another kind than was asked for");
    if (!result.object) return;
    ObjectKey key = key_of(*result.object);
    if (key.kind != kind_) return refuse(item, "is of another kind than was asked for");
    reduce(*result.object);
    item.read.key = std::move(key);
    item.read.object = std::move(result.object);
  }
  void refuse(KubeItem& item, std::string why) {
    const ObjectKey& key = item.read.key;
    Problem problem{.source = kSource, .why = std::move(why), .fix = "write the object anew"};
    if (key.name.empty()) {
      problem.object.kind = kind_;
      problem.field = place_.position;
    } else {
      problem.object = {key.kind, key.namespace_, key.name};
    }
    item.read.problems.push_back(std::move(problem));
  }

  const std::string& kind_;
  KubeForm form_;
  DocumentPlace place_;
};

void append(std::vector<Problem>& to, std::vector<Problem> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Problems without a name cannot go away with their object: a few tell enough.
constexpr std::size_t kMaxNamelessProblems = 32;

std::expected<void, Error> read_items(std::string_view json, ItemReader& reader, KubeList& list) {
  if (json == "null") return {};
  base::JsonSplitter splitter(json);
  base::JsonSplitter::Piece piece;
  for (std::size_t i = 0; splitter.next(piece); ++i) {
    if (splitter.is_object()) break;
    KubeItem item = reader.read(piece.value, "items[" + std::to_string(i) + ']');
    if (!item.read.key.name.empty()) {
      list.items.push_back(std::move(item));
    } else if (list.problems.size() < kMaxNamelessProblems) {
      append(list.problems, std::move(item.read.problems));
    }
  }
  if (!splitter.is_complete() || splitter.is_object())
    return std::unexpected(malformed("malformed list", "items is cut or no list"));
  return {};
}

KubeStatus status_of(const base::Value& value) {
  KubeStatus status;
  if (const base::Value* code = value.find("code"); code != nullptr && code->as_int() != nullptr)
    status.code = static_cast<int>(std::clamp<std::int64_t>(*code->as_int(), 0, 999));
  status.reason = shown(text_of(value, "reason", 64), 64);
  const base::Value* message = value.find("message");
  if (message == nullptr || message->as_string() == nullptr) return status;
  std::string text = message->as_string()->substr(0, kMaxMessageBytes + 1);
  std::ranges::replace(text, '"', '\'');  // which would be shown as an escape
  status.message = shown(text, kMaxMessageBytes);
  return status;
}

std::optional<KubeEventType> to_event_type(std::string_view text) {
  if (text == "ADDED" || text == "MODIFIED") return KubeEventType::kUpsert;
  if (text == "DELETED") return KubeEventType::kDelete;
  if (text == "BOOKMARK") return KubeEventType::kBookmark;
  if (text == "ERROR") return KubeEventType::kError;
  return std::nullopt;
}

bool is_list_of(const std::string& list_kind, const std::string& kind, KubeForm form) {
  return list_kind == kind + "List" ||
         (form == KubeForm::kMetadata && list_kind == "PartialObjectMetadataList");
}

}  // namespace

std::expected<KubeList, Error> read_kube_list(std::string_view json, const std::string& kind, KubeForm form) {
  const auto members = Members::of(json);
  if (!members) return std::unexpected(malformed("malformed list"));
  const std::string list_kind = members->text("kind", 256);
  if (!is_list_of(list_kind, kind, form))
    return std::unexpected(malformed("not the list asked for", "its kind is " + quoted(list_kind)));
  const auto metadata = members->parsed("metadata");
  if (!metadata) return std::unexpected(malformed("malformed list", "no metadata"));
  KubeList list;
  list.resource_version = text_of(*metadata, "resourceVersion", kMaxVersionBytes);
  if (list.resource_version.empty())
    return std::unexpected(malformed("malformed list", "no resourceVersion"));
  if (const base::Value* token = metadata->find("continue"); token != nullptr && !token->is_null()) {
    list.continue_token = text_of(token, kMaxTokenBytes);
    // A token that is not understood is not the end of the list.
    if (list.continue_token.empty() && (token->as_string() == nullptr || !token->as_string()->empty()))
      return std::unexpected(malformed("malformed list", "continue is no token"));
  }
  ItemReader reader(kind, form, members->text("apiVersion", 256));
  const auto items = members->find("items");
  if (!items) return std::unexpected(malformed("malformed list", "no items"));
  if (auto read = read_items(*items, reader, list); !read) return std::unexpected(std::move(read.error()));
  return list;
}

std::expected<KubeEvent, Error> read_kube_event(std::string_view json, const std::string& kind,
                                                KubeForm form) {
  const auto members = Members::of(json);
  if (!members) return std::unexpected(malformed("malformed event"));
  const auto type = to_event_type(members->text("type", 64));
  if (!type) return std::unexpected(malformed("event of an unknown type"));
  const auto object = members->find("object");
  if (!object) return std::unexpected(malformed("malformed event", "no object"));
  KubeEvent event{.type = *type, .item = {}, .status = {}, .problems = {}};
  if (*type == KubeEventType::kError) {
    event.status = read_kube_status(*object);
    return event;
  }
  const bool is_whole = *type == KubeEventType::kUpsert && form == KubeForm::kWhole;
  ItemReader reader(kind, is_whole ? KubeForm::kWhole : KubeForm::kMetadata, {});
  event.item = reader.read(*object, "object");
  if (event.item.resource_version.empty())
    return std::unexpected(malformed("malformed event", "no resourceVersion"));
  if (*type == KubeEventType::kBookmark) {
    event.item.read = {};
  } else if (!event.has_key()) {
    event.problems = std::exchange(event.item.read.problems, {});
  }
  return event;
}

std::expected<KubeItem, Error> read_kube_object(std::string_view json, const std::string& kind) {
  ItemReader reader(kind, KubeForm::kWhole, {});
  KubeItem item = reader.read(json, "object");
  if (item.read.key.name.empty()) return std::unexpected(malformed("malformed object", "no usable name"));
  return item;
}

KubeStatus read_kube_status(std::string_view json) {
  constexpr base::DocumentLimits kLimits{.max_bytes = std::size_t{256} * 1024};
  const auto value = base::read_json(json, kLimits);
  return value ? status_of(*value) : KubeStatus();
}

}  // namespace ingress::controller
