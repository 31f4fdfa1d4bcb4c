// EndpointSlices by the Service that they are of.
//
// Owner: whoever translates. Caller: updates what was touched in the store before it asks. Borrows from it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/object_sink.h"
#include "controller/store.h"

namespace ingress::controller {

class SliceIndex {
 public:
  struct Stored {
    const EndpointSlice* slice;
    const std::string* source;
  };
  using Slices = std::map<std::string, Stored>;  // by name

  // Of all slices in `store`.
  static SliceIndex of(const Store& store);
  // Takes over what `store` has of that name now. Returns the Services whose slices are other ones now.
  std::vector<ObjectName> update(const Store& store, const ObjectName& slice);
  // Null when there are none.
  const Slices* find(const ObjectName& service) const;

 private:
  void put(const EndpointSlice& slice, const std::string& source);

  std::map<ObjectName, Slices> slices_;
  std::map<ObjectName, std::string> services_;  // by slice: the name of its Service
};

}  // namespace ingress::controller
