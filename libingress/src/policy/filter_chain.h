// Runs the filters of a worker over one exchange: forwards on requests, backwards on responses.
//
// Owner: an exchange. Thread: its worker's. Pure decisions: no I/O, no timers.
// Caller: begin() before each exchange; after a wait, calls the same run function again to go on.
// Always true: each filter sees a head at most once per direction.
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ingress/filter.h"

namespace ingress::policy {

enum class Direction : std::uint8_t { kRequest, kResponse };

// Which filters asked for the body of one direction, and how.
struct BodyInterest {
  std::uint64_t filters = 0;  // bit i = filter i
  BodyMode mode = BodyMode::kStream;
  std::size_t cap_bytes = 0;
  bool is_wanted() const { return filters != 0; }
};

class FilterChain {
 public:
  static constexpr std::size_t kMaxFilters = 64;

  // `filters` are the worker's and outlive the exchange.
  void begin(FilterList& filters);
  // As if there were no filters, until begin().
  void clear();
  bool is_empty() const { return filters_ == nullptr || filters_->empty(); }

  // Runs what has not run yet; kNext when all have. After kWait the filter that waited is done.
  Verdict run_request(RequestHead& head, ExchangeContext& context);
  Verdict run_response(ResponseHead& head, ExchangeContext& context);
  // One call per interested filter, in the order of the direction.
  Verdict run_body(Direction direction, std::string& piece, bool is_last, ExchangeContext& context);
  void run_log(const ExchangeRecord& record, ExchangeContext& context);

  // Of the filter that is running now.
  std::any& state();
  void want_body(Direction direction, BodyMode mode, std::size_t cap_bytes);
  const BodyInterest& interest(Direction direction) const {
    return interest_[static_cast<std::size_t>(direction)];
  }

 private:
  Filter& at(std::size_t index) { return *(*filters_)[index]; }

  FilterList* filters_ = nullptr;
  std::size_t next_request_ = 0;
  std::size_t num_responses_run_ = 0;
  std::size_t running_ = 0;
  BodyInterest interest_[2];
  std::vector<std::any> states_;  // by filter; empty until one is asked for
};

}  // namespace ingress::policy
