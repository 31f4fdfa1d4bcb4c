// References to Services become clusters, or failures that keep their place. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/problem_list.h"
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

class BackendTable {
 public:
  // Borrows all three.
  BackendTable(const Store& store, const TranslateOptions& options, ProblemList& problems);

  // A share of weight 1: a cluster named "namespace/service:port" (made on first use), or a failure of
  // status 503 that says why. A Service without endpoints is a cluster without endpoints.
  BackendRef resolve(const std::string& namespace_, const IngressBackend& backend, const Referrer& referrer);
  // All clusters made, sorted by name.
  std::vector<Cluster> take_clusters();

 private:
  struct Stored {
    const EndpointSlice* slice;
    const std::string* source;
  };
  struct Found {
    const Service* service;
    const std::string* source;
    std::int64_t number;      // of the Service port
    const ServicePort* port;  // null for an ExternalName that does not list it
  };
  BackendRef fail(const Referrer& referrer, const char* token, std::string field, std::string why,
                  std::string fix);
  std::optional<Endpoint> external_endpoint(const Found& found, const Referrer& referrer);
  // An endpoint, and whether its slice hints whose traffic it is meant for.
  struct SliceTarget {
    Endpoint endpoint;
    bool is_hinted = false;
    friend auto operator<=>(const SliceTarget&, const SliceTarget&) = default;
  };
  void add_slice_endpoints(const Found& found, Cluster& cluster);
  // Those that serve, in order, each once.
  std::vector<SliceTarget> slice_targets(const Found& found);
  void warn(const Found& found, std::string why, std::string fix);  // about the Service
  void collect(const Stored& stored, std::uint16_t port, std::vector<SliceTarget>& ready,
               std::vector<SliceTarget>& draining);

  const Store& store_;
  const TranslateOptions& options_;
  ProblemList& problems_;
  std::map<std::pair<std::string, std::string>, std::vector<Stored>> slices_;  // by namespace and Service
  std::map<std::string, Cluster> clusters_;
};

}  // namespace ingress::controller
