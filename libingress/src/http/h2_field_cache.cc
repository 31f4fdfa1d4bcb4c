#include "http/h2_field_cache.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ingress::http {
namespace {

std::string_view view(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

// The four upper bits are mixed best.
std::size_t hash(const nghttp2_rcbuf* name, const nghttp2_rcbuf* value) {
  const auto bits = reinterpret_cast<std::uintptr_t>(value) + 3 * reinterpret_cast<std::uintptr_t>(name);
  return static_cast<std::size_t>(bits * 0x9e37'79b9'7f4a'7c15u >> 60);
}

}  // namespace

H2ReadField H2FieldCache::find(nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  static_assert(kNumSets == 16);
  const std::size_t set = hash(name, value);
  if (sets_) {
    for (const Entry& entry : (*sets_)[set].entries) {
      if (entry.value != value || entry.name != name) continue;
      const char* const line = entry.line.get();
      return {{line, entry.name_size}, {line + entry.name_size + 2, entry.value_size}, line, entry.facts};
    }
  }
  return judge_new(name, value, set);
}

H2ReadField H2FieldCache::judge_new(nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::size_t set) {
  H2ReadField field{.name = view(name), .value = view(value)};
  field.facts = judge_field(field.name, field.value);
  // Paths differ from request to request, and those who write them keep them out of the tables.
  const bool is_kept = field.facts.is_value_ok && field.facts.name != H2Name::kPath &&
                       field.name.size() + field.value.size() <= kMaxFieldBytes && was_seen(value);
  if (is_kept) keep(name, value, field, set);
  return field;
}

// If not, it is from now on.
bool H2FieldCache::was_seen(const nghttp2_rcbuf* value) {
  if (std::ranges::find(recent_, value) != recent_.end()) return true;
  recent_[next_recent_] = value;
  next_recent_ = (next_recent_ + 1) % kNumRecent;
  return false;
}

void H2FieldCache::keep(nghttp2_rcbuf* name, nghttp2_rcbuf* value, const H2ReadField& field,
                        std::size_t set) {
  const std::size_t size = line_bytes(field.name.size(), field.value.size());
  if (num_bytes_ + size > kMaxBytes) clear();
  if (!sets_) sets_ = std::make_unique<std::array<Set, kNumSets>>();
  Set& its_set = (*sets_)[set];
  Entry& entry = its_set.entries[its_set.next];
  its_set.next = (its_set.next + 1) % kNumWays;
  drop(entry);
  entry.line = std::make_unique_for_overwrite<char[]>(size);
  char* at = entry.line.get();
  const auto put = [&at](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(field.name);
  put(": ");
  put(field.value);
  put("\r\n");
  nghttp2_rcbuf_incref(name);
  nghttp2_rcbuf_incref(value);
  entry.name = name;
  entry.value = value;
  entry.name_size = static_cast<std::uint32_t>(field.name.size());
  entry.value_size = static_cast<std::uint32_t>(field.value.size());
  entry.facts = field.facts;
  num_bytes_ += size;
}

void H2FieldCache::drop(Entry& entry) {
  if (entry.value == nullptr) return;
  num_bytes_ -= line_bytes(entry.name_size, entry.value_size);
  nghttp2_rcbuf_decref(entry.name);
  nghttp2_rcbuf_decref(entry.value);
  entry = {};
}

void H2FieldCache::clear() {
  if (!sets_) return;
  for (Set& set : *sets_) {
    for (Entry& entry : set.entries) drop(entry);
  }
}

}  // namespace ingress::http
