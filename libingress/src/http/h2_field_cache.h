// What was found out about a client's fields, for the next request: HPACK gives a field that stands in its
// tables as the same two buffers each time, by which it is known again without a look at its bytes.
//
// Owner: an H2Server. Thread: its worker's.
// Always true: the buffers of a field that is kept are held, so that no other field can come in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "http/h2_field.h"

struct nghttp2_rcbuf;

namespace ingress::http {

class H2FieldCache {
 public:
  H2FieldCache() = default;
  ~H2FieldCache() { clear(); }
  H2FieldCache(const H2FieldCache&) = delete;
  H2FieldCache& operator=(const H2FieldCache&) = delete;

  // Valid until the next call, and while the buffers are.
  H2ReadField find(nghttp2_rcbuf* name, nghttp2_rcbuf* value);

 private:
  static constexpr std::size_t kNumSets = 16, kNumWays = 4, kNumRecent = 32;
  // HPACK's table has 4 KB; the rest is for fields that it has dropped and we have not.
  static constexpr std::size_t kMaxBytes = 8 * 1024, kMaxFieldBytes = 1024;
  struct Entry {
    nghttp2_rcbuf* name = nullptr;
    nghttp2_rcbuf* value = nullptr;
    std::unique_ptr<char[]> line;
    std::uint32_t name_size = 0, value_size = 0;
    H2FieldFacts facts = {};
  };
  struct Set {
    std::array<Entry, kNumWays> entries;
    std::size_t next = 0;  // to be replaced
  };
  H2ReadField judge_new(nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::size_t set);
  bool was_seen(const nghttp2_rcbuf* value);
  void keep(nghttp2_rcbuf* name, nghttp2_rcbuf* value, const H2ReadField& field, std::size_t set);
  void drop(Entry& entry);
  void clear();

  std::unique_ptr<std::array<Set, kNumSets>> sets_;  // from the first field on that came twice
  // Values that came lately, and are not held: only what comes again is worth keeping.
  std::array<const nghttp2_rcbuf*, kNumRecent> recent_{};
  std::size_t next_recent_ = 0;
  std::size_t num_bytes_ = 0;  // of lines
};

}  // namespace ingress::http
