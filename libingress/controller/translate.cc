#include "controller/translate.h"

#include <utility>

#include "controller/attach.h"
#include "controller/certificate_memory.h"
#include "controller/ingress_classes.h"
#include "controller/redirects.h"
#include "controller/syntax.h"
#include "controller/translate_backends.h"
#include "controller/translate_ingress.h"
#include "controller/translate_tls.h"

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
                .fix = "listen with TLS (--https), end TLS in front of the proxy, or remove spec.tls"});
}

// Annotations that ask an ingress controller for behaviour that we do not have: whoever set them is to know,
// since "auth-url" without effect leaves open what looks closed.
void report_annotations(const ServedIngress& served, const TranslateOptions& options, ProblemList& problems) {
  const ObjectMeta& meta = served.ingress->meta;
  for (const auto& [key, value] : meta.annotations) {
    const std::string_view prefix = std::string_view(key).substr(0, key.find('/'));
    if (prefix.size() == key.size()) continue;
    if (options.serves_tls && key == kSslRedirectAnnotation) {
      report_ssl_redirect(served, value, problems);
      continue;
    }
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

Translation translate(const Store& store, const TranslateOptions& options, CertificateMemory& memory) {
  Translation out;
  ProblemList problems;
  const auto served = served_ingresses(store, options.controller_name, out.num_ignored_ingresses, problems);
  for (const ServedIngress& ingress : served) {
    if (!options.serves_tls) report_tls(ingress, problems);
    report_annotations(ingress, options, problems);
  }
  const HostTable hosts = attach(served, problems);
  BackendTable backends(store, options, problems);
  out.config.listeners = options.listeners;
  TlsTranslation tls;
  if (options.serves_tls) tls = translate_tls(served, store, options, memory, problems);
  out.config.certificates = std::move(tls.certificates);
  out.config.routes = translate_ingresses(hosts, options, Redirects(options, std::move(tls.hosts)), backends);
  out.config.clusters = backends.take_clusters();
  out.problems = problems.take();
  return out;
}

Translation translate(const Store& store, const TranslateOptions& options) {
  CertificateMemory memory;
  return translate(store, options, memory);
}

}  // namespace ingress::controller
