// The router as the text of route.h says it, one candidate after the other: slow and obvious.
//
// The oracle of tests and fuzzing, and the engine of explanations: it keeps for every match of every
// rule why it was not taken. Shares no code with the compiled table, on purpose.
// Cost: linear in all matches of all routes, with allocation: never on the request path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/message.h"
#include "ingress/route.h"

namespace ingress::routing {

// The first part of a match that does not hold, or what became of one whose parts all hold.
enum class Verdict : std::uint8_t { kWins, kLosesToBetter, kHost, kPath, kMethod, kHeader, kQuery };
// "wins", "loses_to_better", "host", "path", "method", "header", "query".
std::string_view to_string(Verdict verdict);

// One match of one rule under one host pattern of its route.
struct RouteCandidate {
  const Route* route;
  std::size_t rule_index;
  std::size_t match_index;
  std::string host;  // the pattern; empty = any host
  Verdict verdict;
  std::string failed;  // what does not hold: a method, "name: value", "name=value", "name ~ expression"
};

class LinearPatterns;

class LinearRouter {
 public:
  explicit LinearRouter(std::vector<std::shared_ptr<const Route>> routes);
  ~LinearRouter();

  // Every candidate in the order in which they are preferred, whether they hold or not; at most one wins.
  std::vector<RouteCandidate> explain(const RequestHead& head) const;

 private:
  std::vector<std::shared_ptr<const Route>> routes_;
  std::unique_ptr<const LinearPatterns> patterns_;  // of all regular expressions in `routes_`
};

}  // namespace ingress::routing
