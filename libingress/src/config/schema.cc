// The JSON Schema (draft 2020-12) of the file form.
#include <limits>
#include <set>
#include <string>

#include "base/json_writer.h"
#include "config/bounds.h"
#include "config/file_form.h"
#include "ingress/config.h"

namespace ingress {
namespace config {
namespace {

constexpr unsigned kIndent = 2;

class SchemaWriter {
 public:
  explicit SchemaWriter(std::string& out) : writer_(out, kIndent) {}

  void write_document();

 private:
  // "type": "object" and what follows, without the braces.
  template <Described T>
  void write_object_body();
  // The definitions of all types below T, each once, in the order in which they are met.
  template <Described T>
  void write_definitions();
  template <class M>
  void write_definitions_of_member();
  template <class M>
  void write_type(const FieldInfo& info);
  template <class M>
  void write_integer(const FieldInfo& info);
  template <class M>
  void write_default(const M& value);

  base::JsonWriter writer_;
  std::set<std::string_view> defined_;
};

template <class M>
void SchemaWriter::write_integer(const FieldInfo& info) {
  writer_.key("type").string("integer");
  const bool is_bounded = info.max != 0;
  if (is_bounded || std::is_unsigned_v<M>)
    writer_.key("minimum").number(is_bounded ? info.min : std::int64_t{0});
  if (is_bounded) {
    writer_.key("maximum").number(info.max);
  } else if constexpr (std::is_unsigned_v<M>) {
    writer_.key("maximum").number(std::uint64_t{std::numeric_limits<M>::max()});
  }
}

template <class M>
void SchemaWriter::write_type(const FieldInfo& info) {
  if constexpr (Described<M>) {
    writer_.key("$ref").string("#/$defs/" + std::string(type_info(static_cast<const M*>(nullptr)).name));
  } else if constexpr (kIsOptional<M>) {
    write_type<typename M::value_type>(info);
  } else if constexpr (kIsList<M>) {
    writer_.key("type").string("array");
    if (info.max != 0) writer_.key("maxItems").number(info.max);
    writer_.key("items").begin_object();
    write_type<typename M::value_type>({});
    writer_.end_object();
  } else if constexpr (std::is_enum_v<M>) {
    writer_.key("enum").begin_array();
    for (const auto& row : enum_table(M{})) writer_.string(row.name);
    writer_.end_array();
  } else if constexpr (kIsInteger<M>) {
    write_integer<M>(info);
  } else {
    writer_.key("type").string("string");
    if (info.min != 0) writer_.key("minLength").number(info.min);
    if (info.max != 0) writer_.key("maxLength").number(info.max);
  }
}

template <class M>
void SchemaWriter::write_default(const M& value) {
  if constexpr (std::is_enum_v<M>) {
    for (const auto& row : enum_table(value)) {
      if (row.value == value) writer_.key("default").string(row.name);
    }
  } else if constexpr (kIsInteger<M>) {
    writer_.key("default").number(measured(value));
  } else if constexpr (std::is_same_v<M, std::string>) {
    writer_.key("default").string(value);
  }
}

template <Described T>
void SchemaWriter::write_object_body() {
  constexpr bool kIsWhole = std::is_same_v<T, GatewayConfig>;
  constexpr const T* kType = nullptr;
  writer_.key("description").string(type_info(kType).doc);
  writer_.key("type").string("object").key("additionalProperties").boolean(false);
  writer_.key("properties").begin_object();
  if constexpr (kIsWhole) {
    writer_.key("version").begin_object().key("description").string("of this form");
    writer_.key("const").number(kFileVersion).end_object();
  }
  bool has_required = kIsWhole;
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        writer_.key(info.name).begin_object().key("description").string(info.doc);
        write_type<M>(info);
        if (info.presence == Presence::kOptional) {
          write_default(defaults<T>().*member);
        } else {
          has_required = true;
        }
        writer_.end_object();
      },
      kType);
  writer_.end_object();
  if (!has_required) return;
  writer_.key("required").begin_array();
  if constexpr (kIsWhole) writer_.string("version");
  describe(
      [&](const FieldInfo& info, auto) {
        if (info.presence == Presence::kRequired) writer_.string(info.name);
      },
      kType);
  writer_.end_array();
}

template <class M>
void SchemaWriter::write_definitions_of_member() {
  if constexpr (kIsList<M> || kIsOptional<M>) {
    write_definitions_of_member<typename M::value_type>();
  } else if constexpr (Described<M>) {
    const TypeInfo type = type_info(static_cast<const M*>(nullptr));
    if (!defined_.insert(type.name).second) return;
    writer_.key(type.name).begin_object();
    write_object_body<M>();
    writer_.end_object();
    write_definitions<M>();
  }
}

template <Described T>
void SchemaWriter::write_definitions() {
  describe([&]<class M>(const FieldInfo&, M T::*) { write_definitions_of_member<M>(); },
           static_cast<const T*>(nullptr));
}

void SchemaWriter::write_document() {
  writer_.begin_object();
  writer_.key("$schema").string("https://json-schema.org/draft/2020-12/schema");
  writer_.key("title").string("ingress configuration");
  write_object_body<GatewayConfig>();
  writer_.key("$defs").begin_object();
  write_definitions<GatewayConfig>();
  writer_.end_object();
  writer_.end_object();
}

}  // namespace
}  // namespace config

std::string config_schema() {
  std::string out;
  config::SchemaWriter(out).write_document();
  out += '\n';
  return out;
}

}  // namespace ingress
