// Options about a cluster as the source of the configuration: how its API server is reached, and what of it
// is looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/translate.h"
#include "proxyd/kube/status_options.h"
#include "proxyd/option_reader.h"

namespace proxyd {

struct KubeScope {
  std::vector<std::string> namespaces;  // sorted; none: all
  std::string ingress_selector;         // of labels, as the API server takes it; empty: all Ingresses
};

struct KubeOptions {
  std::string kubeconfig;  // a file; empty: the service account of our Pod
  std::string context;     // of the kubeconfig; empty: its current one
  KubeScope scope;
  StatusOptions status;
};

struct RawKube {
  std::string kubeconfig, context, ingress_selector;
  bool is_in_cluster = false, watches_without_class = false;
  std::string ingress_class;
  std::vector<std::string> namespaces;
  RawStatus status;
  // --kubeconfig or --in-cluster.
  bool is_source() const { return is_in_cluster || !kubeconfig.empty(); }
};

void add_kube_options(CLI::App& app, RawKube& raw);
// With a cluster as the source; without, `raw` has to be empty.
// `translate` gets what says which Ingresses are ours.
KubeOptions read_kube(OptionReader& reader, const RawKube& raw,
                      ingress::controller::TranslateOptions& translate);
void refuse_kube(OptionReader& reader, const RawKube& raw);

}  // namespace proxyd
