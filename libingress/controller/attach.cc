#include "controller/attach.h"

#include <tuple>
#include <utility>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

struct Winner {
  const Ingress* ingress;
  std::string position;
};
using Taken = std::map<std::tuple<std::string, PathMatchType, std::string>, Winner>;

std::string full_name(const Ingress& ingress) {
  return ingress.meta.namespace_ + '/' + ingress.meta.name;
}

std::string shown_host(const std::string& host) {
  return host.empty() ? "any host" : "host " + host;
}

class Attacher {
 public:
  explicit Attacher(ProblemList& problems) : problems_(problems) {}

  void add(const ServedIngress& served) {
    const Ingress& ingress = *served.ingress;
    if (ingress.rules.empty()) {
      add_without_rules(served);
      return;
    }
    for (const IngressRule& rule : ingress.rules) {
      const std::string field = "spec.rules[" + std::to_string(rule.index) + ']';
      if (const auto valid = check_host(rule.host); !valid) {
        report(served, field + ".host", valid.error().why, valid.error().fix);
        continue;
      }
      HostClaim& claim = claim_of(served, rule);
      for (const IngressPath& path : rule.paths) add_path(served, rule, path, claim);
    }
  }

  HostTable take() {
    for (auto& [host, group] : hosts_) settle_default(host, group);
    return std::move(hosts_);
  }

 private:
  void add_without_rules(const ServedIngress& served) {
    const Ingress& ingress = *served.ingress;
    if (ingress.has_refused_rules) return;  // the reader has said what is wrong
    if (ingress.default_backend) {
      hosts_[""].claims.push_back({.owner = &served, .rule_index = 0, .paths = {}});
    } else {
      report(served, "spec", "has neither rules nor a defaultBackend: it serves nothing", "set one of them");
    }
  }

  HostClaim& claim_of(const ServedIngress& served, const IngressRule& rule) {
    auto& claims = hosts_[rule.host].claims;
    if (claims.empty() || claims.back().owner != &served)
      claims.push_back({.owner = &served, .rule_index = rule.index, .paths = {}});
    return claims.back();
  }

  void add_path(const ServedIngress& served, const IngressRule& rule, const IngressPath& path,
                HostClaim& claim) {
    const std::string rule_position = "rules[" + std::to_string(rule.index) + ']';
    const std::string path_position = "paths[" + std::to_string(path.index) + ']';
    std::string field = "spec." + rule_position + ".http." + path_position;
    // An ImplementationSpecific path may be left out, and is every path then.
    const bool is_all = path.path.empty() && path.type == PathType::kImplementationSpecific;
    auto canonical = canonical_path(is_all ? std::string_view("/") : std::string_view(path.path));
    if (!canonical) {
      report(served, field + ".path", canonical.error().why, canonical.error().fix);
      return;
    }
    PathMatch match =
        path.type == PathType::kExact ? PathMatch::exact(*canonical) : PathMatch::prefix(*canonical);
    const bool is_prefix = match.type == PathMatchType::kPrefix;
    if (is_prefix && match.value.size() > 1 && match.value.ends_with('/')) match.value.pop_back();
    std::string position = rule_position + '.' + path_position;
    const auto [taken, is_new] =
        taken_.try_emplace({rule.host, match.type, match.value}, Winner{served.ingress, position});
    if (!is_new) {
      report_conflict(served, rule.host, match, taken->second, field);
      return;
    }
    if (is_prefix && match.value == "/") hosts_[rule.host].has_root = true;
    claim.paths.push_back({std::move(match), &path.backend, std::move(position), std::move(field)});
  }

  void report_conflict(const ServedIngress& served, const std::string& host, const PathMatch& match,
                       const Winner& winner, const std::string& field) {
    std::string why = (match.type == PathMatchType::kExact ? "exact path " : "path ") + quoted(match.value) +
                      " of " + shown_host(host) + " is already served by ";
    if (winner.ingress == served.ingress) {
      why += "spec." + winner.position + " of this Ingress";
    } else {
      why += "Ingress " + full_name(*winner.ingress) + " (" + winner.position +
             "), which is older or, of the same age, first by name";
    }
    report(served, field + ".path", std::move(why), "remove one of the two paths");
  }

  // The rest of a host goes to the default backend of its oldest Ingress that has one.
  void settle_default(const std::string& host, HostGroup& group) {
    group.default_claim = group.claims.size();
    for (std::size_t i = 0; i < group.claims.size(); ++i) {
      const ServedIngress& owner = *group.claims[i].owner;
      if (!owner.ingress->default_backend) continue;
      // With rules, an explicit "/" in front of the default backend is the author's choice.
      const bool has_rules = !owner.ingress->rules.empty();
      if (group.default_claim < group.claims.size()) {
        const Ingress& winner = *group.claims[group.default_claim].owner->ingress;
        report(owner, "spec.defaultBackend",
               "what no path of " + shown_host(host) +
                   " matches already goes to the defaultBackend of Ingress " + full_name(winner) +
                   ", which is older or, of the same age, first by name",
               "remove one of the two");
        continue;
      }
      if (group.has_root && !has_rules) {
        report(owner, "spec.defaultBackend", "serves nothing: another Ingress has path \"/\" of any host",
               "remove one of the two");
      }
      group.default_claim = i;
    }
  }

  void report(const ServedIngress& served, std::string field, std::string why, std::string fix) {
    problems_.add({.source = *served.source,
                   .object = {Ingress::kKind, served.ingress->meta.namespace_, served.ingress->meta.name},
                   .field = std::move(field),
                   .why = std::move(why),
                   .fix = std::move(fix)});
  }

  ProblemList& problems_;
  HostTable hosts_;
  Taken taken_;
};

}  // namespace

HostTable attach(const std::vector<ServedIngress>& served, ProblemList& problems) {
  Attacher attacher(problems);
  for (const ServedIngress& ingress : served) attacher.add(ingress);
  return attacher.take();
}

}  // namespace ingress::controller
