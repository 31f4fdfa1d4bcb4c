#include "controller/translate.h"

#include "controller/attach.h"
#include "controller/ingress_classes.h"
#include "controller/syntax.h"
#include "controller/translate_backends.h"
#include "controller/translate_ingress.h"

namespace ingress::controller {
namespace {

void report_tls(const ServedIngress& served, ProblemList& problems) {
  const Ingress& ingress = *served.ingress;
  if (ingress.tls.empty()) return;
  problems.add({.severity = Severity::kWarning,
                .source = *served.source,
                .object = {Ingress::kKind, ingress.meta.namespace_, ingress.meta.name},
                .field = "spec.tls",
                .why = "TLS is not served: the rules of this Ingress answer plain HTTP",
                .fix = "end TLS in front of the proxy, or remove spec.tls"});
}

// Annotations that ask an ingress controller for behaviour. We have none of it: whoever set them is to know,
// since "auth-url" without effect leaves open what looks closed.
void report_annotations(const ServedIngress& served, ProblemList& problems) {
  const ObjectMeta& meta = served.ingress->meta;
  for (const auto& [key, value] : meta.annotations) {
    const std::string_view prefix = std::string_view(key).substr(0, key.find('/'));
    if (prefix.size() == key.size()) continue;
    if (!prefix.ends_with("ingress.kubernetes.io") && !prefix.ends_with("libingress.dev")) continue;
    problems.add({.severity = Severity::kWarning,
                  .source = *served.source,
                  .object = {Ingress::kKind, meta.namespace_, meta.name},
                  .field = "metadata.annotations[" + quoted(key) + ']',
                  .why = "this annotation has no effect here",
                  .fix = "remove it, and check that nothing relies on it"});
  }
}

}  // namespace

Translation translate(const Store& store, const TranslateOptions& options) {
  Translation out;
  ProblemList problems;
  const auto served = served_ingresses(store, options.controller_name, out.num_ignored_ingresses, problems);
  for (const ServedIngress& ingress : served) {
    report_tls(ingress, problems);
    report_annotations(ingress, problems);
  }
  const HostTable hosts = attach(served, problems);
  BackendTable backends(store, options, problems);
  out.config.listeners = options.listeners;
  out.config.routes = translate_ingresses(hosts, options, backends);
  out.config.clusters = backends.take_clusters();
  out.problems = problems.take();
  return out;
}

}  // namespace ingress::controller
