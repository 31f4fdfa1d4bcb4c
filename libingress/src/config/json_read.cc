// The reader of the file form: form only, all problems at once.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/json_reader.h"
#include "base/yaml_reader.h"
#include "config/field_path.h"
#include "config/file_form.h"
#include "config/syntax.h"
#include "ingress/config.h"

namespace ingress {
namespace config {
namespace {

// Room for a dump of a million routes; the text is the operator's own.
constexpr base::DocumentLimits kLimits{
    .max_bytes = 512 * 1024 * 1024, .max_depth = 64, .max_nodes = 32'000'000};

// "known fields: name, hosts, …"
template <Described T>
std::string known_fields() {
  std::string out;
  describe(
      [&](const FieldInfo& info, auto) { out += fmt::format("{}{}", out.empty() ? "" : ", ", info.name); },
      static_cast<const T*>(nullptr));
  return out;
}

// Parts are named in problems as validate() names them.
template <class T>
inline constexpr std::string_view kPartKind = {};
template <>
inline constexpr std::string_view kPartKind<Listener> = "Listener";
template <>
inline constexpr std::string_view kPartKind<Cluster> = "Cluster";
template <>
inline constexpr std::string_view kPartKind<Route> = "Route";
template <>
inline constexpr std::string_view kPartKind<Certificate> = "Certificate";
template <>
inline constexpr std::string_view kPartKind<StreamRoute> = "StreamRoute";

Origin part_object(std::string_view kind, const base::Value& part) {
  const base::Value* name = part.find("name");
  const std::string* text = name == nullptr ? nullptr : name->as_string();
  const bool is_usable = text != nullptr && is_printable(*text) && text->size() <= std::size_t{kMaxNameBytes};
  return {.kind = std::string(kind), .namespace_ = {}, .name = is_usable ? *text : std::string()};
}

class Reader {
 public:
  explicit Reader(std::vector<Problem>& problems) : problems_(problems) {}

  void read_document(const base::Value& document, GatewayConfig& out);

 private:
  void report(const base::Value& at, const FieldPath& field, std::string why, std::string fix);
  void report_type(const base::Value& value, const FieldPath& field, std::string_view wanted);
  void read_version(const base::Value& document);
  template <Described T>
  void read_fields(const base::Value& object, const FieldPath& field, T& out);
  template <Described T>
  void refuse_unknown(const base::Value& object, const FieldPath& field);

  template <class M>
  void read_value(const base::Value& value, const FieldPath& field, M& out);
  template <class M>
  void read_list(const base::Value& value, const FieldPath& parent, std::string_view name,
                 std::vector<M>& out);
  template <class M>
  void read_integer(const base::Value& value, const FieldPath& field, M& out);
  template <class E>
  void read_enum(const base::Value& value, const FieldPath& field, E& out);
  void read_string(const base::Value& value, const FieldPath& field, std::string& out);
  void read_secret(const base::Value& value, const FieldPath& field, SecretText& out);

  std::vector<Problem>& problems_;
  Origin object_ = {};  // the part being read
};

void Reader::report(const base::Value& at, const FieldPath& field, std::string why, std::string fix) {
  if (at.line() != 0) why += fmt::format(" (line {})", at.line());
  problems_.push_back(
      {.object = object_, .field = field.text(), .why = std::move(why), .fix = std::move(fix)});
}

void Reader::report_type(const base::Value& value, const FieldPath& field, std::string_view wanted) {
  report(value, field, fmt::format("is of type {}", base::to_string(value.type())),
         fmt::format("write a value of type {}", wanted));
}

void Reader::read_string(const base::Value& value, const FieldPath& field, std::string& out) {
  if (const std::string* text = value.as_string()) {
    out = *text;
  } else {
    report_type(value, field, "string");
  }
}

void Reader::read_secret(const base::Value& value, const FieldPath& field, SecretText& out) {
  read_string(value, field, out.text);
  if (out.text != kRedacted) return;
  report(value, field, fmt::format("is {}: it was left out when this text was written", kRedacted),
         "put the secret itself in its place");
}

template <class M>
void Reader::read_integer(const base::Value& value, const FieldPath& field, M& out) {
  const std::int64_t* number = value.as_int();
  if (number == nullptr) {
    report_type(value, field, "integer");
  } else if constexpr (kIsDuration<M>) {
    out = M(*number);
  } else if (std::in_range<M>(*number)) {
    out = static_cast<M>(*number);
  } else {
    report(value, field, fmt::format("is {}", *number),
           fmt::format("keep it between {} and {}", std::numeric_limits<M>::min(),
                       std::numeric_limits<M>::max()));
  }
}

template <class E>
void Reader::read_enum(const base::Value& value, const FieldPath& field, E& out) {
  const std::string* text = value.as_string();
  if (text == nullptr) return report_type(value, field, "string");
  std::string known;
  for (const auto& row : enum_table(E{})) {
    if (row.name == *text) {
      out = row.value;
      return;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  }
  report(value, field, fmt::format("is {}", quoted(*text)), fmt::format("use one of: {}", known));
}

// A list's items are named by the list ("rules[0]"), hence its name instead of its own path.
template <class M>
void Reader::read_list(const base::Value& value, const FieldPath& parent, std::string_view name,
                       std::vector<M>& out) {
  const base::Value::Array* items = value.as_array();
  if (items == nullptr) return report_type(value, parent.at(name), "list");
  out.resize(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) read_value((*items)[i], parent.at(name, i), out[i]);
}

template <class M>
void Reader::read_value(const base::Value& value, const FieldPath& field, M& out) {
  if constexpr (Described<M>) {
    if (value.as_object() == nullptr) return report_type(value, field, "object");
    if constexpr (!kPartKind<M>.empty()) object_ = part_object(kPartKind<M>, value);
    read_fields(value, field, out);
    refuse_unknown<M>(value, field);
    if constexpr (!kPartKind<M>.empty()) object_ = {};
  } else if constexpr (kIsOptional<M>) {
    read_value(value, field, out.emplace());
  } else if constexpr (std::is_enum_v<M>) {
    read_enum(value, field, out);
  } else if constexpr (kIsInteger<M>) {
    read_integer(value, field, out);
  } else if constexpr (std::is_same_v<M, SecretText>) {
    read_secret(value, field, out);
  } else {
    read_string(value, field, out);
  }
}

template <Described T>
void Reader::read_fields(const base::Value& object, const FieldPath& field, T& out) {
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        const base::Value* value = object.find(info.name);
        if (value == nullptr) {
          if (info.presence == Presence::kRequired)
            report(object, field.at(info.name), "is missing", "set it");
        } else if constexpr (kIsList<M>) {
          read_list(*value, field, info.name, out.*member);
        } else {
          read_value(*value, field.at(info.name), out.*member);
        }
      },
      static_cast<const T*>(nullptr));
}

template <Described T>
void Reader::refuse_unknown(const base::Value& object, const FieldPath& field) {
  for (const auto& [name, value] : *object.as_object()) {
    bool is_known = std::is_same_v<T, GatewayConfig> && name == "version";
    describe([&](const FieldInfo& info, auto) { is_known = is_known || info.name == name; },
             static_cast<const T*>(nullptr));
    if (is_known) continue;
    const std::string shown = is_printable(name) ? name : quoted(name);
    report(value, field.at(shown), "is no field", "known fields: " + known_fields<T>());
  }
}

void Reader::read_version(const base::Value& document) {
  const std::string fix = fmt::format("set it to {}", kFileVersion);
  const base::Value* version = document.find("version");
  if (version == nullptr) return report(document, "version", "is missing", fix);
  const std::int64_t* number = version->as_int();
  if (number == nullptr) return report_type(*version, "version", "integer");
  if (*number != kFileVersion)
    report(*version, "version", fmt::format("is {}, which is not known", *number), fix);
}

void Reader::read_document(const base::Value& document, GatewayConfig& out) {
  if (document.as_object() == nullptr) return report_type(document, {}, "object");
  read_version(document);
  read_fields(document, {}, out);
  refuse_unknown<GatewayConfig>(document, {});
}

std::expected<base::Value, std::vector<Problem>> read_text(std::string_view text, ConfigFormat format) {
  const auto fault = [](std::string why, std::string fix) {
    return std::unexpected(std::vector{Problem{.why = std::move(why), .fix = std::move(fix)}});
  };
  if (format == ConfigFormat::kJson) {
    auto value = base::read_json(text, kLimits);
    if (!value) return fault(value.error().text(), "write one JSON object");
    return std::move(*value);
  }
  auto documents = base::read_yaml(text, kLimits);
  if (!documents) return fault(documents.error().text(), "write one YAML document");
  if (documents->size() != 1) {
    return fault(fmt::format("has {} documents", documents->size()), "write one YAML document");
  }
  return std::move(documents->front());
}

}  // namespace
}  // namespace config

std::expected<GatewayConfig, std::vector<Problem>> parse_config(std::string_view text, ConfigFormat format) {
  const auto document = config::read_text(text, format);
  if (!document) return std::unexpected(document.error());
  GatewayConfig out;
  std::vector<Problem> problems;
  config::Reader(problems).read_document(*document, out);
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return out;
}

}  // namespace ingress
