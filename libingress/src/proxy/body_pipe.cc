#include "proxy/body_pipe.h"

#include <utility>

namespace ingress::proxy {

void BodyPipe::reset() {
  stage_.reset();
  in_.clear();
  trailers_ = nullptr;
  is_out_ended_ = false;
  bytes_in_ = 0;
}

policy::StageResult BodyPipe::pull(policy::FilterChain& chain, ExchangeContext& context, base::Chain& out,
                                   base::BufferPool& pool) {
  if (is_out_ended_) return policy::StageResult::kPassed;
  if (!chain.interest(direction_).is_wanted()) {
    out.append(std::move(in_));
    in_.clear();
    is_out_ended_ = is_in_ended();
    return policy::StageResult::kPassed;
  }
  if (in_.is_empty() && !is_in_ended()) return policy::StageResult::kPassed;
  base::Chain piece = std::exchange(in_, {});
  const policy::StageResult result = stage_.push(std::move(piece), is_in_ended(), chain, context, out, pool);
  is_out_ended_ = is_in_ended();
  return result;
}

}  // namespace ingress::proxy
