#include "proxyd/kube/kube_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace proxyd {
namespace {

// A name in a path of requests: an RFC 1123 label.
bool is_namespace(const std::string& name) {
  const bool is_plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  return is_plain && !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-';
}

}  // namespace

void add_kube_options(CLI::App& app, RawKube& raw) {
  add_option(app, "--kubeconfig", raw.kubeconfig, "FILE", "Serve the objects of the cluster that FILE names");
  add_option(app, "--context", raw.context, "NAME", "Context of the kubeconfig [its current-context]");
  add_flag(app, "--in-cluster", raw.is_in_cluster,
           "Serve the objects of the cluster that we run in, with our service account; what is done when no "
           "source is given and there is one");
  add_list_option(
      app, "--namespaces", raw.namespaces, "NAME,..",
      "Of a cluster: only Ingresses, Services, EndpointSlices and Secrets of these namespaces [all]");
  add_option(app, "--ingress-selector", raw.ingress_selector, "LABELS",
             "Of a cluster: only Ingresses with these labels, as in kubectl get -l");
  add_option(
      app, "--ingress-class", raw.ingress_class, "NAME",
      "Of a cluster: only Ingresses of this class, named by their field or annotation [every IngressClass "
      "of --controller-name]");
  add_flag(app, "--watch-ingress-without-class", raw.watches_without_class,
           "Of a cluster: Ingresses without a class too, whatever the default class is");
  add_status_options(app, raw.status);
}

KubeOptions read_kube(OptionReader& reader, const RawKube& raw,
                      ingress::controller::TranslateOptions& translate) {
  if (raw.is_in_cluster && !raw.kubeconfig.empty()) reader.fail("give either --kubeconfig or --in-cluster");
  if (!raw.context.empty() && raw.kubeconfig.empty())
    reader.fail("--context has no meaning without --kubeconfig");
  for (const std::string& name : raw.namespaces)
    if (!is_namespace(name)) reader.fail(fmt::format("--namespaces: \"{}\" is no name of a namespace", name));
  KubeOptions options{.kubeconfig = raw.kubeconfig, .context = raw.context, .scope = {}, .status = {}};
  options.status = read_status(reader, raw.status);
  translate.ingress_class = raw.ingress_class;
  translate.watch_ingress_without_class = raw.watches_without_class;
  options.scope = {.namespaces = raw.namespaces, .ingress_selector = raw.ingress_selector};
  auto& names = options.scope.namespaces;
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return options;
}

void refuse_kube(OptionReader& reader, const RawKube& raw) {
  if (!raw.context.empty() || !raw.namespaces.empty() || !raw.ingress_selector.empty() ||
      !raw.ingress_class.empty() || raw.watches_without_class)
    reader.fail(
        "--context, --namespaces, --ingress-selector, --ingress-class and --watch-ingress-without-class have "
        "no "
        "meaning without a cluster as the source");
  if (!raw.status.is_empty())
    reader.fail(
        "--publish-service, --publish-address, --update-status, --election-id and --election-namespace have "
        "no "
        "meaning without a cluster as the source");
}

}  // namespace proxyd
