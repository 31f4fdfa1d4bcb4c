// The UDP listeners of a Publisher: which there are, their sockets, and the slots of their clusters.
//
// Owner: Publisher. Thread: as its, one at a time. Always true: listeners() are those of the last commit().
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/slot_registry.h"
#include "config/validate.h"
#include "ingress/config.h"
#include "proxy/snapshot.h"

namespace ingress::proxy {

class UdpPublisher {
 public:
  // Gives the sockets of a new listener.
  using Bind = std::function<std::expected<std::shared_ptr<BoundListener>, Error>(const UdpListener&)>;
  using Listeners = std::map<std::string, UdpListener, std::less<>>;
  using Entries = std::vector<UdpListenerEntry>;

  UdpPublisher(Bind bind, std::shared_ptr<base::SlotRegistry> slots)
      : bind_(std::move(bind)), slots_(std::move(slots)) {}

  const Listeners& listeners() const { return listeners_; }
  // What leads from listeners() to `wanted`.
  void add_changes(const std::vector<UdpListener>& wanted, ConfigDelta& delta) const;
  Listeners after(const ConfigDelta& delta) const;
  // All of `listeners`: a cluster that goes or changes may be one of theirs.
  static void check(const Listeners& listeners, const config::FindCluster& find_cluster,
                    std::vector<Problem>& problems);
  // Those of the last commit() keep their sockets; what cannot be bound is a problem.
  std::expected<Entries, std::vector<Problem>> bind(const Listeners& listeners) const;
  // False when nothing changed.
  bool commit(Listeners listeners, const Entries& entries);

 private:
  std::shared_ptr<BoundListener> find_bound(const UdpListener& listener) const;

  Bind bind_;
  std::shared_ptr<base::SlotRegistry> slots_;
  Listeners listeners_;
  Entries entries_;
};

}  // namespace ingress::proxy
