#include "routing/route_table.h"

#include <algorithm>

namespace ingress::routing {
namespace {

std::string to_text(const FixedReply& reply) {
  return std::to_string(reply.status) + " " + reply.why;
}

std::string_view to_text(PathMatchType type) {
  switch (type) {
    case PathMatchType::kExact:
      return "  exact ";
    case PathMatchType::kPrefix:
      return "  prefix ";
    case PathMatchType::kRegularExpression:
      return "  pattern ";
  }
  return "";
}

std::string to_text(ValueMatchType type, const char* exact) {
  return type == ValueMatchType::kExact ? exact : " ~ ";
}

// Slot numbers are left out: they depend on what was leased before.
void dump_rule(const CompiledRule& rule, std::string& out) {
  out += " rule " + rule.name + " timeout " + std::to_string(rule.value->timeouts.request.count()) + "\n";
  if (rule.value->reply) out += "  reply " + to_text(*rule.value->reply) + "\n";
  for (std::size_t i = 0; i < rule.backends.size(); ++i) {
    const CompiledBackend& backend = rule.backends[i];
    out += "  backend " + (backend.failure ? to_text(*backend.failure) : backend.cluster->name) + " weight " +
           std::to_string(rule.value->backends[i].weight) + "\n";
  }
  for (const CompiledMirror& mirror : rule.mirrors) {
    out += "  mirror " + mirror.cluster->name + " " + std::to_string(mirror.value->numerator) + "/" +
           std::to_string(mirror.value->denominator) + "\n";
  }
  for (const RouteMatch& match : matches_of(*rule.value)) {
    out += to_text(match.path.type);
    out += match.path.value + " " + match.method + "\n";
    for (const HeaderMatch& header : match.headers) {
      out += "   " + header.name + to_text(header.type, ": ") + header.value + "\n";
    }
    for (const QueryMatch& query : match.query) {
      out += "   " + query.name + to_text(query.type, "=") + query.value + "\n";
    }
  }
}

}  // namespace

const CompiledRoute* RouteTable::find(std::string_view route_name) const {
  return routes_.find(route_name);
}

std::size_t RouteTable::num_routes() const {
  return routes_.size();
}

void RouteTable::collect_nodes(std::vector<const void*>& out) const {
  routes_.for_each_node([&](const void* node, std::size_t) { out.push_back(node); });
  hosts_.collect_nodes(out);
}

std::string RouteTable::dump() const {
  std::vector<const CompiledRoute*> sorted;
  sorted.reserve(num_routes());
  routes_.for_each([&](const CompiledRoute& route) { sorted.push_back(&route); });
  std::ranges::sort(sorted, {}, &CompiledRoute::key);
  std::string out;
  for (const CompiledRoute* compiled : sorted) {
    const Route& route = compiled->route();
    out += "route " + route.name;
    if (route.created_at) out += " created " + std::to_string(*route.created_at);
    for (const std::string& host : route.hosts) out += " host " + host;
    out += "\n";
    for (const CompiledRule& rule : compiled->rules()) dump_rule(rule, out);
  }
  hosts_.dump(out);
  return out;
}

}  // namespace ingress::routing
