#include "controller/ingress_index.h"

#include <algorithm>
#include <utility>

#include "controller/attach.h"
#include "controller/ingress_notes.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr const char* kAll = "";  // of parts of the book that there is one of

IngressClasses read_classes(const Store& store, const TranslateOptions& options, ProblemBook& book) {
  ProblemList problems;
  IngressClasses out(store, options, problems);
  book.set(ProblemBook::Part::kClasses, kAll, std::move(problems));
  return out;
}

template <typename T>
void sort_once(std::vector<T>& all) {
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
  all.shrink_to_fit();
}

std::vector<std::string> hosts_for_tls(const Ingress& ingress) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& host) {
    if (!host.empty() && check_host(host)) out.push_back(host);
  };
  for (const IngressRule& rule : ingress.rules) add(rule.host);
  for (const IngressTls& tls : ingress.tls) std::ranges::for_each(tls.hosts, add);
  sort_once(out);
  return out;
}

std::string text_of(const ObjectName& name) {
  return name.first + '/' + name.second;
}

template <typename Map>
const IngressSet& found_in(const Map& map, const typename Map::key_type& key) {
  static const IngressSet none;
  const auto found = map.find(key);
  return found == map.end() ? none : found->second;
}

template <typename Map, typename Keys>
void remove_from(Map& map, const Keys& keys, const IngressState& state) {
  for (const auto& key : keys) {
    const auto found = map.find(key);
    found->second.erase(&state);
    if (found->second.empty()) map.erase(found);
  }
}

}  // namespace

IngressIndex::IngressIndex(const Store& store, const TranslateOptions& options, ProblemBook& problems)
    : store_(store),
      options_(options),
      problems_(problems),
      classes_(read_classes(store, options, problems)) {}

void IngressIndex::update(const std::set<ObjectKey>& touched, IngressChanges& changes) {
  std::set<ObjectName> names;
  update_classes(touched, names);
  for (auto at = touched.lower_bound({Ingress::kKind, {}, {}}); at != touched.end(); ++at) {
    if (at->kind != Ingress::kKind) break;
    names.emplace(at->namespace_, at->name);
  }
  for (const ObjectName& name : names) update_ingress(name, changes);
}

// Adds the names of Ingresses that may be ours or others' now.
void IngressIndex::update_classes(const std::set<ObjectKey>& touched, std::set<ObjectName>& names) {
  const bool owned_unnamed = classes_.owns_unnamed();
  bool is_changed = false;
  const auto add_of = [&](const std::string& class_name) {
    const auto found = by_class_.find(class_name);
    if (found == by_class_.end()) return;
    for (const IngressState* state : found->second) names.insert(state->name);
  };
  for (auto at = touched.lower_bound({IngressClass::kKind, {}, {}}); at != touched.end(); ++at) {
    if (at->kind != IngressClass::kKind) break;
    is_changed = true;
    add_of(at->name);
  }
  if (!is_changed) return;
  classes_ = read_classes(store_, options_, problems_);
  if (classes_.owns_unnamed() != owned_unnamed) add_of("");
}

void IngressIndex::update_ingress(const ObjectName& name, IngressChanges& changes) {
  const StoredObject* stored = store_.find({Ingress::kKind, name.first, name.second});
  const auto [entry, is_new] = states_.try_emplace(name);
  IngressState& state = entry->second;
  if (is_new) state.name = name;
  const IngressState old = state;
  const auto note_hosts = [&] { changes.hosts.insert(state.claimed.begin(), state.claimed.end()); };
  note_hosts();
  if (!is_new) remove(state);
  state.served = {};
  if (stored != nullptr) state.served = {&std::get<Ingress>(stored->object), &stored->source};
  load(state);
  note_hosts();
  const bool is_same_tls = old.age == state.age && old.source == state.source && old.tls == state.tls &&
                           old.tls_hosts == state.tls_hosts && old.is_served == state.is_served;
  if (!is_same_tls) {
    changes.ingresses.insert(name);
    for (const IngressState* each : {&old, static_cast<const IngressState*>(&state)}) {
      changes.tls_hosts.insert(each->tls_hosts.begin(), each->tls_hosts.end());
      changes.secrets.insert(each->secrets.begin(), each->secrets.end());
    }
  }
  if (stored != nullptr) return add(state);
  states_.erase(entry);
}

// Reads what it is indexed by. Without an object it is nothing any more.
void IngressIndex::load(IngressState& state) {
  ProblemList problems;
  const Ingress* ingress = state.served.ingress;
  state.is_served = ingress != nullptr && classes_.is_ours(*ingress, *state.served.source, problems);
  state.class_name = ingress == nullptr ? std::string() : IngressClasses::class_of(*ingress);
  state.claimed.clear();
  state.tls_hosts.clear();
  state.secrets.clear();
  state.tls.clear();
  state.source.clear();
  state.age = ingress == nullptr ? 0 : age_of(ingress->meta);
  if (state.is_served) {
    report_unclaimed(state.served, problems);
    report_unused(state.served, options_, problems);
    state.claimed = claimed_hosts(*ingress);
    for (const IngressTls& tls : ingress->tls)
      if (!tls.secret.empty()) state.secrets.emplace_back(state.name.first, tls.secret);
    sort_once(state.secrets);
    if (options_.serves_tls) {
      state.tls_hosts = hosts_for_tls(*ingress);
      state.tls = ingress->tls;
      state.source = *state.served.source;
    }
  }
  problems_.set(ProblemBook::Part::kIngress, text_of(state.name), std::move(problems));
}

void IngressIndex::add(IngressState& state) {
  by_class_[state.class_name].insert(&state);
  if (!state.is_served) return;
  ++num_served_;
  for (const std::string& host : state.claimed) claiming_[host].insert(&state);
  for (const std::string& host : state.tls_hosts) naming_host_[host].insert(&state);
  for (const ObjectName& secret : state.secrets) naming_secret_[secret].insert(&state);
}

void IngressIndex::remove(IngressState& state) {
  const auto of_class = by_class_.find(state.class_name);
  of_class->second.erase(&state);
  if (of_class->second.empty()) by_class_.erase(of_class);
  if (!state.is_served) return;
  --num_served_;
  remove_from(claiming_, state.claimed, state);
  remove_from(naming_host_, state.tls_hosts, state);
  remove_from(naming_secret_, state.secrets, state);
}

const IngressState* IngressIndex::find(const ObjectName& name) const {
  const auto found = states_.find(name);
  return found != states_.end() && found->second.is_served ? &found->second : nullptr;
}

const IngressSet& IngressIndex::claiming(const std::string& host) const {
  return found_in(claiming_, host);
}

const IngressSet& IngressIndex::naming_host(const std::string& host) const {
  return found_in(naming_host_, host);
}

const IngressSet& IngressIndex::naming_secret(const ObjectName& secret) const {
  return found_in(naming_secret_, secret);
}

std::set<ObjectName> IngressIndex::secrets() const {
  std::set<ObjectName> out;
  for (const auto& [name, ingresses] : naming_secret_) out.insert(out.end(), name);
  if (const auto& named = options_.default_certificate) out.emplace(named->namespace_, named->secret);
  return out;
}

}  // namespace ingress::controller
