// Short ways to write objects and to ask a translated configuration what it does with a request.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "controller/store.h"
#include "controller/translate.h"

namespace ingress::controller::test {

inline ObjectMeta meta(std::string_view name, std::optional<std::int64_t> created_at = {}) {
  ObjectMeta made{.namespace_ = "default", .created_at = created_at};
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos) made.namespace_ = name.substr(0, slash);
  made.name = name.substr(slash == std::string_view::npos ? 0 : slash + 1);
  return made;
}

// "web:80" or "web:http".
inline IngressBackend backend(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string port(text.substr(colon + 1));
  const bool is_number = !port.empty() && port.front() >= '0' && port.front() <= '9';
  ServicePortRef ref;
  if (is_number) {
    ref.number = std::stoll(port);
  } else {
    ref.name = port;
  }
  return {.service = std::string(text.substr(0, colon)), .port = ref};
}

// "= /exact", "/prefix" or "~ implementation-specific", and the backend.
inline IngressPath path(std::string_view text, std::string_view to) {
  if (text.starts_with("= ")) return {std::string(text.substr(2)), PathType::kExact, backend(to)};
  if (text.starts_with("~ "))
    return {std::string(text.substr(2)), PathType::kImplementationSpecific, backend(to)};
  return {std::string(text), PathType::kPrefix, backend(to)};
}

struct RuleText {
  std::string host;
  std::vector<std::pair<std::string, std::string>> paths = {};  // path() texts and backends
};

inline Ingress make_ingress(std::string_view name, std::vector<RuleText> rules,
                            std::optional<std::int64_t> created_at = {},
                            std::string_view default_backend = "") {
  Ingress out{.meta = meta(name, created_at)};
  for (const RuleText& rule : rules) {
    IngressRule made{.host = rule.host, .index = static_cast<std::uint32_t>(out.rules.size())};
    for (const auto& [text, to] : rule.paths) {
      made.paths.push_back(path(text, to));
      made.paths.back().index = static_cast<std::uint32_t>(made.paths.size() - 1);
    }
    out.rules.push_back(std::move(made));
  }
  if (!default_backend.empty()) out.default_backend = backend(default_backend);
  return out;
}

inline IngressClass make_class(std::string name, std::string controller = "libingress.dev/proxyd") {
  return {.meta = {.namespace_ = "", .name = std::move(name)}, .controller = std::move(controller)};
}

inline Service make_service(std::string name,
                            std::vector<ServicePort> ports = {{.name = "http", .port = 80}}) {
  return {.meta = meta(std::move(name)), .ports = std::move(ports)};
}

// A slice of `service` ("ns/name" or "name") with a port "http" 8080 and the given ready addresses.
inline EndpointSlice make_slice(std::string name, const std::string& service,
                                std::vector<std::string> addresses) {
  EndpointSlice out{.meta = meta(std::move(name)), .address_type = "IPv4"};
  out.meta.namespace_ = meta(service).namespace_;
  out.service = meta(service).name;
  for (std::string& address : addresses) out.endpoints.push_back({.addresses = {std::move(address)}});
  out.ports = {{.name = "http", .port = 8080}};
  return out;
}

// A Secret for TLS whose chain and key are "chain of <name>" and "key of <name>", or those given.
inline Secret make_secret(std::string name, std::string chain = "", std::string key = "") {
  Secret out{.meta = meta(name), .type = "kubernetes.io/tls"};
  out.data = {{"tls.crt", chain.empty() ? "chain of " + name : std::move(chain)},
              {"tls.key", key.empty() ? "key of " + name : std::move(key)}};
  return out;
}

// The Ingress with one entry of spec.tls more.
inline Ingress with_tls(Ingress ingress, std::vector<std::string> hosts, std::string secret) {
  ingress.tls.push_back({.hosts = std::move(hosts),
                         .secret = std::move(secret),
                         .index = static_cast<std::uint32_t>(ingress.tls.size())});
  return ingress;
}

inline Store make_store(std::vector<Object> objects, const std::string& source = "all.yaml") {
  Store out;
  out.replace_source(source, std::move(objects));
  return out;
}

// What `config` answers: a cluster's name, "status why" of a reply or failure, or "none". Obvious and slow;
// the order of precedence is that of route.h.
inline std::string answer(const GatewayConfig& config, const std::string& host, const std::string& path) {
  struct Candidate {
    int host_rank, path_rank;
    std::size_t length;
    const RouteRule* rule;
  };
  std::vector<Candidate> candidates;
  for (const Route& route : config.routes) {
    int host_rank = route.hosts.empty() ? 1 : 0;
    for (const std::string& pattern : route.hosts) {
      if (pattern == host) host_rank = std::max(host_rank, 3);
      if (pattern.starts_with("*.") && host.find('.') != std::string::npos && host.find('.') > 0 &&
          host.substr(host.find('.')) == pattern.substr(1))
        host_rank = std::max(host_rank, 2);
    }
    if (host_rank == 0) continue;
    for (const RouteRule& rule : route.rules) {
      for (const RouteMatch& match : rule.matches) {
        const std::string& value = match.path.value;
        if (match.path.type == PathMatchType::kExact) {
          if (value == path) candidates.push_back({host_rank, 1, value.size(), &rule});
        } else if (value == "/" || path == value || path.starts_with(value + '/')) {
          candidates.push_back({host_rank, 0, value.size(), &rule});
        }
      }
    }
  }
  const auto best = std::max_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.host_rank, a.path_rank, a.length) < std::tuple(b.host_rank, b.path_rank, b.length);
  });
  if (best == candidates.end()) return "none";
  const RouteRule& rule = *best->rule;
  const auto text = [](const FixedReply& reply) { return std::to_string(reply.status) + ' ' + reply.why; };
  if (rule.reply) return text(*rule.reply);
  if (rule.backends.size() != 1) return "malformed";
  return rule.backends[0].failure ? text(*rule.backends[0].failure) : rule.backends[0].cluster;
}

// One line per problem: "source Kind namespace/name field: why".
inline std::string text_of(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& p : problems) {
    out += p.source + ' ' + p.object.kind + ' ' + p.object.namespace_ + '/' + p.object.name + ' ' + p.field +
           ": " + p.why + '\n';
  }
  return out;
}

inline bool has_problem(const std::vector<Problem>& problems, std::string_view field, std::string_view why) {
  return std::any_of(problems.begin(), problems.end(), [&](const Problem& p) {
    return p.field == field && p.why.find(why) != std::string::npos && !p.fix.empty();
  });
}

}  // namespace ingress::controller::test
