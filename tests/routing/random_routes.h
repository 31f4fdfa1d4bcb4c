// Routes and requests out of small alphabets, so that hosts, paths and conditions collide all the time:
// for random tests and for the fuzzer, which differ only in where their choices come from.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingress/message.h"
#include "ingress/route.h"

namespace ingress::test {

// Choices from a seed.
class RandomChoices {
 public:
  explicit RandomChoices(std::uint64_t seed) : engine_(seed) {}
  // In [0, bound).
  std::uint32_t operator()(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }

 private:
  std::mt19937_64 engine_;
};

// Choices from bytes; all 0 once they are used up.
class ByteChoices {
 public:
  explicit ByteChoices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::uint32_t operator()(std::uint32_t bound) {
    if (bytes_.empty()) return 0;
    const std::uint32_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value % bound;
  }
  bool is_used_up() const { return bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

// A request with storage of its own.
struct Request {
  std::string method = "GET";
  std::string host;
  std::string path = "/";
  std::string query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};

  // Views into this object.
  RequestHead head() const {
    RequestHead head;
    head.set_method_view(method);
    head.set_authority_view(host, 0, host);
    head.set_target_view(path, query, !query.empty());
    for (const auto& [name, value] : headers) head.headers().add_view(name, value, HeaderId::kOther);
    return head;
  }
  std::string text() const {
    std::string out = method + " host=" + host + " path=" + path + " query=" + query;
    for (const auto& [name, value] : headers) out += " [" + name + ": " + value + "]";
    return out;
  }
};

template <class Choices>
std::string pick(Choices& choose, std::span<const std::string_view> from) {
  return std::string(from[choose(static_cast<std::uint32_t>(from.size()))]);
}

template <class Choices>
std::string random_path(Choices& choose) {
  static constexpr std::string_view kPieces[] = {"/", "/", "a", "b", "/a", "/b", "ab", "%2F", "/%41", "\xc3"};
  std::string path = "/";
  for (std::uint32_t i = choose(7); i > 0; --i) path += pick(choose, kPieces);
  return path;
}

template <class Choices>
RouteMatch random_match(Choices& choose) {
  static constexpr std::string_view kMethods[] = {"", "", "", "GET", "POST", "get"};
  static constexpr std::string_view kHeaders[] = {"x", "X", "y"};
  static constexpr std::string_view kValues[] = {"", "1", "2", "1, 2", "1, 1"};
  static constexpr std::string_view kParameters[] = {"q", "r", "qq"};
  static constexpr std::string_view kQueryValues[] = {"", "1", "2", "1=2"};
  RouteMatch match;
  // Some match much, some little; two have the same length, and one is no expression: it never holds.
  static constexpr std::string_view kPatterns[] = {
      "/.*", "/a.*", ".*b", "/[ab]+(/.*)?", "/a|/b", "/a/b", "(?i)/A/.*", "[^\\xc3]*", "(", "\\*"};
  const std::uint32_t kind = choose(12);
  if (kind == 0) {
    match.path = PathMatch::regular_expression(pick(choose, kPatterns));
  } else {
    match.path = kind < 5 ? PathMatch::exact(random_path(choose)) : PathMatch::prefix(random_path(choose));
  }
  match.method = pick(choose, kMethods);
  const std::uint32_t shape = choose(8);  // most matches have neither
  if (shape >= 5) match.headers.push_back({pick(choose, kHeaders), pick(choose, kValues)});
  if (shape == 6) match.headers.push_back({pick(choose, kHeaders), pick(choose, kValues)});
  if (shape == 4 || shape == 7)
    match.query.push_back({pick(choose, kParameters), pick(choose, kQueryValues)});
  static constexpr std::string_view kValuePatterns[] = {"1.*", "(1|2), 1", "", "[", ".*2"};
  for (HeaderMatch& header : match.headers) {
    if (choose(4) == 0)
      header = {header.name, pick(choose, kValuePatterns), ValueMatchType::kRegularExpression};
  }
  for (QueryMatch& query : match.query) {
    if (choose(4) == 0)
      query = {query.name, pick(choose, kValuePatterns), ValueMatchType::kRegularExpression};
  }
  return match;
}

template <class Choices>
std::shared_ptr<const Route> random_route(Choices& choose, std::string name) {
  static constexpr std::string_view kHosts[] = {"a",   "a.b",  "b.a.b", "*.a.b",   "**.a.b",
                                                "*.b", "**.b", "**.b.", "*.b.a.b", "a.b.",
                                                "*.",  "**.a", "[::1]"};
  Route route;
  route.name = std::move(name);
  for (std::uint32_t i = choose(4); i > 0; --i) route.hosts.push_back(pick(choose, kHosts));
  if (choose(2) == 0) route.created_at = static_cast<std::int64_t>(choose(3)) - 1;
  for (std::uint32_t i = choose(3); i > 0; --i) {
    RouteRule& rule = route.rules.emplace_back();
    for (std::uint32_t j = choose(4); j > 0; --j) rule.matches.push_back(random_match(choose));
    if (choose(4) == 0) {
      rule.reply = FixedReply{404, "none"};
    } else {
      for (std::uint32_t j = choose(3); j > 0; --j) {
        rule.backends.push_back({"cluster-" + std::to_string(choose(4)), choose(3), {}});
      }
    }
  }
  return std::make_shared<const Route>(std::move(route));
}

template <class Choices>
Request random_request(Choices& choose) {
  static constexpr std::string_view kMethods[] = {"GET", "POST", "get", ""};
  static constexpr std::string_view kHosts[] = {"",       "a",       "b",         "a.b",  "b.a.b", "c.a.b",
                                                "a.b.",   "a.b.a.b", "a.a.a.a.b", ".a.b", "..b",   "*.a.b",
                                                "**.a.b", "x.b",     ".",         "a..b", "[::1]", "b."};
  static constexpr std::string_view kQueries[] = {"q=1", "q", "&", "r=2", "q=1=2", "r=", "=1", "qq=1", "q=2"};
  static constexpr std::string_view kHeaders[] = {"x", "X", "y", "Y"};
  static constexpr std::string_view kValues[] = {"", "1", "2", "1, 2"};
  Request request{.method = pick(choose, kMethods), .host = pick(choose, kHosts)};
  request.path = choose(32) == 0 ? "*" : random_path(choose);
  for (std::uint32_t i = choose(4); i > 0; --i) {
    if (!request.query.empty()) request.query += '&';
    request.query += pick(choose, kQueries);
  }
  for (std::uint32_t i = choose(4); i > 0; --i) {
    request.headers.emplace_back(pick(choose, kHeaders), pick(choose, kValues));
  }
  return request;
}

}  // namespace ingress::test
