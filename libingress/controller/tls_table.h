// The certificates that are shown: what Ingresses ask for, less the wildcard ones that would be shown for
// older hosts of other namespaces, and the default one with the hosts that are shown it instead.
//
// Owner: whoever translates. Caller: replaces hosts and certificates together with all that they hang on.
// Always true: what is told by parts equals what is told at once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/problem_list.h"
#include "controller/redirects.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "controller/translate_tls.h"
#include "ingress/certificate.h"

namespace ingress::controller {

struct TlsScope {
  std::set<std::string> hosts, certificates;
};

// What is shown otherwise than before. A certificate that is not shown any more is unset.
struct TlsChange {
  std::set<std::string> hosts;
  std::map<std::string, std::optional<Certificate>> certificates;
};

class TlsTable {
 public:
  // Borrows all three.
  TlsTable(const Store& store, const TranslateOptions& options, CertificateMemory& memory);

  // Replaces what is known of all that is in `scope`. Linear in the scope, in the hosts under a wildcard that
  // changed, and, when one of its hosts changed, in those of the default certificate.
  TlsChange replace(const TlsScope& scope, TlsParts parts);

  // As it is shown; nothing when it is not.
  std::optional<Certificate> certificate(const std::string& name) const;
  std::vector<Certificate> certificates() const;  // all, sorted
  const TlsHosts& shown() const { return shown_; }
  // The hosts that `wildcard` would cover.
  const std::set<std::string>& covered_by(const std::string& wildcard) const;

  const ProblemList& default_problems() const { return default_problems_; }
  const ProblemList& wildcard_problems() const { return wildcard_problems_; }

 private:
  struct Host {
    TlsOwner owner;
    std::optional<TlsHost> shown;  // without the default certificate
    bool wants_default = false;    // by an entry without a Secret
    bool names_default = false;    // by the Secret's name
    bool asks_for_default() const { return wants_default || names_default; }
    friend bool operator==(const Host&, const Host&) = default;
  };

  void replace_certificates(const TlsScope& scope, TlsParts& parts);
  std::set<std::string> replace_hosts(const TlsScope& scope, TlsParts& parts);
  std::optional<Host> host_of(const TlsParts& parts, const std::string& name) const;
  bool put(const std::string& name, std::optional<Host> host);
  void settle_shield(const std::string& name);
  bool needs_shield(const std::string& name) const;
  void make_default();
  void settle_wildcards(std::set<std::string>& changed_hosts, TlsChange& change);
  void settle_shown(const std::string& name, TlsChange& change);
  // Keeps what it was before all changes.
  void note_before(const std::string& certificate, TlsChange& change) const;

  const Store& store_;
  const TranslateOptions& options_;
  CertificateMemory& memory_;
  std::string default_name_;

  std::map<std::string, Host> hosts_;
  std::map<std::string, std::set<std::string>> covered_;  // by wildcard, whether anybody names it or not
  std::map<std::string, Certificate> certificates_;       // before wildcards are taken away
  std::map<std::string, std::vector<WildcardUse>> wildcards_;
  std::set<std::string> asking_;     // hosts that ask for the default certificate
  std::set<std::string> shielded_;   // hosts that a wildcard of another namespace must not be shown for
  std::set<std::string> withdrawn_;  // wildcards
  bool is_default_due_ = true;
  std::optional<Certificate> default_;
  TlsHosts default_shown_;
  TlsHosts shown_;
  ProblemList default_problems_, wildcard_problems_;
};

}  // namespace ingress::controller
