// Secrets that spec.tls names become certificates. Pure but for what the memory keeps.
//
// A host belongs to the namespace of the oldest Ingress that names it, in its rules or in its TLS: no other
// namespace can have a certificate shown for it. Within that namespace a host may have several.
// Between a wildcard certificate and a host of another namespace that it covers and that has no certificate
// of its own the older Ingress decides: an older wildcard is shown, as it was there first; an older host, or
// one that asks for the default certificate, is shown that one. Where there is none, the wildcard yields to
// the older host.
#pragma once

#include <vector>

#include "controller/certificate_memory.h"
#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "controller/redirects.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "ingress/certificate.h"

namespace ingress::controller {

struct TlsTranslation {
  std::vector<Certificate> certificates;  // named "namespace/secret", sorted; all good as far as is known
  TlsHosts hosts;                         // whose clients are shown one of them
};

// `served` is oldest first. What is wrong with a reference goes to its Ingress, what is wrong with the
// contents to the Secret; the last good contents then stay in use while the Secret exists.
TlsTranslation translate_tls(const std::vector<ServedIngress>& served, const Store& store,
                             const TranslateOptions& options, CertificateMemory& memory,
                             ProblemList& problems);

}  // namespace ingress::controller
