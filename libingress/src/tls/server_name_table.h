// What is for some server names: a part of a Snapshot, found by hash.
//
// A name is looked up exactly, then as a wildcard of one label (RFC 6125 6.4.3), as routing does it.
// Owner: a Snapshot, and handshakes under way. Thread: any, without locks: nothing in here changes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counted_ptr.h"
#include "base/persistent_map.h"

namespace ingress::tls {

// `Part` has key(), unique, and value().server_names, which never change, and what CountedPtr<const Part>
// needs. `Rank` makes of one what orders those of the same name.
template <class Part, class Rank>
class ServerNameTable {
 public:
  using Pointer = base::CountedPtr<const Part>;
  class Builder;

  // Those for `server_name`, in lower case; none when there is no such name.
  std::span<const Pointer> find(std::string_view server_name) const {
    const OfName* found = exact_.find(server_name);
    if (found == nullptr) {
      const std::size_t dot = server_name.find('.');
      if (dot != std::string_view::npos && dot > 0) found = wildcards_.find(server_name.substr(dot + 1));
    }
    if (found == nullptr) return {};
    return found->parts;
  }
  // By its own name; null when there is none.
  const Part* find_named(std::string_view name) const { return by_name_.find(name); }
  std::size_t size() const { return by_name_.size(); }
  // visit(const Part&) for each, in no stated order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    by_name_.for_each(visit);
  }

 private:
  // Those of one server name; never empty.
  struct OfName {
    std::string name;  // of a wildcard without "*."
    std::vector<Pointer> parts;

    std::string_view key() const { return name; }
    static void destroy(const OfName* entry) { delete entry; }
    mutable std::atomic<std::uint32_t> refs{0};
  };

  base::PersistentMap<Part> by_name_;
  base::PersistentMap<OfName> exact_;
  base::PersistentMap<OfName> wildcards_;
};

// Many changes at once. The table it started from never changes.
// Owner and thread: its maker's. Cost: what changes.
template <class Part, class Rank>
class ServerNameTable<Part, Rank>::Builder {
 public:
  explicit Builder(const ServerNameTable& base)
      : by_name_(base.by_name_), exact_(base.exact_), wildcards_(base.wildcards_) {}

  // Replaces the one of the same name.
  void put(Pointer part) {
    remove(part->key());
    for (const std::string& name : part->value().server_names) change_name(name, nullptr, part);
    by_name_.put(std::move(part));
  }
  void remove(std::string_view name) {
    const Part* held = by_name_.find(name);
    if (held == nullptr) return;
    for (const std::string& server_name : held->value().server_names) change_name(server_name, held, {});
    by_name_.erase(name);
  }
  ServerNameTable take() {
    ServerNameTable table;
    table.by_name_ = by_name_.take();
    table.exact_ = exact_.take();
    table.wildcards_ = wildcards_.take();
    return table;
  }

 private:
  using Names = typename base::PersistentMap<OfName>::Builder;

  void change_name(const std::string& server_name, const Part* without, const Pointer& with) {
    const bool is_wildcard = server_name.starts_with("*.");
    Names& names = is_wildcard ? wildcards_ : exact_;
    const std::string_view key = std::string_view(server_name).substr(is_wildcard ? 2 : 0);
    auto* made = new OfName();
    base::CountedPtr<const OfName> entry(made);
    made->name = key;
    if (const OfName* before = names.find(key)) made->parts = before->parts;
    std::erase_if(made->parts, [&](const Pointer& part) { return part.get() == without; });
    if (with) {
      const auto rank = [](const Pointer& part) { return Rank{}(*part); };
      made->parts.insert(std::ranges::lower_bound(made->parts, rank(with), {}, rank), with);
    }
    if (made->parts.empty()) {
      names.erase(key);
    } else {
      names.put(std::move(entry));
    }
  }

  typename base::PersistentMap<Part>::Builder by_name_;
  Names exact_;
  Names wildcards_;
};

}  // namespace ingress::tls
