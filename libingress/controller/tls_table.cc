#include "controller/tls_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/field_info.h"
#include "controller/certificate_maker.h"

namespace ingress::controller {
namespace {

// The wildcard that covers `host`; empty when none could.
std::string wildcard_of(const std::string& host) {
  const std::size_t dot = host.find('.');
  return dot == std::string::npos || host.starts_with('*') ? std::string() : '*' + host.substr(dot);
}

template <typename Map>
const typename Map::mapped_type* find_in(const Map& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

TlsTable::TlsTable(const Store& store, const TranslateOptions& options, CertificateMemory& memory)
    : store_(store), options_(options), memory_(memory) {
  if (const auto& named = options.default_certificate)
    default_name_ = named->namespace_ + '/' + named->secret;
}

TlsChange TlsTable::replace(const TlsScope& scope, TlsParts parts) {
  TlsChange change;
  for (const std::string& name : scope.certificates) note_before(name, change);
  replace_certificates(scope, parts);
  std::set<std::string> changed = replace_hosts(scope, parts);
  const std::set<std::string> old_shielded = shielded_;
  for (const std::string& name : changed) {
    settle_shield(name);
    for (const std::string& covered : covered_by(name)) settle_shield(covered);
  }
  if (shielded_ != old_shielded) is_default_due_ = true;
  TlsHosts old_default_shown;
  if (std::exchange(is_default_due_, false) && !default_name_.empty()) {
    note_before(default_name_, change);
    old_default_shown = std::move(default_shown_);
    make_default();
    for (const auto& [name, host] : default_shown_) changed.insert(name);
  }
  settle_wildcards(changed, change);
  for (const std::string& name : changed) settle_shown(name, change);
  for (const auto& [name, host] : old_default_shown) settle_shown(name, change);
  for (auto at = change.certificates.begin(); at != change.certificates.end();) {
    std::optional<Certificate> now = certificate(at->first);
    if (now == at->second) {
      at = change.certificates.erase(at);
    } else {
      (at++)->second = std::move(now);
    }
  }
  return change;
}

void TlsTable::note_before(const std::string& name, TlsChange& change) const {
  if (!change.certificates.contains(name)) change.certificates.emplace(name, certificate(name));
}

void TlsTable::replace_certificates(const TlsScope& scope, TlsParts& parts) {
  for (const std::string& name : scope.certificates) {
    if (name == default_name_) is_default_due_ = true;
    const auto made = parts.certificates.find(name);
    if (made != parts.certificates.end()) {
      certificates_.insert_or_assign(name, std::move(made->second));
    } else {
      certificates_.erase(name);
    }
  }
}

// Returns those that changed.
std::set<std::string> TlsTable::replace_hosts(const TlsScope& scope, TlsParts& parts) {
  std::set<std::string> changed;
  for (const std::string& name : scope.hosts) {
    if (put(name, host_of(parts, name))) changed.insert(changed.end(), name);
    if (!name.starts_with('*')) continue;
    const auto uses = parts.wildcards.find(name);
    if (uses != parts.wildcards.end()) {
      wildcards_.insert_or_assign(name, std::move(uses->second));
    } else {
      wildcards_.erase(name);
    }
  }
  return changed;
}

std::optional<TlsTable::Host> TlsTable::host_of(const TlsParts& parts, const std::string& name) const {
  const TlsOwner* owner = find_in(parts.owners, name);
  if (owner == nullptr) return std::nullopt;
  const TlsHost* shown = find_in(parts.shown, name);
  return Host{.owner = *owner,
              .shown = shown == nullptr ? std::nullopt : std::optional(*shown),
              .wants_default = parts.default_hosts.contains(name),
              .names_default = parts.default_named.contains(name)};
}

// Returns whether anything changed.
bool TlsTable::put(const std::string& name, std::optional<Host> host) {
  const auto known = hosts_.find(name);
  const bool was_known = known != hosts_.end();
  if (was_known ? host.has_value() && known->second == *host : !host.has_value()) return false;
  if ((was_known && known->second.asks_for_default()) || (host && host->asks_for_default()))
    is_default_due_ = true;
  if (host && host->asks_for_default()) {
    asking_.insert(name);
  } else {
    asking_.erase(name);
  }
  const std::string wildcard = wildcard_of(name);
  if (!host) {
    hosts_.erase(known);
    const auto covered = covered_.find(wildcard);
    if (covered == covered_.end()) return true;
    covered->second.erase(name);
    if (covered->second.empty()) covered_.erase(covered);
    return true;
  }
  if (was_known) {
    known->second = std::move(*host);
    return true;
  }
  hosts_.emplace(name, std::move(*host));
  if (!wildcard.empty()) covered_[wildcard].insert(name);
  return true;
}

const std::set<std::string>& TlsTable::covered_by(const std::string& wildcard) const {
  static const std::set<std::string> none;
  const auto* covered = find_in(covered_, wildcard);
  return covered == nullptr ? none : *covered;
}

void TlsTable::settle_shield(const std::string& name) {
  if (needs_shield(name)) {
    shielded_.insert(name);
  } else {
    shielded_.erase(name);
  }
}

// Whether a wildcard certificate of another namespace would be shown for it and must not be.
bool TlsTable::needs_shield(const std::string& name) const {
  const Host* host = find_in(hosts_, name);
  if (host == nullptr || host->shown) return false;
  const Host* wildcard = find_in(hosts_, wildcard_of(name));
  if (wildcard == nullptr || !wildcard->shown) return false;
  if (wildcard->owner.ingress.first == host->owner.ingress.first) return false;
  return host->owner < wildcard->owner || host->wants_default;
}

// With those of `shielded_` that there is room for.
void TlsTable::make_default() {
  default_.reset();
  default_shown_.clear();
  default_problems_ = ProblemList();
  const ObjectName secret{options_.default_certificate->namespace_, options_.default_certificate->secret};
  CertificateMaker maker(store_, options_, memory_, default_problems_);
  if (!maker.can_be_named(secret, {"", {}, "--default-certificate"})) return;
  std::set<std::string> names;
  const auto add = [&](const std::string& name) {
    if (names.size() < std::size_t{config::kMaxServerNames}) names.insert(name);
  };
  for (const std::string& name : asking_)
    if (hosts_.at(name).names_default) add(name);
  std::ranges::for_each(shielded_, add);
  std::vector<std::string> kept(names.begin(), names.end());
  // Whether it covers those is to be known, but they see it without being listed.
  for (const std::string& name : asking_)
    if (hosts_.at(name).wants_default && !hosts_.at(name).shown) add(name);
  auto made = maker.make(secret, {names.begin(), names.end()});
  if (!made) return;
  for (std::size_t i = 0; i < made->certificate.server_names.size(); ++i) {
    const std::string& name = made->certificate.server_names[i];
    const Host& host = hosts_.at(name);
    default_shown_[name] = {host.owner.ingress.first, host.asks_for_default() && made->judgement->covers(i)};
  }
  default_ = std::move(made->certificate);
  default_->server_names = std::move(kept);
}

// For lack of a default that could be shown instead, the wildcard that covers an older host is taken away.
void TlsTable::settle_wildcards(std::set<std::string>& changed_hosts, TlsChange& change) {
  wildcard_problems_ = ProblemList();
  std::set<std::string> withdrawn;
  for (const std::string& name : shielded_) {
    if (default_ && std::ranges::binary_search(default_->server_names, name)) continue;
    const std::string wildcard = wildcard_of(name);
    const TlsOwner& older = hosts_.at(name).owner;
    // Not for one that is only asking for a default that there is none of.
    if (hosts_.at(wildcard).owner < older || !withdrawn.insert(wildcard).second) continue;
    for (const WildcardUse& use : wildcards_.at(wildcard)) {
      wildcard_problems_.add(
          {.source = use.source,
           .object = use.ingress,
           .field = use.field,
           .why = "the wildcard host " + wildcard + " covers " + name + " of namespace " +
                  older.ingress.first + ", whose Ingress " + older.ingress.second +
                  " is older, and which has no certificate of its own: the wildcard is not used",
           .fix = "list the hosts that are meant, or set a default certificate that can be shown for that "
                  "one"});
    }
  }
  std::vector<std::string> changes;
  std::ranges::set_symmetric_difference(withdrawn, withdrawn_, std::back_inserter(changes));
  for (const std::string& wildcard : changes) {
    changed_hosts.insert(wildcard);
    const auto* uses = find_in(wildcards_, wildcard);
    if (uses == nullptr) continue;
    for (const WildcardUse& use : *uses) note_before(use.certificate, change);
  }
  withdrawn_ = std::move(withdrawn);
}

void TlsTable::settle_shown(const std::string& name, TlsChange& change) {
  const Host* host = find_in(hosts_, name);
  std::optional<TlsHost> now;
  if (host != nullptr) now = host->shown;
  if (const TlsHost* by_default = find_in(default_shown_, name)) now = *by_default;
  if (withdrawn_.contains(name)) now.reset();
  const auto known = shown_.find(name);
  if (known == shown_.end() ? !now.has_value() : now.has_value() && known->second == *now) return;
  change.hosts.insert(name);
  if (now) {
    shown_.insert_or_assign(name, std::move(*now));
  } else {
    shown_.erase(known);
  }
}

std::optional<Certificate> TlsTable::certificate(const std::string& name) const {
  if (!default_name_.empty() && name == default_name_) return default_;
  const auto found = certificates_.find(name);
  if (found == certificates_.end()) return std::nullopt;
  Certificate out = found->second;
  if (!withdrawn_.empty())
    std::erase_if(out.server_names, [&](const std::string& host) { return withdrawn_.contains(host); });
  if (out.server_names.empty()) return std::nullopt;
  return out;
}

std::vector<Certificate> TlsTable::certificates() const {
  std::vector<Certificate> out;
  if (default_) out.push_back(*default_);
  for (const auto& [name, ignored] : certificates_)
    if (auto certificate = this->certificate(name)) out.push_back(std::move(*certificate));
  std::ranges::sort(out, {}, &Certificate::name);
  return out;
}

}  // namespace ingress::controller
