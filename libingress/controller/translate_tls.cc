#include "controller/translate_tls.h"

#include <algorithm>
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
      : store_(store), options_(options), memory_(memory), problems_(problems) {}

  // Comes first, for all Ingresses in their order: whose is each host?
  void own(const Ingress& ingress) {
    const auto own_host = [&](const std::string& host) {
      if (!host.empty() && check_host(host)) owners_.try_emplace(host, &ingress);
    };
    for (const IngressRule& rule : ingress.rules) own_host(rule.host);
    for (const IngressTls& tls : ingress.tls)
      for (const std::string& host : tls.hosts) own_host(host);
  }

  void add(const ServedIngress& served) {
    for (const IngressTls& tls : served.ingress->tls) add_entry(served, tls);
  }

  TlsTranslation take() {
    std::string default_name;
    if (options_.default_certificate) {
      const auto& [namespace_, secret] = *options_.default_certificate;
      default_name = namespace_ + '/' + secret;
      want(namespace_, secret, {"", {}, "--default-certificate"});
    }
    TlsTranslation out;
    for (auto& [name, wanted] : wanted_) {
      if (wanted.hosts.empty() && name != default_name) continue;
      auto certificate = make_certificate(name, wanted);
      if (!certificate) continue;
      const auto show = [&](const std::string& host) {
        out.hosts.emplace(host, owners_.at(host)->meta.namespace_);
      };
      std::ranges::for_each(wanted.hosts, show);
      if (name == default_name) std::ranges::for_each(default_hosts_, show);
      out.certificates.push_back(std::move(*certificate));
    }
    memory_.forget([&](const Origin& origin) { return find(origin.namespace_, origin.name) == nullptr; });
    return out;
  }

 private:
  struct Wanted {
    const StoredObject* stored = nullptr;  // a Secret of the type for TLS
    std::set<std::string> hosts;
  };

  void add_entry(const ServedIngress& served, const IngressTls& tls) {
    const std::string field = "spec.tls[" + std::to_string(tls.index) + ']';
    std::set<std::string> hosts = own_hosts(served, tls, field);
    if (tls.secret.empty()) {
      if (!options_.default_certificate) {
        report(Severity::kWarning, served, field + ".secretName",
               "is empty, and there is no default certificate: TLS is not served for these hosts",
               "name a Secret, or set --default-certificate");
      }
      default_hosts_.merge(hosts);
      return;
    }
    const ObjectMeta& meta = served.ingress->meta;
    Wanted* const wanted =
        want(meta.namespace_, tls.secret,
             {*served.source, {Ingress::kKind, meta.namespace_, meta.name}, field + ".secretName"});
    if (wanted == nullptr) return;
    for (const std::string& host : hosts) {
      if (wanted->hosts.size() < std::size_t{config::kMaxServerNames} || wanted->hosts.contains(host)) {
        wanted->hosts.insert(host);
        continue;
      }
      report(Severity::kError, served, field,
             "the Secret is named for more than " + std::to_string(config::kMaxServerNames) + " hosts",
             "use a wildcard host, or several Secrets");
    }
  }

  // Those of `tls` that its Ingress may show a certificate for.
  std::set<std::string> own_hosts(const ServedIngress& served, const IngressTls& tls,
                                  const std::string& field) {
    std::set<std::string> out;
    if (tls.hosts.empty()) {
      for (const IngressRule& rule : served.ingress->rules)
        if (!rule.host.empty() && check_host(rule.host) && is_own(served, rule.host, field))
          out.insert(rule.host);
      if (out.empty() && !tls.secret.empty()) {
        report(Severity::kWarning, served, field + ".hosts",
               "is empty, and no rule has a host of this namespace: nobody is shown the certificate",
               "list the hosts that it is for");
      }
      return out;
    }
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
    const ObjectMeta& owner = owners_.at(host)->meta;
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

  std::optional<Certificate> make_certificate(const std::string& name, const Wanted& wanted) {
    const Secret& secret = std::get<Secret>(wanted.stored->object);
    Certificate out{.name = name,
                    .server_names = {wanted.hosts.begin(), wanted.hosts.end()},
                    .chain = value_of(secret, kChainKey),
                    .key = {value_of(secret, kKeyKey)},
                    .origin = {Secret::kKind, secret.meta.namespace_, secret.meta.name}};
    bool is_good = !out.chain.empty() && !out.key.text.empty();  // else who names it has been told
    if (is_good) {
      const std::vector<Problem>& found = memory_.judge(out, options_.check_certificate);
      is_good = !config::has_errors(found);
      report_contents(out, wanted.stored->source, found);
    }
    if (!is_good && !memory_.recall(out)) return std::nullopt;
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
  std::map<std::string, const Ingress*> owners_;  // by host: who named it first
  std::map<std::string, Wanted> wanted_;          // by "namespace/secret"
  std::set<std::string> default_hosts_;           // of entries without a Secret
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
