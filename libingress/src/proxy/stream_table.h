// Which stream route takes a connection: part of a Snapshot, one table per listener that has any, found by
// hash.
//
// Owner: the snapshots that have the listener; a worker's connections until they have a backend. Thread: any,
// without locks: nothing in here changes but StreamCount.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ingress/config.h"
#include "routing/compiled_route.h"

namespace ingress::proxy {

// Connections of a route in the whole process. Workers meet here alone, once when a connection begins and
// once when it ends: relaxed is enough, as the number orders nothing.
struct StreamCount {
  std::atomic<std::uint32_t> num_open{0};
};

// The right to one connection; given back when destroyed.
class StreamPlace {
 public:
  StreamPlace() = default;
  StreamPlace(StreamPlace&&) noexcept = default;
  StreamPlace& operator=(StreamPlace&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~StreamPlace() {
    if (count_) count_->num_open.fetch_sub(1, std::memory_order_relaxed);
  }
  // Empty when `max` are out; 0 = no limit. They are counted without a limit too: it may get one.
  static StreamPlace take(const std::shared_ptr<StreamCount>& count, std::uint32_t max);
  explicit operator bool() const { return count_ != nullptr; }

 private:
  explicit StreamPlace(std::shared_ptr<StreamCount> count) : count_(std::move(count)) {}
  std::shared_ptr<StreamCount> count_;
};

struct CompiledStreamRoute {
  StreamRoute value;
  std::uint64_t id;  // as of a CompiledRule
  std::shared_ptr<StreamCount> count;
  std::vector<routing::CompiledBackend> backends = {};  // in the order of value.backends
  std::uint64_t total_weight = 0;                       // 0: every connection is closed
};
using CompiledStreamRoutePtr = std::shared_ptr<const CompiledStreamRoute>;

class StreamTable {
 public:
  // `routes`: all of one listener, by name.
  explicit StreamTable(std::vector<CompiledStreamRoutePtr> routes);

  // Takes every connection, unread; null: the first bytes decide.
  const CompiledStreamRoute* unread() const { return unread_; }
  // For a connection that begins with TLS; null: none takes it. `server_name`: lower case, empty for none.
  const CompiledStreamRoute* find(std::string_view server_name) const;
  const std::vector<CompiledStreamRoutePtr>& routes() const { return routes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // Views into `routes_`; of wildcards what follows "*.".
  using Names = std::unordered_map<std::string_view, const CompiledStreamRoute*, Hash, std::equal_to<>>;

  std::vector<CompiledStreamRoutePtr> routes_;
  Names exact_, wildcards_;
  const CompiledStreamRoute* unread_ = nullptr;
  const CompiledStreamRoute* others_ = nullptr;  // for what no name is of
};

// Makes the next tables out of the last ones and a change. Control side only; one thread at a time.
// Always true: tables of listeners that a change does not touch stay the same objects.
class StreamTables {
 public:
  explicit StreamTables(std::shared_ptr<base::SlotRegistry> slots) : slots_(std::move(slots)) {}

  // The routes as they would be after a change, by name.
  std::vector<StreamRoute> after(const ConfigDelta& delta) const;
  // Whether anything changed.
  bool apply(const ConfigDelta& delta);
  // Null when the listener has no routes.
  std::shared_ptr<const StreamTable> find(const std::string& listener) const;
  const std::unordered_map<std::string, CompiledStreamRoutePtr>& routes() const { return routes_; }

 private:
  CompiledStreamRoutePtr compile(const StreamRoute& route);
  std::shared_ptr<StreamCount> count_of(const std::string& name);
  void remake(const std::string& listener);

  std::shared_ptr<base::SlotRegistry> slots_;
  std::unordered_map<std::string, CompiledStreamRoutePtr> routes_;
  std::unordered_map<std::string, std::shared_ptr<const StreamTable>> tables_;  // by listener
  // By route: one that leaves the configuration and comes back finds the connections that it still has.
  std::unordered_map<std::string, std::weak_ptr<StreamCount>> counts_;
};

}  // namespace ingress::proxy
