// Small dense numbers for names, so that the request path indexes vectors instead of hashing names.
//
// Owner: the control side (held alive by its slots too). Thread: any, one mutex; never on the request path.
// Always true: two live slots never share an index; a name keeps its index while anybody holds its slot,
// and an index is given to another name only after the last holder (a compiled rule, a table entry, and so
// every snapshot that knows it) has let go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ingress::base {

struct Slot {
  std::uint32_t index;
  std::string name;
};
using SlotLease = std::shared_ptr<const Slot>;

class SlotRegistry : public std::enable_shared_from_this<SlotRegistry> {
 public:
  static std::shared_ptr<SlotRegistry> create() { return std::shared_ptr<SlotRegistry>(new SlotRegistry); }

  // The live slot of `name`, or a new one with the lowest free index.
  SlotLease lease(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (auto found = live_.find(std::string(name)); found != live_.end()) {
      if (SlotLease held = found->second.lock()) return held;
    }
    std::uint32_t index = next_;
    if (free_.empty()) {
      ++next_;
    } else {
      index = free_.top();
      free_.pop();
    }
    SlotLease slot(new Slot{index, std::string(name)}, [home = shared_from_this()](const Slot* ended) {
      home->give_back(*ended);
      delete ended;
    });
    live_[slot->name] = slot;
    return slot;
  }

  // One past the highest index ever given.
  std::uint32_t size() const {
    const std::lock_guard lock(mutex_);
    return next_;
  }

 private:
  SlotRegistry() = default;
  void give_back(const Slot& slot) {
    const std::lock_guard lock(mutex_);
    free_.push(slot.index);
    // A newer slot of the same name may have taken the place already.
    if (auto found = live_.find(slot.name); found != live_.end() && found->second.expired())
      live_.erase(found);
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<const Slot>> live_;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> free_;
  std::uint32_t next_ = 0;
};

}  // namespace ingress::base
