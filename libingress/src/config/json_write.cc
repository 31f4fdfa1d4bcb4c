// The writer of the file form.
#include <algorithm>

#include "base/json_writer.h"
#include "config/bounds.h"
#include "config/file_form.h"
#include "ingress/config.h"

namespace ingress {
namespace config {
namespace {

constexpr unsigned kIndent = 2;

template <Described T>
void write_object(base::JsonWriter& writer, const T& object);

template <class M>
void write_value(base::JsonWriter& writer, const M& value) {
  if constexpr (Described<M>) {
    write_object(writer, value);
  } else if constexpr (kIsList<M>) {
    writer.begin_array();
    for (const auto& item : value) write_value(writer, item);
    writer.end_array();
  } else if constexpr (kIsOptional<M>) {
    write_value(writer, *value);
  } else if constexpr (std::is_enum_v<M>) {
    for (const auto& row : enum_table(value)) {
      if (row.value == value) return void(writer.string(row.name));
    }
    writer.null();  // no enumerator: validate() says so, and the text stays JSON
  } else if constexpr (std::is_same_v<M, SecretText>) {
    writer.string(kRedacted);
  } else if constexpr (std::is_same_v<M, std::string>) {
    writer.string(value);
  } else if constexpr (std::is_same_v<M, std::uint64_t>) {
    writer.number(value);
  } else {
    static_assert(kIsInteger<M>);
    writer.number(measured(value));
  }
}

template <Described T>
void write_fields(base::JsonWriter& writer, const T& object) {
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        const M& value = object.*member;
        if (info.presence == Presence::kOptional && value == defaults<T>().*member) return;
        writer.key(info.name);
        write_value(writer, value);
      },
      static_cast<const T*>(nullptr));
}

template <Described T>
void write_object(base::JsonWriter& writer, const T& object) {
  writer.begin_object();
  write_fields(writer, object);
  writer.end_object();
}

template <class Part>
std::string text_of(const Part& part) {
  std::string out;
  base::JsonWriter writer(out);
  write_object(writer, part);
  return out;
}

// By name; parts of one name, which only an invalid configuration has, by their whole text.
template <class Part>
void write_parts(base::JsonWriter& writer, std::string_view key, const std::vector<Part>& parts) {
  if (parts.empty()) return;
  std::vector<const Part*> sorted;
  sorted.reserve(parts.size());
  for (const Part& part : parts) sorted.push_back(&part);
  std::ranges::sort(sorted, [](const Part* a, const Part* b) {
    return a->name != b->name ? a->name < b->name : text_of(*a) < text_of(*b);
  });
  writer.key(key).begin_array();
  for (const Part* part : sorted) write_object(writer, *part);
  writer.end_array();
}

}  // namespace
}  // namespace config

std::string to_json(const GatewayConfig& config) {
  std::string out;
  base::JsonWriter writer(out, config::kIndent);
  writer.begin_object().key("version").number(config::kFileVersion);
  config::describe([&](const config::FieldInfo& info,
                       auto member) { config::write_parts(writer, info.name, config.*member); },
                   &config);
  writer.end_object();
  out += '\n';
  return out;
}

}  // namespace ingress
