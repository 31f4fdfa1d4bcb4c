// The few fields of Kubernetes objects that we read, as plain values.
//
// Every string in here is hostile input: it is compared, shown and counted, never interpreted by another
// parser. Field names follow the Kubernetes API (v1.34 reference).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ingress/origin.h"

namespace ingress::controller {

struct ObjectMeta {
  std::string namespace_;  // empty for cluster-scoped kinds
  std::string name;
  std::string uid;  // tells it from others of that name, before and after it; empty outside of a cluster
  std::optional<std::int64_t> created_at;  // unix seconds; unset = newest
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> labels;
  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

// An entry of status.loadBalancer.ingress: one of the two. Both empty: one that we could not read.
struct LoadBalancerAddress {
  std::string ip, hostname;
  friend auto operator<=>(const LoadBalancerAddress&, const LoadBalancerAddress&) = default;
};

enum class PathType : std::uint8_t { kExact, kPrefix, kImplementationSpecific };

// A port of a Service by number or by name.
struct ServicePortRef {
  std::int64_t number = 0;  // 0 = by name
  std::string name;
  friend bool operator==(const ServicePortRef&, const ServicePortRef&) = default;
};

struct IngressBackend {
  std::optional<std::string> service;  // name, in the Ingress's namespace
  ServicePortRef port;
  bool has_resource = false;  // backend.resource: a problem
  friend bool operator==(const IngressBackend&, const IngressBackend&) = default;
};

struct IngressPath {
  std::string path;
  PathType type = PathType::kImplementationSpecific;
  IngressBackend backend;   // names nothing when it could not be read: the path then answers 503
  std::uint32_t index = 0;  // position in its rule: malformed neighbours are left out
  friend bool operator==(const IngressPath&, const IngressPath&) = default;
};

struct IngressRule {
  std::string host;  // empty = any
  std::vector<IngressPath> paths;
  std::uint32_t index = 0;  // position in spec.rules
  friend bool operator==(const IngressRule&, const IngressRule&) = default;
};

// A malformed host stays as "": positions count, and an entry without hosts means all of the rules'.
struct IngressTls {
  std::vector<std::string> hosts;
  std::string secret;       // empty = the default certificate
  std::uint32_t index = 0;  // position in spec.tls
  friend bool operator==(const IngressTls&, const IngressTls&) = default;
};

struct Ingress {
  static constexpr const char* kKind = "Ingress";
  ObjectMeta meta;
  std::optional<std::string> class_name;  // spec.ingressClassName
  std::optional<IngressBackend> default_backend;
  std::vector<IngressRule> rules;
  bool has_refused_rules = false;  // some rule was too malformed to keep: empty rules do not mean "no rules"
  std::vector<IngressTls> tls;
  std::vector<LoadBalancerAddress> status;
  std::vector<std::string> status_managers;  // who has applied a part of the status, by managedFields
  friend bool operator==(const Ingress&, const Ingress&) = default;
};

struct IngressClass {
  static constexpr const char* kKind = "IngressClass";
  ObjectMeta meta;
  std::string controller;
  bool is_default = false;  // annotation ingressclass.kubernetes.io/is-default-class
  friend bool operator==(const IngressClass&, const IngressClass&) = default;
};

struct ServicePort {
  std::string name;
  std::int64_t port = 0;
  // Number or name; used only where no slice tells.
  std::int64_t target_port = 0;
  std::string target_port_name;
  std::string protocol = "TCP";
  std::string app_protocol;  // what is spoken there; empty when nobody says
  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct Service {
  static constexpr const char* kKind = "Service";
  ObjectMeta meta;
  std::string type = "ClusterIP";
  std::string external_name;
  std::vector<ServicePort> ports;
  std::vector<std::string> cluster_ips, external_ips;
  std::vector<LoadBalancerAddress> status;
  friend bool operator==(const Service&, const Service&) = default;
};

// A malformed endpoint stays as one without addresses, a malformed address as "": positions count.
struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<bool> ready, serving, terminating;
  std::string zone;       // where it stands
  std::string hint_zone;  // whose traffic it is meant for (hints.forZones, the first); empty = none said
  friend bool operator==(const SliceEndpoint&, const SliceEndpoint&) = default;
};

struct SlicePort {
  std::string name;
  std::optional<std::int64_t> port;
  std::string protocol = "TCP";
  friend bool operator==(const SlicePort&, const SlicePort&) = default;
};

struct EndpointSlice {
  static constexpr const char* kKind = "EndpointSlice";
  ObjectMeta meta;
  std::string service;       // label kubernetes.io/service-name
  std::string address_type;  // IPv4, IPv6, FQDN
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;
  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

// Data never appears in a problem or log; in a dump of the configuration there is the chain of a certificate.
struct Secret {
  static constexpr const char* kKind = "Secret";
  ObjectMeta meta;
  std::string type;
  std::map<std::string, std::string> data;  // decoded
  friend bool operator==(const Secret&, const Secret&) = default;
};

using Object = std::variant<Ingress, IngressClass, Service, EndpointSlice, Secret>;

const ObjectMeta& meta_of(const Object& object);
Origin origin_of(const Object& object);  // kind, namespace, name

}  // namespace ingress::controller
