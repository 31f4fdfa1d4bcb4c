#include "controller/attach.h"

#include <algorithm>
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

Problem problem_of(const ServedIngress& served, std::string field, std::string why, std::string fix) {
  return {.source = *served.source,
          .object = {Ingress::kKind, served.ingress->meta.namespace_, served.ingress->meta.name},
          .field = std::move(field),
          .why = std::move(why),
          .fix = std::move(fix)};
}

// Its default backend is for any host then. Rules that were refused are not "no rules".
bool is_without_rules(const Ingress& ingress) {
  return ingress.rules.empty() && !ingress.has_refused_rules;
}

class Attacher {
 public:
  Attacher(const std::set<std::string>* hosts, HostProblems& problems)
      : wanted_(hosts), problems_(problems) {}

  void add(const ServedIngress& served) {
    const Ingress& ingress = *served.ingress;
    if (is_without_rules(ingress) && ingress.default_backend && is_wanted(""))
      hosts_[""].claims.push_back({.owner = &served, .rule_index = 0, .paths = {}});
    for (const IngressRule& rule : ingress.rules) {
      if (!is_wanted(rule.host) || !check_host(rule.host)) continue;
      HostClaim& claim = claim_of(served, rule);
      for (const IngressPath& path : rule.paths) add_path(served, rule, path, claim);
    }
  }

  HostTable take() {
    for (auto& [host, group] : hosts_) settle_default(host, group);
    return std::move(hosts_);
  }

 private:
  bool is_wanted(const std::string& host) const { return wanted_ == nullptr || wanted_->contains(host); }

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
      report(rule.host, served, field + ".path", canonical.error().why, canonical.error().fix);
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
    report(host, served, field + ".path", std::move(why), "remove one of the two paths");
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
        report(host, owner, "spec.defaultBackend",
               "what no path of " + shown_host(host) +
                   " matches already goes to the defaultBackend of Ingress " + full_name(winner) +
                   ", which is older or, of the same age, first by name",
               "remove one of the two");
        continue;
      }
      if (group.has_root && !has_rules) {
        report(host, owner, "spec.defaultBackend",
               "serves nothing: another Ingress has path \"/\" of any host", "remove one of the two");
      }
      group.default_claim = i;
    }
  }

  void report(const std::string& host, const ServedIngress& served, std::string field, std::string why,
              std::string fix) {
    problems_[host].add(problem_of(served, std::move(field), std::move(why), std::move(fix)));
  }

  const std::set<std::string>* wanted_;
  HostProblems& problems_;
  HostTable hosts_;
  Taken taken_;
};

}  // namespace

HostTable attach(const std::vector<ServedIngress>& served, const std::set<std::string>* hosts,
                 HostProblems& problems) {
  Attacher attacher(hosts, problems);
  for (const ServedIngress& ingress : served) attacher.add(ingress);
  return attacher.take();
}

std::vector<std::string> claimed_hosts(const Ingress& ingress) {
  std::vector<std::string> out;
  if (is_without_rules(ingress) && ingress.default_backend) out.emplace_back();
  for (const IngressRule& rule : ingress.rules)
    if (check_host(rule.host)) out.push_back(rule.host);
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

void report_unclaimed(const ServedIngress& served, ProblemList& problems) {
  const Ingress& ingress = *served.ingress;
  if (is_without_rules(ingress) && !ingress.default_backend) {
    problems.add(problem_of(served, "spec", "has neither rules nor a defaultBackend: it serves nothing",
                            "set one of them"));
  }
  for (const IngressRule& rule : ingress.rules) {
    const auto valid = check_host(rule.host);
    if (valid) continue;
    problems.add(problem_of(served, "spec.rules[" + std::to_string(rule.index) + "].host", valid.error().why,
                            valid.error().fix));
  }
}

}  // namespace ingress::controller
