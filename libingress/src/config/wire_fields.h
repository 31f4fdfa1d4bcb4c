// The field tables as bytes: every field, in the order of its table, defaults too.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "config/file_form.h"
#include "config/wire_bytes.h"

namespace ingress::config {

template <class M>
void put(WireWriter& writer, const M& value) {
  if constexpr (Described<M>) {
    describe([&](const FieldInfo&, auto member) { put(writer, value.*member); },
             static_cast<const M*>(nullptr));
  } else if constexpr (kIsList<M>) {
    writer.number(value.size());
    for (const auto& item : value) put(writer, item);
  } else if constexpr (kIsOptional<M>) {
    writer.byte(value.has_value() ? 1 : 0);
    if (value) put(writer, *value);
  } else if constexpr (std::is_enum_v<M>) {
    writer.number(static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_same_v<M, SecretText>) {
    writer.text(value.text);
  } else if constexpr (std::is_same_v<M, std::string>) {
    writer.text(value);
  } else if constexpr (kIsDuration<M>) {
    writer.signed_number(value.count());
  } else if constexpr (std::is_same_v<M, bool>) {
    writer.byte(value ? 1 : 0);
  } else if constexpr (std::is_signed_v<M>) {
    static_assert(kIsInteger<M>);
    writer.signed_number(value);
  } else {
    static_assert(kIsInteger<M>);
    writer.number(value);
  }
}

template <class M>
void take(WireReader& reader, M& out) {
  if constexpr (Described<M>) {
    describe([&](const FieldInfo&, auto member) { take(reader, out.*member); },
             static_cast<const M*>(nullptr));
  } else if constexpr (kIsList<M>) {
    // Nothing is reserved: what is allocated grows with what was read.
    for (std::size_t left = reader.count(); left > 0 && reader.is_good(); --left) {
      take(reader, out.emplace_back());
    }
  } else if constexpr (kIsOptional<M>) {
    const std::uint8_t has_value = reader.byte();
    if (has_value > 1) reader.fail();
    if (has_value == 1) {
      take(reader, out.emplace());
    } else {
      out.reset();
    }
  } else if constexpr (std::is_enum_v<M>) {
    const std::uint64_t number = reader.number();
    const auto table = enum_table(M{});
    const auto row =
        std::ranges::find(table, number, [](const auto& it) { return static_cast<std::uint64_t>(it.value); });
    if (row == table.end()) return reader.fail();
    out = row->value;
  } else if constexpr (std::is_same_v<M, SecretText>) {
    out.text = reader.text();
  } else if constexpr (std::is_same_v<M, std::string>) {
    out = reader.text();
  } else if constexpr (kIsDuration<M>) {
    out = M(reader.signed_number());
  } else if constexpr (std::is_same_v<M, bool>) {
    const std::uint8_t value = reader.byte();
    if (value > 1) reader.fail();
    out = value == 1;
  } else {
    static_assert(kIsInteger<M>);
    const auto number = [&] {
      if constexpr (std::is_signed_v<M>) return reader.signed_number();
      if constexpr (!std::is_signed_v<M>) return reader.number();
    }();
    if (!std::in_range<M>(number)) return reader.fail();
    out = static_cast<M>(number);
  }
}

// Where a change of the parts of one type stands in a ConfigDelta.
template <class Part>
struct DeltaLists;
#define INGRESS_DELTA_LISTS(Part, parts)                          \
  template <>                                                     \
  struct DeltaLists<Part> {                                       \
    static constexpr auto kUpsert = &ConfigDelta::upsert_##parts; \
    static constexpr auto kRemove = &ConfigDelta::remove_##parts; \
  };
INGRESS_DELTA_LISTS(Listener, listeners)
INGRESS_DELTA_LISTS(Cluster, clusters)
INGRESS_DELTA_LISTS(Route, routes)
INGRESS_DELTA_LISTS(Certificate, certificates)
INGRESS_DELTA_LISTS(TlsPolicy, tls_policies)
INGRESS_DELTA_LISTS(StreamRoute, stream_routes)
INGRESS_DELTA_LISTS(UdpListener, udp_listeners)
#undef INGRESS_DELTA_LISTS

// visit(list) for each list of parts of a configuration, as a member of GatewayConfig, in order.
template <class Visit>
void for_each_list(Visit&& visit) {
  describe([&](const FieldInfo&, auto list) { visit(list); }, static_cast<const GatewayConfig*>(nullptr));
}
inline std::size_t num_lists() {
  std::size_t num = 0;
  for_each_list([&](auto) { ++num; });
  return num;
}

template <class Part>
std::string part_bytes(const Part& part) {
  std::string out;
  WireWriter writer(out);
  put(writer, part);
  return out;
}

}  // namespace ingress::config
