// Secrets that spec.tls names become certificates. Pure but for what the memory keeps.
//
// A host belongs to the namespace of the oldest Ingress that names it, in its rules or in its TLS: no other
// namespace can have a certificate shown for it. Within that namespace a host may have several.
// Between a wildcard certificate and a host of another namespace that it covers and that has no certificate
// of its own the older Ingress decides: an older wildcard is shown, as it was there first; an older host, or
// one that asks for the default certificate, is shown that one. Where there is none, the wildcard yields to
// the older host.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/ingress_classes.h"
#include "controller/object_sink.h"
#include "controller/problem_list.h"
#include "controller/redirects.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "ingress/certificate.h"

namespace ingress::controller {

// Less is older.
struct TlsOwner {
  std::int64_t age = 0;
  ObjectName ingress;
  friend auto operator<=>(const TlsOwner&, const TlsOwner&) = default;
};

// Who names a certificate for a wildcard host.
struct WildcardUse {
  std::string source;
  Origin ingress;
  std::string field;
  std::string certificate;
};

// What Ingresses ask for, before wildcard certificates meet the hosts of others.
struct TlsParts {
  std::map<std::string, TlsOwner> owners;           // by host: who named it first
  std::map<std::string, Certificate> certificates;  // by name "namespace/secret", but the default one
  TlsHosts shown;                                   // whose clients are shown one of these
  std::map<std::string, std::vector<WildcardUse>> wildcards;  // by host
  std::set<std::string> default_hosts;                        // of entries without a Secret
  std::set<std::string> default_named;  // that name the Secret of the default certificate
};

// `served` is oldest first. It holds, with an Ingress that has spec.tls, all that name one of its hosts or
// Secrets: what comes out is complete for these. What is wrong with a reference goes to its Ingress, what is
// wrong with the contents to the Secret; the last good contents then stay in use while the Secret exists.
TlsParts make_tls_parts(const std::vector<ServedIngress>& served, const Store& store,
                        const TranslateOptions& options, CertificateMemory& memory, ProblemList& problems);

struct TlsTranslation {
  std::vector<Certificate> certificates;  // named "namespace/secret", sorted; all good as far as is known
  TlsHosts hosts;                         // whose clients are shown one of them
};

// Of all served Ingresses.
TlsTranslation translate_tls(const std::vector<ServedIngress>& served, const Store& store,
                             const TranslateOptions& options, CertificateMemory& memory,
                             ProblemList& problems);

}  // namespace ingress::controller
