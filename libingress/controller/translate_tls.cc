#include "controller/translate_tls.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/field_info.h"
#include "config/validate.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

// Each stands for all hosts of the rules.
constexpr std::size_t kMaxEntriesWithoutHosts = 16;
constexpr const char* kTlsType = "kubernetes.io/tls";
constexpr const char* kChainKey = "tls.crt";
constexpr const char* kKeyKey = "tls.key";
constexpr const char* kLastGoodStays = "; the last good certificate of this Secret stays in use";

std::string value_of(const Secret& secret, const char* key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() ? std::string() : found->second;
}

// The field of the Secret that a field of Certificate was made from.
std::string secret_field(std::string_view field) {
  if (field.starts_with("data")) return std::string(field);
  field.remove_prefix(field.rfind('.') + 1);
  return std::string("data[\"") + (field.starts_with("key") ? kKeyKey : kChainKey) + "\"]";
}

// The wildcard that covers `host`; empty when none could.
std::string wildcard_of(const std::string& host) {
  const std::size_t dot = host.find('.');
  return dot == std::string::npos || host.starts_with('*') ? std::string() : '*' + host.substr(dot);
}

// Who names a Secret, for problems.
struct Referrer {
  std::string source;
  Origin object;
  std::string field;
};

class TlsMaker {
 public:
  TlsMaker(const Store& store, const TranslateOptions& options, CertificateMemory& memory,
           ProblemList& problems)
      : store_(store), options_(options), memory_(memory), problems_(problems), now_(options.now()) {}

  // Comes first, for all Ingresses in their order: whose is each host?
  void own(const Ingress& ingress) {
    const auto own_host = [&](const std::string& host) {
      if (!host.empty() && check_host(host)) owners_.try_emplace(host, Owner{&ingress, num_ingresses_});
    };
    ++num_ingresses_;
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

  TlsTranslation take() {
    std::string default_name;
    Wanted* by_default = nullptr;
    if (options_.default_certificate) {
      const auto& [namespace_, secret] = *options_.default_certificate;
      default_name = namespace_ + '/' + secret;
      by_default = want(namespace_, secret, {"", {}, "--default-certificate"});
    }
    TlsTranslation out;
    for (const auto& [name, wanted] : wanted_) {
      if (wanted.hosts.empty() || &wanted == by_default) continue;
      if (auto certificate =
              make_certificate(name, {wanted.hosts.begin(), wanted.hosts.end()}, wanted, out.hosts))
        out.certificates.push_back(std::move(*certificate));
    }
    const std::set<std::string> shielded = hosts_to_shield(out.hosts);
    std::optional<Certificate> certificate;
    if (by_default != nullptr) certificate = make_default(default_name, *by_default, shielded, out.hosts);
    // For lack of a default that could be shown instead.
    for (const std::string& host : shielded) {
      if (!certificate || !std::ranges::binary_search(certificate->server_names, host))
        withdraw_wildcard(host, out);
    }
    if (certificate) out.certificates.push_back(std::move(*certificate));
    std::erase_if(out.certificates, [&](const Certificate& shown) {
      return shown.server_names.empty() && shown.name != default_name;
    });
    std::ranges::sort(out.certificates, {}, &Certificate::name);
    memory_.forget([&](const Origin& origin) { return find(origin.namespace_, origin.name) == nullptr; });
    return out;
  }

 private:
  struct Wanted {
    const StoredObject* stored = nullptr;  // a Secret of the type for TLS
    std::set<std::string> hosts;
  };

  struct Owner {
    const Ingress* ingress = nullptr;
    std::size_t rank = 0;  // less is older
  };

  void add_entry(const ServedIngress& served, const IngressTls& tls, const std::string& field,
                 const std::set<std::string>& hosts) {
    if (tls.secret.empty()) {
      if (!options_.default_certificate) {
        report(Severity::kWarning, served, field + ".secretName",
               "is empty, and there is no default certificate: TLS is not served for these hosts",
               "name a Secret, or set --default-certificate");
      }
      default_hosts_.insert(hosts.begin(), hosts.end());
      return;
    }
    const ObjectMeta& meta = served.ingress->meta;
    Wanted* const wanted =
        want(meta.namespace_, tls.secret,
             {*served.source, {Ingress::kKind, meta.namespace_, meta.name}, field + ".secretName"});
    if (wanted == nullptr) return;
    for (const std::string& host : hosts) {
      if (wanted->hosts.contains(host)) continue;
      if (wanted->hosts.size() >= std::size_t{config::kMaxServerNames}) {
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
      wanted->hosts.insert(host);
      if (host.starts_with('*')) wildcards_[host].push_back({&served, field});
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
    const ObjectMeta& owner = owners_.at(host).ingress->meta;
    if (owner.namespace_ == served.ingress->meta.namespace_) return true;
    report(Severity::kError, served, field,
           "host " + host + " belongs to namespace " + owner.namespace_ + ", whose Ingress " + owner.name +
               " is older or, of the same age, first by name: no certificate of another namespace is shown",
           "remove the host here, or move one of the two Ingresses");
    return false;
  }

  const StoredObject* find(const std::string& namespace_, const std::string& name) const {
    const StoredObject* stored = store_.find({Secret::kKind, namespace_, name});
    return stored != nullptr && std::get<Secret>(stored->object).type == kTlsType ? stored : nullptr;
  }

  // The entry of a Secret; null, and a problem, when it can be no certificate.
  Wanted* want(const std::string& namespace_, const std::string& name, const Referrer& referrer) {
    const auto refuse = [&](std::string why, std::string fix) {
      problems_.add({.source = referrer.source,
                     .object = referrer.object,
                     .field = referrer.field,
                     .why = std::move(why),
                     .fix = std::move(fix)});
    };
    const StoredObject* stored = store_.find({Secret::kKind, namespace_, name});
    if (stored == nullptr) {
      refuse("there is no Secret " + quoted(name) + " in namespace " + namespace_,
             "create it, or name one that exists");
      return nullptr;
    }
    const Secret& secret = std::get<Secret>(stored->object);
    if (secret.type != kTlsType) {
      refuse("Secret " + quoted(name) + " is of type " + quoted(secret.type) + ", not " + kTlsType,
             std::string("create it with type ") + kTlsType + ", or name another one");
      return nullptr;
    }
    const std::string full_name = namespace_ + '/' + name;
    for (const char* key : {kChainKey, kKeyKey}) {
      if (!value_of(secret, key).empty()) continue;
      refuse("Secret " + quoted(name) + " has no data[\"" + key + "\"]" +
                 (memory_.has_good(full_name) ? kLastGoodStays : ""),
             "add it to the Secret");
    }
    const auto found = wanted_.find(full_name);
    if (found != wanted_.end()) return &found->second;
    if (wanted_.size() >= std::size_t{config::kMaxCertificates}) {
      refuse("there are more than " + std::to_string(config::kMaxCertificates) + " certificates",
             "use fewer Secrets, such as wildcard certificates");
      return nullptr;
    }
    return &wanted_.emplace(full_name, Wanted{.stored = stored}).first->second;
  }

  // Hosts that a wildcard certificate of another namespace, among `shown`, would be shown for and must not
  // be.
  std::set<std::string> hosts_to_shield(const TlsHosts& shown) const {
    std::set<std::string> out;
    if (wildcards_.empty()) return out;
    for (const auto& [host, owner] : owners_) {
      const std::string wildcard = wildcard_of(host);
      if (wildcard.empty() || shown.contains(host) || !shown.contains(wildcard)) continue;
      const Owner& other = owners_.at(wildcard);
      if (other.ingress->meta.namespace_ == owner.ingress->meta.namespace_) continue;
      if (owner.rank < other.rank || default_hosts_.contains(host)) out.insert(host);
    }
    return out;
  }

  // With those of `shielded` that there is room for. Its hosts are added to `shown`, those that ask for it
  // too.
  std::optional<Certificate> make_default(const std::string& name, const Wanted& wanted,
                                          const std::set<std::string>& shielded, TlsHosts& shown) {
    std::set<std::string> names = wanted.hosts;
    const auto add = [&](const std::string& host) {
      if (names.size() < std::size_t{config::kMaxServerNames}) names.insert(host);
    };
    std::ranges::for_each(shielded, add);
    std::vector<std::string> kept(names.begin(), names.end());
    // Whether it covers those is to be known, but they see it without being listed.
    for (const std::string& host : default_hosts_)
      if (!shown.contains(host)) add(host);
    TlsHosts judged;
    auto out = make_certificate(name, {names.begin(), names.end()}, wanted, judged);
    if (!out) return out;
    out->server_names = std::move(kept);
    for (auto& [host, tls] : judged) {
      if (!wanted.hosts.contains(host) && !default_hosts_.contains(host)) tls.is_redirected = false;
      shown[host].namespace_ = tls.namespace_;
      shown[host].is_redirected = tls.is_redirected;
    }
    return out;
  }

  // Takes away the wildcard that covers `host`, which is older.
  void withdraw_wildcard(const std::string& host, TlsTranslation& out) {
    const std::string wildcard = wildcard_of(host);
    const Owner& owner = owners_.at(host);
    // Not for one that is only asking for a default that there is none of.
    if (owner.rank > owners_.at(wildcard).rank || out.hosts.erase(wildcard) == 0) return;
    for (Certificate& certificate : out.certificates) std::erase(certificate.server_names, wildcard);
    const ObjectMeta& older = owner.ingress->meta;
    for (const auto& [served, field] : wildcards_.at(wildcard)) {
      report(Severity::kError, *served, field,
             "the wildcard host " + wildcard + " covers " + host + " of namespace " + older.namespace_ +
                 ", whose Ingress " + older.name +
                 " is older, and which has no certificate of its own: the wildcard is not used",
             "list the hosts that are meant, or set a default certificate that can be shown for that one");
    }
  }

  // Its names are added to `shown`.
  std::optional<Certificate> make_certificate(const std::string& name, std::vector<std::string> server_names,
                                              const Wanted& wanted, TlsHosts& shown) {
    const Secret& secret = std::get<Secret>(wanted.stored->object);
    Certificate out{.name = name,
                    .server_names = std::move(server_names),
                    .chain = value_of(secret, kChainKey),
                    .key = {value_of(secret, kKeyKey)},
                    .origin = {Secret::kKind, secret.meta.namespace_, secret.meta.name}};
    const CertificateMemory::Judgement* judgement = nullptr;
    if (!out.chain.empty() && !out.key.text.empty()) {  // else who names it has been told
      judgement = &memory_.judge(out, options_.check_certificate, now_);
      report_contents(out, wanted.stored->source, judgement->problems);
    }
    if (judgement == nullptr || !judgement->is_good)
      judgement = memory_.recall(out, options_.check_certificate, now_);
    if (judgement == nullptr) return std::nullopt;
    for (std::size_t i = 0; i < out.server_names.size(); ++i) {
      const std::string& host = out.server_names[i];
      TlsHost& tls = shown.try_emplace(host, TlsHost{{}, false}).first->second;
      tls.namespace_ = owners_.at(host).ingress->meta.namespace_;
      if (judgement->covers(i)) tls.is_redirected = true;
    }
    return out;
  }

  void report_contents(const Certificate& certificate, const std::string& source,
                       const std::vector<Problem>& found) {
    for (Problem problem : found) {
      problem.source = source;
      problem.object = certificate.origin;
      problem.field = secret_field(problem.field);
      if (problem.severity == Severity::kError)
        problem.why += memory_.has_good(certificate.name) ? kLastGoodStays : "; the Secret is not used";
      problems_.add(std::move(problem));
    }
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

  const Store& store_;
  const TranslateOptions& options_;
  CertificateMemory& memory_;
  ProblemList& problems_;
  CertificateMemory::Time now_;
  std::size_t num_ingresses_ = 0;
  std::map<std::string, Owner> owners_;              // by host: who named it first
  std::map<std::string, Wanted> wanted_;             // by "namespace/secret"
  std::map<std::string, std::int64_t> num_secrets_;  // by host
  // By wildcard host: who names a Secret for it.
  std::map<std::string, std::vector<std::pair<const ServedIngress*, std::string>>> wildcards_;
  std::set<std::string> default_hosts_;  // of entries without a Secret
};

}  // namespace

TlsTranslation translate_tls(const std::vector<ServedIngress>& served, const Store& store,
                             const TranslateOptions& options, CertificateMemory& memory,
                             ProblemList& problems) {
  TlsMaker maker(store, options, memory, problems);
  for (const ServedIngress& ingress : served) maker.own(*ingress.ingress);
  for (const ServedIngress& ingress : served) maker.add(ingress);
  return maker.take();
}

}  // namespace ingress::controller
