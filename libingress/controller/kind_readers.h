// The readers of single kinds, for object_reader.cc: `root` is the whole document, `meta` what was read of
// it. Nothing = refused, with problems.
#pragma once

#include <optional>

#include "controller/field.h"
#include "controller/objects.h"

namespace ingress::controller {

std::optional<Ingress> read_ingress(const Field& root, ObjectMeta meta);
std::optional<IngressClass> read_ingress_class(const Field& root, ObjectMeta meta);
std::optional<Service> read_service(const Field& root, ObjectMeta meta);
std::optional<EndpointSlice> read_endpoint_slice(const Field& root, ObjectMeta meta);
std::optional<Secret> read_secret(const Field& root, ObjectMeta meta);

inline constexpr std::int64_t kMinPort = 1;
inline constexpr std::int64_t kMaxPort = 65535;
// Longest text of any field without a bound of its own; problems of form come before problems of size.
inline constexpr std::size_t kMaxTextBytes = 8192;

}  // namespace ingress::controller
