#include "controller/slice_index.h"

namespace ingress::controller {

SliceIndex SliceIndex::of(const Store& store) {
  SliceIndex out;
  store.for_each<EndpointSlice>(
      [&](const EndpointSlice& slice, const std::string& source) { out.put(slice, source); });
  return out;
}

void SliceIndex::put(const EndpointSlice& slice, const std::string& source) {
  if (slice.service.empty()) return;
  slices_[{slice.meta.namespace_, slice.service}].insert_or_assign(slice.meta.name, Stored{&slice, &source});
  services_.insert_or_assign({slice.meta.namespace_, slice.meta.name}, slice.service);
}

std::vector<ObjectName> SliceIndex::update(const Store& store, const ObjectName& name) {
  std::vector<ObjectName> out;
  if (const auto known = services_.find(name); known != services_.end()) {
    out.emplace_back(name.first, known->second);
    const auto slices = slices_.find(out.back());
    slices->second.erase(name.second);
    if (slices->second.empty()) slices_.erase(slices);
    services_.erase(known);
  }
  const StoredObject* stored = store.find({EndpointSlice::kKind, name.first, name.second});
  if (stored == nullptr) return out;
  const auto& slice = std::get<EndpointSlice>(stored->object);
  put(slice, stored->source);
  if (!slice.service.empty()) out.emplace_back(name.first, slice.service);
  return out;
}

const SliceIndex::Slices* SliceIndex::find(const ObjectName& service) const {
  const auto found = slices_.find(service);
  return found == slices_.end() ? nullptr : &found->second;
}

}  // namespace ingress::controller
