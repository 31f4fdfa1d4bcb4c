// References to Services become clusters, or failures that keep their place. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "controller/object_sink.h"
#include "controller/problem_list.h"
#include "controller/slice_index.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "ingress/config.h"

namespace ingress::controller {

// Who refers, for problems.
struct Referrer {
  std::string source;
  Origin object;
  std::string field;  // "spec.rules[0].http.paths[1].backend"
};

// Which part of a Service is a cluster. Sorted as their names are of no matter.
struct ClusterKey {
  ObjectName service;
  std::int64_t port = 0;  // of the Service
  friend auto operator<=>(const ClusterKey&, const ClusterKey&) = default;
};
std::string name_of(const ClusterKey& key);  // "namespace/service:port"

struct ResolvedBackend {
  BackendRef ref;
  std::optional<ClusterKey> cluster;  // that it goes to; unset for a failure
};

class Backends {
 public:
  // Borrows all three.
  Backends(const Store& store, const TranslateOptions& options, const SliceIndex& slices)
      : store_(store), options_(options), slices_(slices) {}

  // A share of weight 1: a cluster, or a failure of status 503 that says why.
  ResolvedBackend resolve(const std::string& namespace_, const IngressBackend& backend,
                          const Referrer& referrer, ProblemList& problems) const;
  // One that something was resolved to. A Service without endpoints is a cluster without endpoints.
  Cluster make_cluster(const ClusterKey& key, ProblemList& problems) const;

 private:
  const StoredObject* find_service(const ObjectName& name) const;

  const Store& store_;
  const TranslateOptions& options_;
  const SliceIndex& slices_;
};

}  // namespace ingress::controller
