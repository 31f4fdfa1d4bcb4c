// Secrets that spec.tls names become certificates. Pure but for what the memory keeps.
//
// A host belongs to the namespace of the oldest Ingress that names it, in its rules or in its TLS: no other
// namespace can have a certificate shown for it. Within that namespace a host may have several.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "ingress/certificate.h"

namespace ingress::controller {

struct TlsTranslation {
  std::vector<Certificate> certificates;  // named "namespace/secret", sorted; all good as far as is known
  // Whose clients are shown one of them, "*.a.b" among them, and the namespace that the host belongs to.
  std::map<std::string, std::string> hosts;
};

// `served` is oldest first. What is wrong with a reference goes to its Ingress, what is wrong with the
// contents to the Secret; the last good contents then stay in use while the Secret exists.
TlsTranslation translate_tls(const std::vector<ServedIngress>& served, const Store& store,
                             const TranslateOptions& options, CertificateMemory& memory,
                             ProblemList& problems);

}  // namespace ingress::controller
