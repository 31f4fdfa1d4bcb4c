#include "policy/body_stage.h"

#include <algorithm>

namespace ingress::policy {

namespace {

void append_chain(std::string& to, base::Chain& from) {
  while (!from.is_empty()) {
    const base::Slice slice = from.take_front();
    to.append(slice.view());
  }
}

}  // namespace

void BodyStage::reset() {
  // Large bodies do not stay behind in idle exchanges.
  if (held_.capacity() > base::BufferPool::kLargeBytes) held_ = {};
  held_.clear();
  reply_.reset();
}

StageResult BodyStage::push(base::Chain&& in, bool is_last, FilterChain& chain, ExchangeContext& context,
                            base::Chain& out, base::BufferPool& pool) {
  const BodyInterest& interest = chain.interest(direction_);
  if (!interest.is_wanted()) {
    out.append(std::move(in));
    return StageResult::kPassed;
  }
  const bool is_buffering = interest.mode == BodyMode::kBuffer;
  if (is_buffering && held_.size() + in.size_bytes() > interest.cap_bytes) return StageResult::kTooLarge;
  append_chain(held_, in);
  if (is_buffering && !is_last) return StageResult::kPassed;
  Verdict verdict = chain.run_body(direction_, held_, is_last, context);
  // The filters behind it have not seen the piece: it must not go on.
  if (verdict.kind() == Verdict::Kind::kWait) return StageResult::kFailed;
  if (verdict.kind() == Verdict::Kind::kReply) {
    reply_ = std::make_unique<Reply>(std::move(verdict.get_reply()));
    return StageResult::kRefused;
  }
  for (std::string_view rest = held_; !rest.empty();) {
    const std::string_view part = rest.substr(0, base::BufferPool::kLargeBytes);
    out.append(pool.copy(part));
    rest.remove_prefix(part.size());
  }
  held_.clear();
  return StageResult::kPassed;
}

}  // namespace ingress::policy
