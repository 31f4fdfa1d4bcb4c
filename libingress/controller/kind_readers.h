// The readers of single kinds, for object_reader.cc: `root` is the whole document, `meta` what was read of
// it. Nothing = refused, with problems.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/field.h"
#include "controller/objects.h"

namespace ingress::controller {

std::optional<Ingress> read_ingress(const Field& root, ObjectMeta meta);
std::optional<IngressClass> read_ingress_class(const Field& root, ObjectMeta meta);
std::optional<Service> read_service(const Field& root, ObjectMeta meta);
std::optional<EndpointSlice> read_endpoint_slice(const Field& root, ObjectMeta meta);
std::optional<Secret> read_secret(const Field& root, ObjectMeta meta);

// What the API server and controllers have written. It is nobody's mistake: what is malformed is left out
// without a word. `document` may be null.
std::string read_uid(const base::Value* document);
std::vector<LoadBalancerAddress> read_load_balancer(const base::Value* document);
std::vector<std::string> read_status_managers(const base::Value* document);
// spec.MEMBER: a list of IP addresses.
std::vector<std::string> read_ip_addresses(const base::Value* document, std::string_view member);

inline constexpr std::int64_t kMinPort = 1;
inline constexpr std::int64_t kMaxPort = 65535;
// Longest text of any field without a bound of its own; problems of form come before problems of size.
inline constexpr std::size_t kMaxTextBytes = 8192;

}  // namespace ingress::controller
