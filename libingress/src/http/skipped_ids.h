// Which stream numbers of a client were passed over: with a higher one they are closed, without ever having
// been used (RFC 9113 5.1.1). Whoever uses one later is out of step; a number that was used and is closed may
// still have frames under way.
//
// Owner: a connection. Thread: its worker's. Honest clients skip none, so that few ranges are enough.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ingress::http {

class SkippedIds {
 public:
  // A stream was opened, with a higher number than all before.
  void open(std::int32_t id) {
    if (id > next_ && num_ranges_ < ranges_.size()) ranges_[num_ranges_++] = {next_, id};
    next_ = id + 2;
  }
  // Whether `id`, which is below that of a stream that was opened, was skipped; those behind too many gaps
  // count as used.
  bool contains(std::int32_t id) const {
    for (std::size_t i = 0; i < num_ranges_; ++i) {
      if (id >= ranges_[i].from && id < ranges_[i].to) return true;
    }
    return false;
  }
  std::int32_t next() const { return next_; }

 private:
  struct Range {
    std::int32_t from = 0, to = 0;
  };
  std::array<Range, 8> ranges_;
  std::size_t num_ranges_ = 0;
  std::int32_t next_ = 1;
};

}  // namespace ingress::http
