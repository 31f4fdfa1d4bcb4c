#include "controller/translate_tls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/field_info.h"
#include "controller/certificate_maker.h"
#include "controller/syntax.h"
#include "controller/tls_table.h"

namespace ingress::controller {
namespace {

// Each stands for all hosts of the rules.
constexpr std::size_t kMaxEntriesWithoutHosts = 16;

std::string full_name(const ObjectName& name) {
  return name.first + '/' + name.second;
}

class TlsMaker {
 public:
  TlsMaker(const Store& store, const TranslateOptions& options, CertificateMemory& memory,
           ProblemList& problems)
      : options_(options), problems_(problems), certificates_(store, options, memory, problems) {}

  // Comes first, for all Ingresses in their order: whose is each host?
  void own(const Ingress& ingress) {
    const TlsOwner owner{age_of(ingress.meta), {ingress.meta.namespace_, ingress.meta.name}};
    const auto own_host = [&](const std::string& host) {
      if (!host.empty() && check_host(host)) out_.owners.try_emplace(host, owner);
    };
    for (const IngressRule& rule : ingress.rules) own_host(rule.host);
    for (const IngressTls& tls : ingress.tls)
      for (const std::string& host : tls.hosts) own_host(host);
  }

  void add(const ServedIngress& served) {
    std::optional<std::set<std::string>> rule_hosts;
    std::size_t num_without_hosts = 0;
    for (const IngressTls& tls : served.ingress->tls) {
      const std::string field = "spec.tls[" + std::to_string(tls.index) + ']';
      if (!tls.hosts.empty()) {
        add_entry(served, tls, field, listed_hosts(served, tls, field));
      } else if (++num_without_hosts > kMaxEntriesWithoutHosts) {
        report(Severity::kError, served, field + ".hosts",
               "is empty, as in " + std::to_string(kMaxEntriesWithoutHosts) +
                   " entries before it: this entry is not used",
               "list the hosts that it is for");
      } else {
        if (!rule_hosts) rule_hosts = hosts_of_rules(served, field);
        if (rule_hosts->empty() && !tls.secret.empty()) {
          report(Severity::kWarning, served, field + ".hosts",
                 "is empty, and no rule has a host of this namespace: nobody is shown the certificate",
                 "list the hosts that it is for");
        }
        add_entry(served, tls, field, *rule_hosts);
      }
    }
  }

  TlsParts take() {
    const auto& by_default = options_.default_certificate;
    for (auto& [secret, hosts] : wanted_) {
      if (by_default && secret == ObjectName{by_default->namespace_, by_default->secret}) {
        out_.default_named = std::move(hosts);
      } else if (!hosts.empty()) {
        make(secret, {hosts.begin(), hosts.end()});
      }
    }
    return std::move(out_);
  }

 private:
  void add_entry(const ServedIngress& served, const IngressTls& tls, const std::string& field,
                 const std::set<std::string>& hosts) {
    if (tls.secret.empty()) {
      if (!options_.default_certificate) {
        report(Severity::kWarning, served, field + ".secretName",
               "is empty, and there is no default certificate: TLS is not served for these hosts",
               "name a Secret, or set --default-certificate");
      }
      out_.default_hosts.insert(hosts.begin(), hosts.end());
      return;
    }
    const ObjectMeta& meta = served.ingress->meta;
    const ObjectName secret{meta.namespace_, tls.secret};
    const Origin object{Ingress::kKind, meta.namespace_, meta.name};
    std::set<std::string>* const wanted = want(secret, {*served.source, object, field + ".secretName"});
    if (wanted == nullptr) return;
    for (const std::string& host : hosts) {
      if (wanted->contains(host)) continue;
      if (wanted->size() >= std::size_t{config::kMaxServerNames}) {
        report(Severity::kError, served, field,
               "the Secret is named for more than " + std::to_string(config::kMaxServerNames) + " hosts",
               "use a wildcard host, or several Secrets");
        continue;
      }
      std::int64_t& num_secrets = num_secrets_[host];
      if (num_secrets == config::kMaxCertificatesPerName) {
        report(Severity::kError, served, field,
               "host " + host + " has " + std::to_string(num_secrets) +
                   " Secrets already: this one is not used for it",
               "name fewer Secrets for the host");
        continue;
      }
      ++num_secrets;
      wanted->insert(host);
      if (host.starts_with('*'))
        out_.wildcards[host].push_back({*served.source, object, field, full_name(secret)});
    }
  }

  // Those of the rules that their Ingress may show a certificate for.
  std::set<std::string> hosts_of_rules(const ServedIngress& served, const std::string& field) {
    std::set<std::string> out;
    for (const IngressRule& rule : served.ingress->rules)
      if (!rule.host.empty() && check_host(rule.host) && is_own(served, rule.host, field))
        out.insert(rule.host);
    return out;
  }

  // Those of `tls` that its Ingress may show a certificate for.
  std::set<std::string> listed_hosts(const ServedIngress& served, const IngressTls& tls,
                                     const std::string& field) {
    std::set<std::string> out;
    for (std::size_t i = 0; i < tls.hosts.size(); ++i) {
      const std::string& host = tls.hosts[i];
      if (host.empty()) continue;  // the reader has said what is wrong
      const std::string host_field = field + ".hosts[" + std::to_string(i) + ']';
      if (const auto valid = check_host(host); !valid) {
        report(Severity::kError, served, host_field, valid.error().why, valid.error().fix);
      } else if (is_own(served, host, host_field)) {
        out.insert(host);
      }
    }
    return out;
  }

  bool is_own(const ServedIngress& served, const std::string& host, const std::string& field) {
    const auto& [namespace_, name] = out_.owners.at(host).ingress;
    if (namespace_ == served.ingress->meta.namespace_) return true;
    report(Severity::kError, served, field,
           "host " + host + " belongs to namespace " + namespace_ + ", whose Ingress " + name +
               " is older or, of the same age, first by name: no certificate of another namespace is shown",
           "remove the host here, or move one of the two Ingresses");
    return false;
  }

  // The hosts of a Secret; null, and a problem, when it can be no certificate.
  std::set<std::string>* want(const ObjectName& secret, const Referrer& referrer) {
    if (!certificates_.can_be_named(secret, referrer)) return nullptr;
    const auto found = wanted_.find(secret);
    if (found != wanted_.end()) return &found->second;
    if (wanted_.size() < std::size_t{config::kMaxCertificates}) return &wanted_[secret];
    problems_.add({.source = referrer.source,
                   .object = referrer.object,
                   .field = referrer.field,
                   .why = "there are more than " + std::to_string(config::kMaxCertificates) + " certificates",
                   .fix = "use fewer Secrets, such as wildcard certificates"});
    return nullptr;
  }

  void make(const ObjectName& secret, std::vector<std::string> server_names) {
    auto made = certificates_.make(secret, std::move(server_names));
    if (!made) return;
    Certificate& certificate = made->certificate;
    for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
      const std::string& host = certificate.server_names[i];
      TlsHost& tls = out_.shown.try_emplace(host, TlsHost{{}, false}).first->second;
      tls.namespace_ = out_.owners.at(host).ingress.first;
      if (made->judgement->covers(i)) tls.is_redirected = true;
    }
    std::string name = certificate.name;
    out_.certificates.emplace(std::move(name), std::move(certificate));
  }

  void report(Severity severity, const ServedIngress& served, std::string field, std::string why,
              std::string fix) {
    problems_.add({.severity = severity,
                   .source = *served.source,
                   .object = {Ingress::kKind, served.ingress->meta.namespace_, served.ingress->meta.name},
                   .field = std::move(field),
                   .why = std::move(why),
                   .fix = std::move(fix)});
  }

  const TranslateOptions& options_;
  ProblemList& problems_;
  CertificateMaker certificates_;
  TlsParts out_;
  std::map<ObjectName, std::set<std::string>> wanted_;  // hosts by Secret
  std::map<std::string, std::int64_t> num_secrets_;     // by host
};

}  // namespace

TlsParts make_tls_parts(const std::vector<ServedIngress>& served, const Store& store,
                        const TranslateOptions& options, CertificateMemory& memory, ProblemList& problems) {
  TlsMaker maker(store, options, memory, problems);
  for (const ServedIngress& ingress : served) maker.own(*ingress.ingress);
  for (const ServedIngress& ingress : served) maker.add(ingress);
  return maker.take();
}

TlsTranslation translate_tls(const std::vector<ServedIngress>& served, const Store& store,
                             const TranslateOptions& options, CertificateMemory& memory,
                             ProblemList& problems) {
  TlsParts parts = make_tls_parts(served, store, options, memory, problems);
  TlsScope all;
  for (const auto& [host, owner] : parts.owners) all.hosts.insert(host);
  for (const auto& [name, certificate] : parts.certificates) all.certificates.insert(name);
  TlsTable table(store, options, memory);
  table.replace(all, std::move(parts));
  problems.add_all(table.default_problems());
  problems.add_all(table.wildcard_problems());
  TlsTranslation out{.certificates = table.certificates(), .hosts = table.shown()};
  memory.forget([&](const Origin& origin) {
    return !CertificateMaker::is_there(store, {origin.namespace_, origin.name});
  });
  return out;
}

}  // namespace ingress::controller
