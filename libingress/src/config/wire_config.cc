// A configuration held part by part in wire form.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/hash.h"
#include "config/wire_fields.h"
#include "config/wire_head.h"
#include "ingress/wire.h"

namespace ingress {
namespace {

using namespace config;

constexpr unsigned kDigestBytes = 8;

using Parts = std::map<std::string, std::string, std::less<>>;  // bytes by name

// What changes in one list, sorted by name. Views of what the parts hold.
struct ListChange {
  std::vector<std::string_view> upserts, removes;
  bool is_empty() const { return upserts.empty() && removes.empty(); }
};

std::string write_change(const std::vector<ListChange>& changes) {
  if (std::ranges::all_of(changes, &ListChange::is_empty)) return {};
  std::string out = begin_wire(WireKind::kDelta);
  WireWriter writer(out);
  for (const ListChange& change : changes) {
    for (const auto* list : {&change.upserts, &change.removes}) {
      writer.number(list->size());
      for (const std::string_view text : *list) writer.text(text);
    }
  }
  return out;
}

// From `before` to `after`.
ListChange compare(const Parts& before, const Parts& after) {
  ListChange change;
  for (const auto& [name, bytes] : after) {
    const auto held = before.find(name);
    if (held == before.end() || held->second != bytes) change.upserts.push_back(bytes);
  }
  for (const auto& [name, bytes] : before) {
    if (!after.contains(name)) change.removes.push_back(name);
  }
  return change;
}

}  // namespace

struct WireConfig::Impl {
  std::vector<Parts> lists = std::vector<Parts>(num_lists());
};

WireConfig::WireConfig() : impl_(std::make_unique<Impl>()) {}
WireConfig::WireConfig(WireConfig&&) noexcept = default;
WireConfig& WireConfig::operator=(WireConfig&&) noexcept = default;
WireConfig::~WireConfig() = default;

std::string WireConfig::replace(const GatewayConfig& config) {
  std::vector<Parts> after;
  for_each_list([&](auto list) {
    Parts& parts = after.emplace_back();
    for (const auto& part : config.*list) parts.insert_or_assign(part.name, part_bytes(part));
  });
  std::vector<ListChange> changes;
  for (std::size_t i = 0; i < after.size(); ++i) changes.push_back(compare(impl_->lists[i], after[i]));
  std::string out = write_change(changes);
  impl_->lists = std::move(after);
  return out;
}

std::string WireConfig::apply(const ConfigDelta& delta) {
  std::vector<ListChange> changes;
  std::vector<Parts::node_type> removed;  // whose names the change still shows
  for_each_list([&]<class Part>(std::vector<Part> GatewayConfig::*) {
    Parts& parts = impl_->lists[changes.size()];
    ListChange& change = changes.emplace_back();
    std::set<std::string_view> upserted, changed;
    for (const Part& part : delta.*DeltaLists<Part>::kUpsert) {
      std::string bytes = part_bytes(part);
      const auto [held, is_new] = parts.try_emplace(part.name);
      upserted.insert(held->first);
      if (!is_new && held->second == bytes) continue;
      held->second = std::move(bytes);
      changed.insert(held->first);
    }
    for (const std::string& name : delta.*DeltaLists<Part>::kRemove) {
      if (upserted.contains(name)) continue;
      auto node = parts.extract(name);
      if (node.empty()) continue;
      change.removes.push_back(node.key());
      removed.push_back(std::move(node));
    }
    std::ranges::sort(change.removes);
    for (const std::string_view name : changed) change.upserts.push_back(parts.find(name)->second);
  });
  return write_change(changes);
}

std::size_t WireConfig::num_parts() const {
  std::size_t num = 0;
  for (const Parts& parts : impl_->lists) num += parts.size();
  return num;
}

std::string WireConfig::to_wire() const {
  std::string out = begin_wire(WireKind::kConfig);
  std::size_t size = out.size();
  constexpr std::size_t kMaxNumberBytes = 10;
  for (const Parts& parts : impl_->lists) {
    size += kMaxNumberBytes;
    for (const auto& [name, bytes] : parts) size += bytes.size() + kMaxNumberBytes;
  }
  out.reserve(size);
  WireWriter writer(out);
  for (const Parts& parts : impl_->lists) {
    writer.number(parts.size());
    for (const auto& [name, bytes] : parts) writer.text(bytes);
  }
  return out;
}

GatewayConfig WireConfig::config() const {
  GatewayConfig config;
  std::size_t index = 0;
  for_each_list([&](auto list) {
    for (const auto& [name, bytes] : impl_->lists[index]) {
      WireReader reader(bytes);
      take(reader, (config.*list).emplace_back());
    }
    ++index;
  });
  return config;
}

std::string WireConfig::inventory(const WireKey& key) const {
  std::string out = begin_wire(WireKind::kInventory);
  WireWriter writer(out);
  for (const Parts& parts : impl_->lists) {
    writer.number(parts.size());
    for (const auto& [name, bytes] : parts) {
      writer.text(name);
      writer.fixed(base::sip_hash(key.first, key.second, bytes), kDigestBytes);
    }
  }
  return out;
}

std::expected<std::string, Error> WireConfig::difference(std::string_view inventory,
                                                         const WireKey& key) const {
  WireReader reader(inventory);
  if (auto error = check_wire(reader, inventory.size(), WireKind::kInventory))
    return std::unexpected(std::move(*error));
  std::vector<ListChange> changes;
  for (const Parts& parts : impl_->lists) {
    ListChange& change = changes.emplace_back();
    std::set<std::string_view> same;
    for (std::size_t left = reader.count(); left > 0 && reader.is_good(); --left) {
      const std::string_view name = reader.text();
      const std::uint64_t digest = reader.fixed(kDigestBytes);
      const auto held = parts.find(name);
      if (held == parts.end()) {
        change.removes.push_back(name);
      } else if (base::sip_hash(key.first, key.second, held->second) == digest) {
        same.insert(held->first);
      }
    }
    std::ranges::sort(change.removes);
    for (const auto& [name, bytes] : parts) {
      if (!same.contains(name)) change.upserts.push_back(bytes);
    }
  }
  if (auto error = check_end(reader)) return std::unexpected(std::move(*error));
  return write_change(changes);
}

}  // namespace ingress
