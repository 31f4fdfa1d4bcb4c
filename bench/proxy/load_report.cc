#include "bench/proxy/load_report.h"

#include <cstdio>

namespace bench {

void print_json(const LoadReport& report) {
  const auto number = [](const char* name, std::uint64_t value) {
    std::printf("\"%s\": %llu, ", name, static_cast<unsigned long long>(value));
  };
  const auto microseconds = [&](double share) {
    return static_cast<double>(report.latency.percentile(share)) / 1000;
  };
  std::printf("{");
  number("requests", report.num_requests);
  std::printf("\"seconds\": %.6f, ", report.seconds);
  number("watched_cpu_ns", report.watched_cpu_ns);
  number("errors", report.num_errors());
  number("connect_failures", report.num_connect_failures);
  number("cut", report.num_cut);
  number("wrong_status", report.num_wrong_status);
  number("wrong_length", report.num_wrong_length);
  number("bad", report.num_bad);
  number("unanswered", report.num_unanswered);
  number("reopened", report.num_reopened);
  if (!report.tls.empty()) std::printf("\"tls\": \"%s\", ", report.tls.c_str());
  std::printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n", microseconds(0.5),
              microseconds(0.99), microseconds(0.999), static_cast<double>(report.latency.max()) / 1000);
  std::fflush(stdout);
}

}  // namespace bench
