#include "routing/pattern_cache.h"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/pattern.h"

namespace ingress::routing {
namespace {

// Values by key up to a sum of their charges; what was asked for last stays. `View` is what keys are asked
// for by: asking for one that is there allocates nothing.
template <class Key, class View, class Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // `make(key)` gives the value (any movable one) and its charge when the key is new.
  template <class Make>
  Value& get(View key, Make make) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      items_.splice(items_.begin(), items_, found->second);
      return found->second->value;
    }
    auto [value, charge] = make(key);
    items_.push_front({Key(key), std::move(value), charge});
    by_key_[items_.front().key] = items_.begin();
    bytes_ += charge;
    while (bytes_ > max_bytes_ && items_.size() > 1) {
      bytes_ -= items_.back().charge;
      by_key_.erase(items_.back().key);
      items_.pop_back();
    }
    return items_.front().value;
  }
  std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    Key key;
    Value value;
    std::size_t charge;
  };
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<Item> items_;                                                // most recently used first
  std::unordered_map<View, typename std::list<Item>::iterator> by_key_;  // views of the items' keys
};

// Half of the memory each.
thread_local RecentlyUsed<std::string, std::string_view, std::unique_ptr<const base::Pattern>>
    patterns_of_thread(kMaxPatternBytesOfThread / 2);
thread_local RecentlyUsed<std::uint64_t, std::uint64_t, std::unique_ptr<base::PatternSet>> sets_of_thread(
    kMaxPatternBytesOfThread / 2);

}  // namespace

bool pattern_holds(std::string_view pattern, std::string_view text) {
  const auto& compiled = patterns_of_thread.get(pattern, [](std::string_view key) {
    auto made = base::Pattern::compile(key);
    const std::size_t charge = made ? made->charge_bytes() : key.size() + 1;
    return std::pair(std::move(made), charge);
  });
  return compiled && compiled->matches(text);
}

void find_patterns(std::uint64_t id, std::span<const std::string_view> patterns, std::string_view text,
                   std::vector<int>& found) {
  sets_of_thread
      .get(id,
           [&](std::uint64_t) {
             auto made = std::make_unique<base::PatternSet>(patterns);
             const std::size_t charge = made->charge_bytes();
             return std::pair(std::move(made), charge);
           })
      ->match(text, found);
}

std::size_t num_compiled_patterns() {
  return patterns_of_thread.size() + sets_of_thread.size();
}

}  // namespace ingress::routing
