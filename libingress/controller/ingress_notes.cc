#include "controller/ingress_notes.h"

#include <string_view>

#include "controller/redirects.h"
#include "controller/syntax.h"

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

void report_unused(const ServedIngress& served, const TranslateOptions& options, ProblemList& problems) {
  if (!options.serves_tls) report_tls(served, problems);
  report_annotations(served, options, problems);
}

}  // namespace ingress::controller
