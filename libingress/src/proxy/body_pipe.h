// One direction of an exchange's bodies: what has come in, through the filters, ready to go out.
//
// Owner: an exchange. Thread: its worker's.
// Always true: holds at most kHoldBytes plus one read (the sender is paused then), or the cap of a filter
// that holds the body.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "ingress/message.h"
#include "policy/body_stage.h"

namespace ingress::proxy {

class BodyPipe {
 public:
  static constexpr std::size_t kHoldBytes = 64 * 1024;

  explicit BodyPipe(policy::Direction direction) : stage_(direction), direction_(direction) {}

  void reset();
  void push(base::Chain&& piece) {
    bytes_in_ += piece.size_bytes();
    in_.append(std::move(piece));
  }
  // The message is complete; `trailers` must last until the exchange ends.
  void end(const Headers& trailers) { trailers_ = &trailers; }

  // Moves what may go on to `out`. After the end of input has been passed, is_out_ended() is true.
  policy::StageResult pull(policy::FilterChain& chain, ExchangeContext& context, base::Chain& out,
                           base::BufferPool& pool);

  // While nobody takes what came in: small pieces must not hold the large blocks they were read into.
  void compact(base::BufferPool& pool) { in_.compact(pool); }

  bool is_in_ended() const { return trailers_ != nullptr; }
  bool is_out_ended() const { return is_out_ended_; }
  bool is_full() const { return in_.size_bytes() >= kHoldBytes; }
  const Headers& trailers() const { return *trailers_; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::unique_ptr<Reply> take_reply() { return stage_.take_reply(); }

 private:
  policy::BodyStage stage_;
  policy::Direction direction_;
  base::Chain in_;
  const Headers* trailers_ = nullptr;
  bool is_out_ended_ = false;
  std::uint64_t bytes_in_ = 0;
};

}  // namespace ingress::proxy
