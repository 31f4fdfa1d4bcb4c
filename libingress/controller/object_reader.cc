#include "controller/object_reader.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "controller/kind_readers.h"
#include "controller/syntax.h"
#include "controller/timestamp.h"

namespace ingress::controller {
namespace {

enum class Scope : std::uint8_t { kNamespaced, kCluster };
enum class NameForm : std::uint8_t { kLabel, kSubdomain };

struct KindInfo {
  std::string_view kind, group, version;
  Scope scope;
  NameForm name_form;
};

constexpr std::array kKinds{
    KindInfo{Ingress::kKind, "networking.k8s.io", "v1", Scope::kNamespaced, NameForm::kSubdomain},
    KindInfo{IngressClass::kKind, "networking.k8s.io", "v1", Scope::kCluster, NameForm::kSubdomain},
    KindInfo{Service::kKind, "", "v1", Scope::kNamespaced, NameForm::kLabel},
    KindInfo{EndpointSlice::kKind, "discovery.k8s.io", "v1", Scope::kNamespaced, NameForm::kSubdomain},
    KindInfo{Secret::kKind, "", "v1", Scope::kNamespaced, NameForm::kSubdomain},
};

// All annotations of an object together, as in Kubernetes.
constexpr std::size_t kMaxAnnotationBytes = 256 * 1024;
constexpr std::size_t kMaxNameBytes = 253;

const KindInfo* find_kind(std::string_view kind) {
  for (const KindInfo& info : kKinds)
    if (info.kind == kind) return &info;
  return nullptr;
}

// "group/version" or "version".
std::pair<std::string_view, std::string_view> split_api_version(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {"", text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string text_at(const base::Value& document, std::string_view member) {
  const base::Value* metadata = document.find("metadata");
  const base::Value* value = metadata == nullptr ? nullptr : metadata->find(member);
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string() : *text;
}

bool read_name(const Field& root, const KindInfo& info, ObjectMeta& meta) {
  const Field field = root.member("metadata").member("name");
  if (!field.require()) return false;
  auto name = field.text(kMaxTextBytes);
  if (!name) return false;
  const bool is_label = info.name_form == NameForm::kLabel;
  if (is_label ? !base::is_dns_label(*name) : !base::is_dns_name(*name)) {
    field.report(quoted(*name) + (is_label ? " is no RFC 1123 label" : " is no RFC 1123 subdomain"),
                 "use lower case letters, digits, '-'" + std::string(is_label ? "" : " and '.'"));
    return false;
  }
  meta.name = std::move(*name);
  return true;
}

bool read_namespace(const Field& root, const KindInfo& info, ObjectMeta& meta) {
  if (info.scope == Scope::kCluster) return true;
  const Field field = root.member("metadata").member("namespace");
  if (!field.is_set()) {
    meta.namespace_ = "default";
    return true;
  }
  auto name = field.text(kMaxTextBytes);
  if (!name) return false;
  if (!base::is_dns_label(*name)) {
    field.report(quoted(*name) + " is no RFC 1123 label", "use lower case letters, digits and '-'");
    return false;
  }
  meta.namespace_ = std::move(*name);
  return true;
}

// A wrong value refuses the object: a left-out ingress.class would serve what another controller should.
bool read_map(const Field& field, std::map<std::string, std::string>& out) {
  const auto members = field.members();
  if (!members) return false;
  std::size_t num_bytes = 0;
  for (const auto& [key, value] : *members) {
    auto text = value.text_or_empty(kMaxAnnotationBytes);
    if (!text) return false;
    num_bytes += key.size() + text->size();
    if (num_bytes > kMaxAnnotationBytes) {
      field.report("is larger than " + std::to_string(kMaxAnnotationBytes) + " bytes in all", "shorten it");
      return false;
    }
    out.emplace(key, std::move(*text));
  }
  return true;
}

std::optional<ObjectMeta> read_meta(const Field& root, const KindInfo& info) {
  ObjectMeta meta;
  const Field metadata = root.member("metadata");
  if (!metadata.require() || !metadata.object()) return std::nullopt;
  if (!read_name(root, info, meta) || !read_namespace(root, info, meta)) return std::nullopt;
  if (!read_map(metadata.member("annotations"), meta.annotations)) return std::nullopt;
  if (!read_map(metadata.member("labels"), meta.labels)) return std::nullopt;
  meta.uid = read_uid(root.value());
  const Field created = metadata.member("creationTimestamp");
  if (const auto text = created.text(kMaxTextBytes)) {
    meta.created_at = parse_timestamp(*text);
    // The object stays, as the newest: a wrong time must not win a conflict.
    if (!meta.created_at)
      created.report(quoted(*text) + " is no RFC 3339 time",
                     "write it as 2026-01-31T23:59:59Z, or leave it out");
  }
  return meta;
}

std::optional<Object> read_kind(const Field& root, std::string_view kind, ObjectMeta meta) {
  const auto wrap = [](auto typed) {
    return typed ? std::optional<Object>(std::move(*typed)) : std::optional<Object>();
  };
  if (kind == Ingress::kKind) return wrap(read_ingress(root, std::move(meta)));
  if (kind == IngressClass::kKind) return wrap(read_ingress_class(root, std::move(meta)));
  if (kind == Service::kKind) return wrap(read_service(root, std::move(meta)));
  if (kind == EndpointSlice::kKind) return wrap(read_endpoint_slice(root, std::move(meta)));
  return wrap(read_secret(root, std::move(meta)));
}

// The text of apiVersion or kind, or what the enclosing list says.
std::optional<std::string> read_type(const Field& field, const std::string& inherited) {
  if (!field.is_set() && !inherited.empty()) return inherited;
  if (!field.require()) return std::nullopt;
  return field.text(kMaxNameBytes);
}

enum class ApiCheck : std::uint8_t { kOurs, kOtherKind, kRefused };

// Other groups have kinds of the same names (serving.knative.dev/v1 Service): those are not ours.
ApiCheck check_api_version(const Field& field, const std::string& api_version, const KindInfo& info) {
  const auto [group, version] = split_api_version(api_version);
  const bool is_legacy = group == "extensions" && info.kind == Ingress::kKind;
  if (group != info.group && !is_legacy) return ApiCheck::kOtherKind;
  if (group == info.group && version == info.version) return ApiCheck::kOurs;
  const std::string wanted =
      (info.group.empty() ? "" : std::string(info.group) + '/') + std::string(info.version);
  field.report(quoted(api_version) + " is not served for kind " + std::string(info.kind),
               "convert the object to " + wanted + " (kubectl convert)");
  return ApiCheck::kRefused;
}

}  // namespace

ReadResult read_object(const base::Value& document, const DocumentPlace& place, ProblemList& problems) {
  ReadContext context{problems, place.source, {}, place.position + '.'};
  if (document.as_object() == nullptr) {
    context.path_prefix.clear();
    Field(context, &document, place.position)
        .report("is of type " + std::string(base::to_string(document.type())) + ", not a Kubernetes object",
                "write apiVersion, kind, metadata and spec");
    return {};
  }
  const Field root(context, &document, "");
  const auto kind = read_type(root.member("kind"), place.kind);
  if (!kind) return {};
  const KindInfo* info = find_kind(*kind);
  if (info == nullptr) return {.outcome = ReadOutcome::kOtherKind, .object = {}};
  context.object.kind = *kind;
  if (info->scope == Scope::kNamespaced) context.object.namespace_ = shown(text_at(document, "namespace"));
  if (info->scope == Scope::kNamespaced && context.object.namespace_.empty())
    context.object.namespace_ = "default";
  context.object.name = shown(text_at(document, "name"));
  // With a name, field paths count from the object.
  if (!context.object.name.empty()) context.path_prefix.clear();

  const Field api_field = root.member("apiVersion");
  const auto api_version = read_type(api_field, place.api_version);
  if (!api_version) return {};
  switch (check_api_version(api_field, *api_version, *info)) {
    case ApiCheck::kOtherKind:
      return {.outcome = ReadOutcome::kOtherKind, .object = {}};
    case ApiCheck::kRefused:
      return {};
    case ApiCheck::kOurs:
      break;
  }
  auto meta = read_meta(root, *info);
  if (!meta) return {};
  auto object = read_kind(root, info->kind, std::move(*meta));
  if (!object) return {};
  return {.outcome = ReadOutcome::kObject, .object = std::move(object)};
}

}  // namespace ingress::controller
