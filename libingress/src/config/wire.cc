// The wire form of whole configurations, changes and problems.
#include "ingress/wire.h"

#include <algorithm>
#include <utility>

#include "config/wire_fields.h"
#include "config/wire_head.h"

namespace ingress {
namespace config {
namespace {

// Changed when the encoding of a type is; fields and types count by themselves.
constexpr std::uint64_t kEncoding = 1;
constexpr std::string_view kMagic = "INGW";
constexpr unsigned kSchemaBytes = 4;

// Everything that decides what the bytes mean, as text.
template <class M>
void tell_type(std::string& out) {
  if constexpr (Described<M>) {
    out += type_info(static_cast<const M*>(nullptr)).name;
    out += '{';
    describe(
        [&]<class F>(const FieldInfo& info, F M::*) {
          out += info.name;
          out += ':';
          tell_type<F>(out);
        },
        static_cast<const M*>(nullptr));
    out += '}';
  } else if constexpr (kIsList<M> || kIsOptional<M>) {
    out += kIsList<M> ? '*' : '?';
    tell_type<typename M::value_type>(out);
  } else if constexpr (std::is_enum_v<M>) {
    for (const auto& row : enum_table(M{})) {
      out += row.name;
      out += '=' + std::to_string(static_cast<std::uint64_t>(row.value)) + ',';
    }
  } else if constexpr (kIsDuration<M>) {
    out += std::is_same_v<M, std::chrono::seconds> ? "s;" : "ms;";
  } else if constexpr (kIsInteger<M>) {
    out += (std::is_signed_v<M> ? 'i' : 'u') + std::to_string(sizeof(M)) + ';';
  } else {
    out += std::is_same_v<M, SecretText> ? "secret;" : "text;";
  }
}

// By name, parts of one name by their bytes: the one order of a list.
template <class Part>
void put_parts(WireWriter& writer, const std::vector<Part>& parts) {
  std::vector<std::pair<std::string_view, std::string>> sorted;
  sorted.reserve(parts.size());
  for (const Part& part : parts) sorted.emplace_back(part.name, part_bytes(part));
  std::ranges::sort(sorted);
  writer.number(sorted.size());
  for (const auto& [name, bytes] : sorted) writer.text(bytes);
}

template <class Part>
void take_parts(WireReader& reader, std::vector<Part>& out) {
  std::string_view last;
  for (std::size_t left = reader.count(); left > 0 && reader.is_good(); --left) {
    const std::string_view bytes = reader.text();
    WireReader of_part(bytes);
    Part& part = out.emplace_back();
    take(of_part, part);
    if (!of_part.is_good() || of_part.num_left() > 0) return reader.fail();
    if (out.size() > 1) {
      const int order = out[out.size() - 2].name.compare(part.name);
      if (order > 0 || (order == 0 && last > bytes)) return reader.fail();
    }
    last = bytes;
  }
}

void put_names(WireWriter& writer, std::vector<std::string> names) {
  std::ranges::sort(names);
  put(writer, names);
}

Error malformed(const char* what) {
  return {.code = ErrorCode::kParse, .what = what, .detail = {}};
}

template <class T, class Take>
std::expected<T, Error> read(std::string_view bytes, WireKind kind, Take&& take_body) {
  WireReader reader(bytes);
  if (auto error = check_wire(reader, bytes.size(), kind)) return std::unexpected(std::move(*error));
  T out{};
  take_body(reader, out);
  if (auto error = check_end(reader)) return std::unexpected(std::move(*error));
  return out;
}

constexpr auto kProblemTexts = {&Problem::source, &Problem::field, &Problem::why, &Problem::fix};

}  // namespace

std::string begin_wire(WireKind kind) {
  std::string out(kMagic);
  WireWriter writer(out);
  writer.fixed(wire_schema(), kSchemaBytes);
  writer.byte(static_cast<std::uint8_t>(kind));
  return out;
}

std::optional<Error> check_wire(WireReader& reader, std::size_t num_bytes, WireKind kind) {
  if (num_bytes > kMaxWireBytes)
    return Error{.code = ErrorCode::kTooLarge, .what = "is longer than any wire form", .detail = {}};
  bool is_ours = true;
  for (const char c : kMagic) is_ours = reader.byte() == static_cast<std::uint8_t>(c) && is_ours;
  if (!is_ours) return malformed("is not in wire form");
  const std::uint64_t schema = reader.fixed(kSchemaBytes);
  if (reader.is_good() && schema != wire_schema())
    return malformed("is in the wire form of another version of this program");
  if (reader.byte() != static_cast<std::uint8_t>(kind) || !reader.is_good())
    return malformed("is something else in wire form");
  return std::nullopt;
}

std::optional<Error> check_end(const WireReader& reader) {
  if (reader.is_good() && reader.num_left() == 0) return std::nullopt;
  return malformed("is damaged: not what any configuration looks like in wire form");
}

}  // namespace config

using namespace config;

std::uint32_t wire_schema() {
  static const std::uint32_t kSchema = [] {
    std::string text = std::to_string(kEncoding);
    tell_type<GatewayConfig>(text);
    std::uint32_t hash = 2166136261u;  // FNV-1a: tells versions apart, and guards against nobody
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
    return hash;
  }();
  return kSchema;
}

std::string to_wire(const GatewayConfig& config) {
  std::string out = begin_wire(WireKind::kConfig);
  WireWriter writer(out);
  for_each_list([&](auto list) { put_parts(writer, config.*list); });
  return out;
}

std::string to_wire(const ConfigDelta& delta) {
  std::string out = begin_wire(WireKind::kDelta);
  WireWriter writer(out);
  for_each_list([&]<class Part>(std::vector<Part> GatewayConfig::*) {
    put_parts(writer, delta.*DeltaLists<Part>::kUpsert);
    put_names(writer, delta.*DeltaLists<Part>::kRemove);
  });
  return out;
}

std::string to_wire(const std::vector<Problem>& problems) {
  std::string out = begin_wire(WireKind::kProblems);
  WireWriter writer(out);
  writer.number(problems.size());
  for (const Problem& problem : problems) {
    writer.byte(problem.severity == Severity::kError ? 0 : 1);
    put(writer, problem.object);
    for (const auto text : kProblemTexts) writer.text(problem.*text);
  }
  return out;
}

std::expected<GatewayConfig, Error> config_from_wire(std::string_view bytes) {
  return read<GatewayConfig>(bytes, WireKind::kConfig, [](WireReader& reader, GatewayConfig& out) {
    for_each_list([&](auto list) { take_parts(reader, out.*list); });
  });
}

std::expected<ConfigDelta, Error> delta_from_wire(std::string_view bytes) {
  return read<ConfigDelta>(bytes, WireKind::kDelta, [](WireReader& reader, ConfigDelta& out) {
    for_each_list([&]<class Part>(std::vector<Part> GatewayConfig::*) {
      take_parts(reader, out.*DeltaLists<Part>::kUpsert);
      auto& names = out.*DeltaLists<Part>::kRemove;
      take(reader, names);
      if (!std::ranges::is_sorted(names)) reader.fail();
    });
  });
}

std::expected<std::vector<Problem>, Error> problems_from_wire(std::string_view bytes) {
  using Problems = std::vector<Problem>;
  return read<Problems>(bytes, WireKind::kProblems, [](WireReader& reader, Problems& out) {
    for (std::size_t left = reader.count(); left > 0 && reader.is_good(); --left) {
      Problem& problem = out.emplace_back();
      const std::uint8_t severity = reader.byte();
      if (severity > 1) return reader.fail();
      problem.severity = severity == 0 ? Severity::kError : Severity::kWarning;
      take(reader, problem.object);
      for (const auto text : kProblemTexts) problem.*text = reader.text();
    }
  });
}

}  // namespace ingress
