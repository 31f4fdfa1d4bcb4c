#include "routing/linear_router.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ingress::routing {
namespace {

// Lower is more specific: exact hosts, then wildcards by falling length of what they fix, "*." before
// "**." of the same length, then no host at all.
using HostRank = std::tuple<int, std::size_t, int>;

std::string without_trailing_dot(std::string text) {
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

HostRank rank_of_host(const std::string& pattern) {
  if (pattern.empty()) return {2, 0, 0};
  if (pattern.starts_with("**.")) return {1, ~(pattern.size() - 3), 1};
  if (pattern.starts_with("*.")) return {1, ~(pattern.size() - 2), 0};
  return {0, 0, 0};
}

bool host_holds(const std::string& pattern, const std::string& host) {
  if (pattern.empty()) return true;
  const bool is_any_labels = pattern.starts_with("**.");
  if (!is_any_labels && !pattern.starts_with("*.")) return pattern == host;
  // More than 128 labels: no DNS name (RFC 1035 2.3.4).
  if (std::ranges::count(host, '.') >= 128) return false;
  const std::string ending = pattern.substr(is_any_labels ? 2 : 1);  // ".a.b"
  if (ending.size() < 2 || host.size() <= ending.size() || !host.ends_with(ending)) return false;
  const std::string before = host.substr(0, host.size() - ending.size());
  return is_any_labels || before.find('.') == std::string::npos;
}

std::string prefix_without_slash(const std::string& value) {
  return !value.empty() && value.back() == '/' ? value.substr(0, value.size() - 1) : value;
}

bool path_holds(const PathMatch& match, const std::string& path) {
  if (match.type == PathMatchType::kExact) return path == match.value;
  const std::string prefix = prefix_without_slash(match.value);
  return prefix.empty() || path == prefix || path.starts_with(prefix + "/");
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool header_is(const HeaderMatch& wanted, const Headers& headers) {
  std::vector<std::string> values;
  for (const HeaderField& field : headers) {
    if (same_name(field.name, wanted.name)) values.emplace_back(field.value);
  }
  if (values.empty()) return false;
  std::string joined = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) joined += ", " + values[i];
  return joined == wanted.value;
}

bool query_is(const QueryMatch& wanted, std::string_view query) {
  std::vector<std::string> pieces(1);
  for (const char c : query) {
    if (c == '&') {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  for (const std::string& piece : pieces) {
    if (piece.empty()) continue;
    const std::string with_equals = piece.find('=') == std::string::npos ? piece + "=" : piece;
    const std::size_t equals = with_equals.find('=');
    if (with_equals.substr(0, equals) == wanted.name) return with_equals.substr(equals + 1) == wanted.value;
  }
  return false;
}

// Everything that route.h orders by, smaller preferred.
using Rank = std::tuple<HostRank, int, std::size_t, int, std::size_t, std::size_t, bool, std::int64_t,
                        std::string_view, std::size_t, std::size_t>;

Rank rank_of(const RouteCandidate& candidate, const RouteMatch& match) {
  const bool is_prefix = match.path.type == PathMatchType::kPrefix;
  return {rank_of_host(candidate.host),
          is_prefix ? 1 : 0,
          is_prefix ? ~prefix_without_slash(match.path.value).size() : 0,
          match.method.empty() ? 1 : 0,
          ~match.headers.size(),
          ~match.query.size(),
          !candidate.route->created_at.has_value(),
          candidate.route->created_at.value_or(0),
          candidate.route->name,
          candidate.rule_index,
          candidate.match_index};
}

// Fills verdict and failed; kWins when all holds.
void judge(RouteCandidate& candidate, const RouteMatch& match, const RequestHead& head,
           const std::string& host, const std::string& path) {
  const auto fails = [&](Verdict verdict, std::string what) {
    candidate.verdict = verdict;
    candidate.failed = std::move(what);
  };
  if (!host_holds(candidate.host, host)) return fails(Verdict::kHost, candidate.host);
  if (!path_holds(match.path, path)) return fails(Verdict::kPath, match.path.value);
  if (!match.method.empty() && match.method != head.method()) return fails(Verdict::kMethod, match.method);
  for (const HeaderMatch& wanted : match.headers) {
    if (!header_is(wanted, head.headers())) {
      return fails(Verdict::kHeader, wanted.name + ": " + wanted.value);
    }
  }
  for (const QueryMatch& wanted : match.query) {
    if (!query_is(wanted, head.query())) return fails(Verdict::kQuery, wanted.name + "=" + wanted.value);
  }
  candidate.verdict = Verdict::kWins;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kWins:
      return "wins";
    case Verdict::kLosesToBetter:
      return "loses_to_better";
    case Verdict::kHost:
      return "host";
    case Verdict::kPath:
      return "path";
    case Verdict::kMethod:
      return "method";
    case Verdict::kHeader:
      return "header";
    case Verdict::kQuery:
      return "query";
  }
  return "";
}

std::vector<RouteCandidate> LinearRouter::explain(const RequestHead& head) const {
  static const std::vector<std::string> kAnyHost(1);
  static const std::vector<RouteMatch> kEveryPath(1);
  const std::string host = without_trailing_dot(std::string(head.host()));
  const std::string path(head.path());
  std::vector<std::pair<Rank, RouteCandidate>> ranked;
  for (const auto& route : routes_) {
    for (const std::string& pattern : route->hosts.empty() ? kAnyHost : route->hosts) {
      for (std::size_t rule = 0; rule < route->rules.size(); ++rule) {
        const std::vector<RouteMatch>& own = route->rules[rule].matches;
        const std::vector<RouteMatch>& matches = own.empty() ? kEveryPath : own;
        for (std::size_t i = 0; i < matches.size(); ++i) {
          RouteCandidate candidate{route.get(), rule, i, without_trailing_dot(pattern), Verdict::kWins, {}};
          judge(candidate, matches[i], head, host, path);
          ranked.emplace_back(rank_of(candidate, matches[i]), std::move(candidate));
        }
      }
    }
  }
  std::ranges::sort(ranked, {}, &std::pair<Rank, RouteCandidate>::first);
  std::vector<RouteCandidate> candidates;
  candidates.reserve(ranked.size());
  bool has_winner = false;
  for (auto& [rank, candidate] : ranked) {
    if (candidate.verdict == Verdict::kWins && std::exchange(has_winner, true)) {
      candidate.verdict = Verdict::kLosesToBetter;
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace ingress::routing
