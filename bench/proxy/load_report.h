// What the load generator counted, and the line of JSON that says so.
#pragma once

#include <cstdint>
#include <string>

#include "bench/proxy/histogram.h"

namespace bench {

struct LoadReport {
  std::uint64_t num_requests = 0;  // answered with 200 and the expected length
  double seconds = 0;
  std::uint64_t watched_cpu_ns = 0;
  // Requests that went wrong, by how; a measurement with any is void, but for those that count them.
  std::uint64_t num_connect_failures = 0;
  std::uint64_t num_cut = 0;  // the connection ended before the whole answer was there
  std::uint64_t num_wrong_status = 0;
  std::uint64_t num_wrong_length = 0;
  std::uint64_t num_bad = 0;         // not to be read as an answer
  std::uint64_t num_unanswered = 0;  // still waiting at the end
  std::uint64_t num_reopened = 0;    // connections that the proxy closed between requests; no error
  std::string tls;                   // what the last connection agreed on; empty without TLS
  Histogram latency;

  std::uint64_t num_errors() const {
    return num_connect_failures + num_cut + num_wrong_status + num_wrong_length + num_bad + num_unanswered;
  }
};

void print_json(const LoadReport& report);

}  // namespace bench
