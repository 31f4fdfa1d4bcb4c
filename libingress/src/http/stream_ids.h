// The stream numbers of a client, and what a HEADERS frame for one that is not open any more means.
//
// Owner: a connection. Thread: its worker's. Linear in the number of gaps (honest clients have none) and of
// streams that ended before their request.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ingress::http {

class StreamIds {
 public:
  // A stream was opened, with a higher number than all before.
  void open(std::int32_t id) {
    if (id > next_ && num_gaps_ < gaps_.size()) gaps_[num_gaps_++] = {next_, id};
    next_ = std::int64_t{id} + 2;
  }
  // A stream was closed by us before its request had ended: frames of it may be on their way.
  void close_early(std::int32_t id) {
    if (early_.size() < kMaxEarly) {
      early_.push_back(id);
    } else {
      early_[oldest_++ % kMaxEarly] = id;
    }
  }

  enum class Meaning : std::uint8_t {
    kNew,      // no stream had so high a number yet
    kSkipped,  // passed over, and so closed without ever having been used (RFC 9113 5.1.1)
    kLate,     // closed by us, which the client may not have known
    kClosed,   // it had ended its request itself
  };
  // Of a number without an open stream.
  Meaning judge(std::int32_t id) const {
    if (id >= next_) return Meaning::kNew;
    const bool is_skipped = std::any_of(gaps_.begin(), gaps_.begin() + num_gaps_,
                                        [id](const Gap& gap) { return id >= gap.from && id < gap.to; });
    if (is_skipped) return Meaning::kSkipped;
    return std::find(early_.begin(), early_.end(), id) != early_.end() ? Meaning::kLate : Meaning::kClosed;
  }

 private:
  struct Gap {
    std::int64_t from = 0, to = 0;
  };
  static constexpr std::size_t kMaxEarly = 128;
  std::array<Gap, 8> gaps_;  // numbers behind more of them count as used
  std::size_t num_gaps_ = 0;
  std::vector<std::int32_t> early_;  // a ring once it is full
  std::size_t oldest_ = 0;
  std::int64_t next_ = 1;
};

}  // namespace ingress::http
