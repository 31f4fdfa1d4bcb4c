#include "routing/host_table.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace ingress::routing {
namespace {

std::string_view without_trailing_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

HostPattern to_host_pattern(std::string_view text) {
  text = without_trailing_dot(text);
  if (text.empty()) return {HostKind::kNoHost, {}};
  if (text.starts_with("**.")) return {HostKind::kAnyLabels, text.substr(3)};
  if (text.starts_with("*.")) return {HostKind::kOneLabel, text.substr(2)};
  return {HostKind::kExact, text};
}

const CompiledRule* HostTable::Names::match(std::string_view name, const RequestHead& head) const {
  const PathNode* root = paths.find(name);
  const HostPatterns* expressions = patterns.find(name);
  if (root != nullptr) return match_paths(*root, head, expressions);
  return expressions == nullptr ? nullptr : expressions->match(head);
}

const CompiledRule* HostTable::match(const RequestHead& head) const {
  const std::string_view host = without_trailing_dot(head.host());
  if (const CompiledRule* rule = exact_.match(host, head)) return rule;
  if (!one_label_.is_empty() || !any_labels_.is_empty()) {
    if (const CompiledRule* rule = match_wildcards(host, head)) return rule;
  }
  return match_no_host(head);
}

const CompiledRule* HostTable::match_wildcards(std::string_view host, const RequestHead& head) const {
  if (static_cast<std::size_t>(std::ranges::count(host, '.')) >= kMaxLabels) return nullptr;
  const std::size_t first = host.find('.');
  for (std::size_t dot = first; dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
    const std::string_view suffix = host.substr(dot + 1);
    if (dot == 0 || suffix.empty()) continue;  // an asterisk stands for something
    if (dot == first) {
      if (const CompiledRule* rule = one_label_.match(suffix, head)) return rule;
    }
    if (const CompiledRule* rule = any_labels_.match(suffix, head)) return rule;
  }
  return nullptr;
}

const CompiledRule* HostTable::match_no_host(const RequestHead& head) const {
  const PathNode* root = no_host_.root();
  if (root != nullptr) return match_paths(*root, head, no_host_patterns_.get());
  return no_host_patterns_ ? no_host_patterns_->match(head) : nullptr;
}

void HostTable::collect_nodes(std::vector<const void*>& out) const {
  no_host_.collect_nodes(out);
  for (const Names* names : {&exact_, &one_label_, &any_labels_}) {
    const auto add = [&](const void* node, std::size_t) { out.push_back(node); };
    names->paths.for_each_node(add);
    names->paths.for_each([&](const PathNode& root) { PathTree(&root).collect_nodes(out); });
    names->patterns.for_each_node(add);
    names->patterns.for_each([&](const HostPatterns& patterns) { out.push_back(&patterns); });
  }
}

void HostTable::dump(std::string& out) const {
  const std::pair<const Names*, std::string_view> kinds[] = {
      {&exact_, ""}, {&one_label_, "*."}, {&any_labels_, "**."}};
  for (const auto& [names, before] : kinds) {
    std::map<std::string_view, std::pair<const PathNode*, const HostPatterns*>> sorted;
    names->paths.for_each([&](const PathNode& root) { sorted[root.key()].first = &root; });
    names->patterns.for_each(
        [&](const HostPatterns& patterns) { sorted[patterns.key()].second = &patterns; });
    for (const auto& [name, host] : sorted) {
      out.append("host ").append(before).append(name).append("\n");
      PathTree(host.first).dump(out);
      if (host.second != nullptr) host.second->dump(out);
    }
  }
  if (no_host_.is_empty() && !no_host_patterns_) return;
  out += "no host\n";
  no_host_.dump(out);
  if (no_host_patterns_) no_host_patterns_->dump(out);
}

HostTable::Builder::Builder(const HostTable& base)
    : exact_(base.exact_),
      one_label_(base.one_label_),
      any_labels_(base.any_labels_),
      no_host_(base.no_host_),
      no_host_patterns_(base.no_host_patterns_) {}

const HostTable::Builder::NamesBuilder& HostTable::Builder::names_of(HostKind kind) const {
  return kind == HostKind::kExact ? exact_ : kind == HostKind::kOneLabel ? one_label_ : any_labels_;
}

HostTable::Builder::NamesBuilder& HostTable::Builder::names_of(HostKind kind) {
  return const_cast<NamesBuilder&>(std::as_const(*this).names_of(kind));
}

PathTree HostTable::Builder::find(const HostPattern& pattern) {
  if (pattern.kind == HostKind::kNoHost) return no_host_;
  return PathTree(names_of(pattern.kind).paths.find(pattern.name));
}

void HostTable::Builder::put(const HostPattern& pattern, PathTree paths) {
  if (pattern.kind == HostKind::kNoHost) {
    no_host_ = std::move(paths);
  } else if (paths.is_empty()) {
    names_of(pattern.kind).paths.erase(pattern.name);
  } else {
    names_of(pattern.kind).paths.put(paths.named(pattern.name));
  }
}

MatchList HostTable::Builder::find_patterns(const HostPattern& pattern) const {
  const HostPatterns* found = pattern.kind == HostKind::kNoHost
                                  ? no_host_patterns_.get()
                                  : names_of(pattern.kind).patterns.find(pattern.name);
  return found == nullptr ? MatchList() : found->matches();
}

void HostTable::Builder::put_patterns(const HostPattern& pattern, MatchList matches) {
  base::CountedPtr<const HostPatterns> made;
  if (!matches.is_empty()) {
    made = base::CountedPtr<const HostPatterns>(new HostPatterns(pattern.name, std::move(matches)));
  }
  if (pattern.kind == HostKind::kNoHost) {
    no_host_patterns_ = std::move(made);
  } else if (made) {
    names_of(pattern.kind).patterns.put(std::move(made));
  } else {
    names_of(pattern.kind).patterns.erase(pattern.name);
  }
}

HostTable HostTable::Builder::take() {
  HostTable table;
  table.exact_ = exact_.take();
  table.one_label_ = one_label_.take();
  table.any_labels_ = any_labels_.take();
  table.no_host_ = no_host_;
  table.no_host_patterns_ = no_host_patterns_;
  return table;
}

}  // namespace ingress::routing
