#include "routing/host_table.h"

#include <algorithm>
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

const CompiledRule* HostTable::match(const RequestHead& head) const {
  const std::string_view host = without_trailing_dot(head.host());
  if (const PathNode* root = exact_.find(host)) {
    if (const CompiledRule* rule = match_paths(*root, head)) return rule;
  }
  if (!one_label_.is_empty() || !any_labels_.is_empty()) {
    if (const CompiledRule* rule = match_wildcards(host, head)) return rule;
  }
  return no_host_.match(head);
}

const CompiledRule* HostTable::match_wildcards(std::string_view host, const RequestHead& head) const {
  if (static_cast<std::size_t>(std::ranges::count(host, '.')) >= kMaxLabels) return nullptr;
  const std::size_t first = host.find('.');
  for (std::size_t dot = first; dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
    const std::string_view suffix = host.substr(dot + 1);
    if (dot == 0 || suffix.empty()) continue;  // an asterisk stands for something
    if (dot == first) {
      if (const PathNode* root = one_label_.find(suffix)) {
        if (const CompiledRule* rule = match_paths(*root, head)) return rule;
      }
    }
    if (const PathNode* root = any_labels_.find(suffix)) {
      if (const CompiledRule* rule = match_paths(*root, head)) return rule;
    }
  }
  return nullptr;
}

void HostTable::collect_nodes(std::vector<const void*>& out) const {
  no_host_.collect_nodes(out);
  for (const Names* names : {&exact_, &one_label_, &any_labels_}) {
    names->for_each_node([&](const void* node, std::size_t) { out.push_back(node); });
    names->for_each([&](const PathNode& root) { PathTree(&root).collect_nodes(out); });
  }
}

void HostTable::dump(std::string& out) const {
  const std::pair<const Names*, std::string_view> kinds[] = {
      {&exact_, ""}, {&one_label_, "*."}, {&any_labels_, "**."}};
  for (const auto& [names, before] : kinds) {
    std::vector<const PathNode*> sorted;
    sorted.reserve(names->size());
    names->for_each([&](const PathNode& root) { sorted.push_back(&root); });
    std::ranges::sort(sorted, {}, &PathNode::key);
    for (const PathNode* root : sorted) {
      out.append("host ").append(before).append(root->key()).append("\n");
      PathTree(root).dump(out);
    }
  }
  if (no_host_.is_empty()) return;
  out += "no host\n";
  no_host_.dump(out);
}

HostTable::Builder::Builder(const HostTable& base)
    : exact_(base.exact_),
      one_label_(base.one_label_),
      any_labels_(base.any_labels_),
      no_host_(base.no_host_) {}

HostTable::Names::Builder& HostTable::Builder::names_of(HostKind kind) {
  return kind == HostKind::kExact ? exact_ : kind == HostKind::kOneLabel ? one_label_ : any_labels_;
}

PathTree HostTable::Builder::find(const HostPattern& pattern) {
  if (pattern.kind == HostKind::kNoHost) return no_host_;
  return PathTree(names_of(pattern.kind).find(pattern.name));
}

void HostTable::Builder::put(const HostPattern& pattern, PathTree paths) {
  if (pattern.kind == HostKind::kNoHost) {
    no_host_ = std::move(paths);
  } else if (paths.is_empty()) {
    names_of(pattern.kind).erase(pattern.name);
  } else {
    names_of(pattern.kind).put(paths.named(pattern.name));
  }
}

HostTable HostTable::Builder::take() {
  HostTable table;
  table.exact_ = exact_.take();
  table.one_label_ = one_label_.take();
  table.any_labels_ = any_labels_.take();
  table.no_host_ = no_host_;
  return table;
}

}  // namespace ingress::routing
