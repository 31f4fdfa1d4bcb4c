// What a source that knows single objects (an API server) tells the reconciler, and what it is told.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "controller/store.h"
#include "ingress/config.h"

namespace ingress::controller {

// An object as read: nothing when it was refused, which its problems explain.
struct ReadObject {
  ObjectKey key;
  std::optional<Object> object;
  std::vector<Problem> problems;  // with source "cluster"
};

class ObjectSink {
 public:
  using Clock = std::chrono::steady_clock;
  // One object is there, in this form, from now on. One that was refused is not there, but its problems are.
  virtual void upsert(ReadObject object, Clock::time_point now) = 0;
  virtual void remove(const ObjectKey& key, Clock::time_point now) = 0;
  // A whole list of one kind: what is not in it is gone. `namespace_` empty: of all namespaces.
  virtual void replace(const std::string& kind, const std::string& namespace_,
                       std::vector<ReadObject> objects, Clock::time_point now) = 0;
  // What is wrong with the source itself ("the API server refuses to list Secrets in shop: ..."); replaces
  // what was said before.
  virtual void set_source_problems(std::vector<Problem> problems) = 0;

 protected:
  ~ObjectSink() = default;
};

// namespace, name
using ObjectName = std::pair<std::string, std::string>;

// Objects that others refer to, so that a source can get just those: sorted, whether they exist or not.
struct References {
  std::set<ObjectName> secrets;
  friend bool operator==(const References&, const References&) = default;
};

}  // namespace ingress::controller
