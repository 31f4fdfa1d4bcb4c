#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/pattern.h"
#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"
#include "config/validate.h"

namespace ingress::config {
namespace {

void check_pattern(std::string_view pattern, const FieldPath& field, Reporter& reporter) {
  const std::string fault = base::pattern_fault(pattern);
  if (fault.empty()) return;
  reporter.error(
      field, fmt::format("is {}, which {}", quoted(pattern), fault),
      "write a smaller one in the syntax of RE2 (github.com/google/re2/wiki/Syntax); it has to match "
      "the whole text");
}

void check_header_match(const HeaderMatch& header, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(header, field, reporter);
  if (!header.name.empty() && !base::is_token(header.name)) {
    reporter.error(field.at("name"), fmt::format("is {}, which is no header name", quoted(header.name)),
                   "use letters, digits and any of !#$%&'*+-.^_`|~");
  }
  if (header.type == ValueMatchType::kRegularExpression) {
    check_pattern(header.value, field.at("value"), reporter);
  } else if (!is_header_value(header.value)) {
    reporter.error(field.at("value"),
                   fmt::format("is {}, which no header of a request can be equal to", quoted(header.value)),
                   "use UTF-8 without control characters, and no white space at its ends");
  }
}

void check_query_match(const QueryMatch& query, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(query, field, reporter);
  if (!is_query_text(query.name) || query.name.find('=') != std::string::npos) {
    reporter.error(field.at("name"), fmt::format("is {}, which no query can contain", quoted(query.name)),
                   "percent-encode it as clients do");
  }
  if (query.type == ValueMatchType::kRegularExpression) {
    check_pattern(query.value, field.at("value"), reporter);
  } else if (!is_query_text(query.value)) {
    reporter.error(field.at("value"), fmt::format("is {}, which no query can contain", quoted(query.value)),
                   "percent-encode it as clients do");
  }
}

void check_rule(const RouteRule& rule, const FieldPath& field, const ClusterExists& cluster_exists,
                Reporter& reporter) {
  check_rule_itself(rule, field, reporter);
  for (std::size_t i = 0; i < rule.matches.size(); ++i)
    check_match(rule.matches[i], field.at("matches", i), reporter);
  for (std::size_t i = 0; i < rule.mirrors.size(); ++i)
    check_mirror(rule.mirrors[i], field.at("mirrors", i), cluster_exists, reporter);
  std::uint64_t total_weight = 0;
  for (std::size_t i = 0; i < rule.backends.size(); ++i) {
    check_backend(rule.backends[i], field.at("backends", i), cluster_exists, reporter);
    total_weight += rule.backends[i].weight;
  }
  if (total_weight == 0 && !rule.reply) {
    reporter.warning(field.at("backends"),
                     rule.backends.empty()
                         ? "is empty, and there is no reply: nothing can serve these requests"
                         : "has weights that add up to 0: nothing can serve these requests",
                     "give a backend a weight, or set reply");
  }
}

}  // namespace

void check_host(std::string_view pattern, const FieldPath& field, Reporter& reporter) {
  if (const char* fault = host_pattern_fault(pattern)) {
    reporter.error(field, fmt::format("is {}, which {}", quoted(pattern), fault),
                   "use a lower case host name or IP address without port, '*.' or '**.' and a name, or no "
                   "hosts at all for any host");
  }
}

void check_match(const RouteMatch& match, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(match, field, reporter);
  const FieldPath path_field = field.at("path");
  check_table_bounds(match.path, path_field, reporter);
  if (match.path.type == PathMatchType::kRegularExpression) {
    check_pattern(match.path.value, path_field.at("value"), reporter);
  } else if (const char* fault = match.path.value.empty() ? nullptr : path_fault(match.path.value)) {
    reporter.error(path_field.at("value"), fmt::format("is {}, which {}", quoted(match.path.value), fault),
                   "write the path as it stands in a normalised URL, percent-encoded");
  }
  if (!match.method.empty() && !base::is_token(match.method)) {
    reporter.error(field.at("method"), fmt::format("is {}, which is no method", quoted(match.method)),
                   "use a name such as GET, or leave it out for any");
  } else if (std::ranges::any_of(match.method, [](char c) { return c >= 'a' && c <= 'z'; })) {
    reporter.warning(field.at("method"),
                     fmt::format("is {}: methods are case-sensitive", quoted(match.method)),
                     "write it in upper case unless clients send it so");
  }
  for (std::size_t i = 0; i < match.headers.size(); ++i) {
    check_header_match(match.headers[i], field.at("headers", i), reporter);
  }
  for (std::size_t i = 0; i < match.query.size(); ++i) {
    check_query_match(match.query[i], field.at("query", i), reporter);
  }
}

void check_reply(const FixedReply& reply, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(reply, field, reporter);
  if (!is_why(reply.why)) {
    reporter.error(field.at("why"), fmt::format("is {}", quoted(reply.why)),
                   "use lower-case letters, digits, '_' and ':'");
  }
}

void check_backend(const BackendRef& backend, const FieldPath& field, const ClusterExists& cluster_exists,
                   Reporter& reporter) {
  check_table_bounds(backend, field, reporter);
  check_name(backend.cluster, field.at("cluster"), reporter);
  if (backend.failure) {
    check_reply(*backend.failure, field.at("failure"), reporter);
  } else if (backend.cluster.empty()) {
    reporter.error(field.at("cluster"), "is empty", "name a cluster, or set failure");
  } else if (cluster_exists && !cluster_exists(backend.cluster)) {
    reporter.error(field.at("cluster"),
                   fmt::format("is {}, and there is no such cluster", quoted(backend.cluster)),
                   "name one of the clusters, or add it");
  }
}

void check_mirror(const RequestMirror& mirror, const FieldPath& field, const ClusterExists& cluster_exists,
                  Reporter& reporter) {
  check_table_bounds(mirror, field, reporter);
  check_name(mirror.cluster, field.at("cluster"), reporter);
  if (!mirror.cluster.empty() && cluster_exists && !cluster_exists(mirror.cluster)) {
    reporter.error(field.at("cluster"),
                   fmt::format("is {}, and there is no such cluster", quoted(mirror.cluster)),
                   "name one of the clusters, or add it");
  }
  if (mirror.numerator > mirror.denominator) {
    reporter.error(field.at("numerator"),
                   fmt::format("is {} of a denominator of {}", mirror.numerator, mirror.denominator),
                   "let it be at most the denominator");
  }
}

void check_rule_itself(const RouteRule& rule, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(rule, field, reporter);
  check_name(rule.name, field.at("name"), reporter);
  check_timeouts(rule.timeouts, field.at("timeouts"), reporter);
  if (rule.retry) check_retry(*rule.retry, field.at("retry"), reporter);
  if (rule.hsts) check_hsts(*rule.hsts, field.at("hsts"), reporter);
  if (!rule.reply) return;
  check_reply(*rule.reply, field.at("reply"), reporter);
  if (!rule.backends.empty()) {
    reporter.error(field.at("reply"), "is set although there are backends", "remove one of the two");
  }
}

void validate_route(const Route& route, const FieldPath& field, const ClusterExists& cluster_exists,
                    std::vector<Problem>& out) {
  Reporter reporter = make_reporter(route, out);
  check_table_bounds(route, field, reporter);
  check_name(route.name, field.at("name"), reporter);
  check_origin(route.origin, field.at("origin"), reporter);
  std::unordered_set<std::string_view> hosts;
  for (std::size_t i = 0; i < route.hosts.size(); ++i) {
    check_host(route.hosts[i], field.at("hosts", i), reporter);
    if (!hosts.insert(route.hosts[i]).second) {
      reporter.warning(field.at("hosts", i), fmt::format("is {} once more", quoted(route.hosts[i])),
                       "list it once");
    }
  }
  if (route.rules.empty()) {
    reporter.warning(field.at("rules"), "is empty: the route matches nothing",
                     "add a rule or remove the route");
  }
  for (std::size_t i = 0; i < route.rules.size(); ++i) {
    check_rule(route.rules[i], field.at("rules", i), cluster_exists, reporter);
  }
}

}  // namespace ingress::config
