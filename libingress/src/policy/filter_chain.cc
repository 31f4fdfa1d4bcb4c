#include "policy/filter_chain.h"

#include <algorithm>

namespace ingress {

Verdict Verdict::reply(Reply reply) {
  Verdict verdict(Kind::kReply);
  verdict.reply_ = std::make_unique<Reply>(std::move(reply));
  return verdict;
}

}  // namespace ingress

namespace ingress::policy {

void FilterChain::begin(FilterList& filters) {
  clear();
  filters_ = &filters;
}

void FilterChain::clear() {
  filters_ = nullptr;
  next_request_ = num_responses_run_ = running_ = 0;
  interest_[0] = interest_[1] = {};
  states_.clear();
}

Verdict FilterChain::run_request(RequestHead& head, ExchangeContext& context) {
  while (next_request_ < filters_->size()) {
    running_ = next_request_++;
    Verdict verdict = at(running_).on_request(head, context);
    if (verdict.kind() != Verdict::Kind::kNext) return verdict;
  }
  return Verdict::next();
}

Verdict FilterChain::run_response(ResponseHead& head, ExchangeContext& context) {
  while (num_responses_run_ < filters_->size()) {
    running_ = filters_->size() - ++num_responses_run_;
    Verdict verdict = at(running_).on_response(head, context);
    if (verdict.kind() != Verdict::Kind::kNext) return verdict;
  }
  return Verdict::next();
}

Verdict FilterChain::run_body(Direction direction, std::string& piece, bool is_last,
                              ExchangeContext& context) {
  const std::uint64_t interested = interest(direction).filters;
  for (std::size_t step = 0; step < filters_->size(); ++step) {
    running_ = direction == Direction::kRequest ? step : filters_->size() - 1 - step;
    if (running_ >= kMaxFilters || ((interested >> running_) & 1) == 0) continue;
    Verdict verdict = direction == Direction::kRequest
                          ? at(running_).on_request_body(piece, is_last, context)
                          : at(running_).on_response_body(piece, is_last, context);
    if (verdict.kind() != Verdict::Kind::kNext) return verdict;
  }
  return Verdict::next();
}

void FilterChain::run_log(const ExchangeRecord& record, ExchangeContext& context) {
  for (running_ = 0; running_ < filters_->size(); ++running_) at(running_).on_log(record, context);
}

std::any& FilterChain::state() {
  if (states_.empty()) states_.resize(filters_ == nullptr ? 1 : std::max<std::size_t>(filters_->size(), 1));
  return states_[std::min(running_, states_.size() - 1)];
}

void FilterChain::want_body(Direction direction, BodyMode mode, std::size_t cap_bytes) {
  BodyInterest& interest = interest_[static_cast<std::size_t>(direction)];
  if (running_ < kMaxFilters) interest.filters |= std::uint64_t{1} << running_;
  if (mode == BodyMode::kBuffer) interest.mode = BodyMode::kBuffer;
  interest.cap_bytes = std::max(interest.cap_bytes, cap_bytes);
}

}  // namespace ingress::policy
