#include "routing/linear_router.h"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "base/pattern.h"

namespace ingress::routing {

// Each regular expression compiled once.
class LinearPatterns {
 public:
  void add(const std::string& pattern) { compiled_[pattern] = base::Pattern::compile(pattern); }
  bool match(const std::string& pattern, const std::string& text) const {
    const auto& compiled = compiled_.at(pattern);
    return compiled != nullptr && compiled->matches(text);
  }

 private:
  std::map<std::string, std::unique_ptr<const base::Pattern>> compiled_;
};

LinearRouter::LinearRouter(std::vector<std::shared_ptr<const Route>> routes) : routes_(std::move(routes)) {
  auto patterns = std::make_unique<LinearPatterns>();
  for (const auto& route : routes_) {
    for (const RouteRule& rule : route->rules) {
      for (const RouteMatch& match : rule.matches) {
        if (match.path.type == PathMatchType::kRegularExpression) patterns->add(match.path.value);
        for (const HeaderMatch& header : match.headers) {
          if (header.type == ValueMatchType::kRegularExpression) patterns->add(header.value);
        }
        for (const QueryMatch& query : match.query) {
          if (query.type == ValueMatchType::kRegularExpression) patterns->add(query.value);
        }
      }
    }
  }
  patterns_ = std::move(patterns);
}

LinearRouter::~LinearRouter() = default;

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

bool path_holds(const PathMatch& match, const std::string& path, const LinearPatterns& patterns) {
  if (match.type == PathMatchType::kRegularExpression) return patterns.match(match.value, path);
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

bool header_is(const HeaderMatch& wanted, const Headers& headers, const LinearPatterns& patterns) {
  std::vector<std::string> values;
  for (const HeaderField& field : headers) {
    if (same_name(field.name, wanted.name)) values.emplace_back(field.value);
  }
  if (values.empty()) return false;
  std::string joined = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) joined += ", " + values[i];
  return wanted.type == ValueMatchType::kRegularExpression ? patterns.match(wanted.value, joined)
                                                           : joined == wanted.value;
}

bool query_is(const QueryMatch& wanted, std::string_view query, const LinearPatterns& patterns) {
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
    if (with_equals.substr(0, equals) != wanted.name) continue;
    const std::string value = with_equals.substr(equals + 1);
    return wanted.type == ValueMatchType::kRegularExpression ? patterns.match(wanted.value, value)
                                                             : value == wanted.value;
  }
  return false;
}

// Everything that route.h orders by, smaller preferred.
using Rank = std::tuple<HostRank, int, std::size_t, int, std::size_t, std::size_t, bool, std::int64_t,
                        std::string_view, std::size_t, std::size_t>;

Rank rank_of(const RouteCandidate& candidate, const RouteMatch& match) {
  int kind = 0;
  std::size_t length = 0;  // of an exact path: the request has one
  if (match.path.type == PathMatchType::kRegularExpression) {
    kind = 1;
    length = match.path.value.size();
  } else if (match.path.type == PathMatchType::kPrefix) {
    kind = 2;
    length = prefix_without_slash(match.path.value).size();
  }
  return {rank_of_host(candidate.host),
          kind,
          ~length,
          match.method.empty() ? 1 : 0,
          ~match.headers.size(),
          ~match.query.size(),
          !candidate.route->created_at.has_value(),
          candidate.route->created_at.value_or(0),
          candidate.route->name,
          candidate.rule_index,
          candidate.match_index};
}

std::string operator_of(ValueMatchType type, const char* exact) {
  return type == ValueMatchType::kExact ? exact : " ~ ";
}

// Fills verdict and failed; kWins when all holds.
void judge(RouteCandidate& candidate, const RouteMatch& match, const RequestHead& head,
           const std::string& host, const std::string& path, const LinearPatterns& patterns) {
  const auto fails = [&](Verdict verdict, std::string what) {
    candidate.verdict = verdict;
    candidate.failed = std::move(what);
  };
  if (!host_holds(candidate.host, host)) return fails(Verdict::kHost, candidate.host);
  if (!path_holds(match.path, path, patterns)) return fails(Verdict::kPath, match.path.value);
  if (!match.method.empty() && match.method != head.method()) return fails(Verdict::kMethod, match.method);
  for (const HeaderMatch& wanted : match.headers) {
    if (!header_is(wanted, head.headers(), patterns)) {
      return fails(Verdict::kHeader, wanted.name + operator_of(wanted.type, ": ") + wanted.value);
    }
  }
  for (const QueryMatch& wanted : match.query) {
    if (!query_is(wanted, head.query(), patterns)) {
      return fails(Verdict::kQuery, wanted.name + operator_of(wanted.type, "=") + wanted.value);
    }
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
          judge(candidate, matches[i], head, host, path, *patterns_);
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
