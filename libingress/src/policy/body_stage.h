// A body on its way through the filters that asked for it: piece by piece, or held whole.
//
// Owner: an exchange, one per direction. Thread: its worker's.
// Always true: holds at most the cap that was asked for.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.h"
#include "policy/filter_chain.h"

namespace ingress::policy {

enum class StageResult : std::uint8_t {
  kPassed,    // `out` has what may go on (perhaps nothing yet)
  kTooLarge,  // more than the cap
  kRefused,   // a filter answered instead: take_reply()
  kFailed,    // a filter said what it may not say here
};

class BodyStage {
 public:
  explicit BodyStage(Direction direction) : direction_(direction) {}

  // Before each exchange.
  void reset();
  // Takes `in`; `is_last` once, with the last piece or none. Appends to `out` what may go on.
  StageResult push(base::Chain&& in, bool is_last, FilterChain& chain, ExchangeContext& context,
                   base::Chain& out, base::BufferPool& pool);
  std::unique_ptr<Reply> take_reply() { return std::move(reply_); }

 private:
  Direction direction_;
  std::string held_;
  std::unique_ptr<Reply> reply_;
};

}  // namespace ingress::policy
