#include "proxy/udp_metrics.h"

#include <cstdint>
#include <string>
#include <utility>

namespace ingress::proxy {

namespace {

struct Plain {
  const char* name;
  const char* help;
  MetricType type;
  base::Counter UdpCounters::* counter;
};

constexpr Plain kPlain[] = {
    {"udp_sessions_total", "Sessions of UDP listeners begun.", MetricType::kCounter, &UdpCounters::sessions},
    {"udp_sessions_open", "Sessions of UDP listeners open now.", MetricType::kGauge,
     &UdpCounters::sessions_open},
    {"udp_client_datagrams_total", "Datagrams of clients passed on to backends.", MetricType::kCounter,
     &UdpCounters::client_datagrams},
    {"udp_client_bytes_total", "Bytes in datagrams of clients passed on to backends.", MetricType::kCounter,
     &UdpCounters::client_bytes},
    {"udp_backend_datagrams_total", "Datagrams of backends passed on to clients.", MetricType::kCounter,
     &UdpCounters::backend_datagrams},
    {"udp_backend_bytes_total", "Bytes in datagrams of backends passed on to clients.", MetricType::kCounter,
     &UdpCounters::backend_bytes},
};

}  // namespace

void add_udp_metrics(std::span<const std::unique_ptr<Worker>> workers, Metrics& out) {
  const auto sum = [&](auto get) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += get(worker->metrics().udp).get();
    return static_cast<double>(total);
  };
  for (const Plain& plain : kPlain) {
    MetricFamily one{.name = plain.name, .help = plain.help, .type = plain.type, .samples = {}};
    one.samples.push_back(
        {.value = sum([&](const UdpCounters& m) -> const base::Counter& { return m.*plain.counter; })});
    out.push_back(std::move(one));
  }
  MetricFamily dropped{.name = "udp_datagrams_dropped_total",
                       .help = "Datagrams that were not passed on, by reason.",
                       .type = MetricType::kCounter,
                       .samples = {}};
  for (std::size_t i = 0; i < kNumUdpDrops; ++i) {
    const std::string why(to_string(static_cast<UdpDrop>(i)));
    dropped.samples.push_back(
        {.labels = {{"why", why}},
         .value = sum([i](const UdpCounters& m) -> const base::Counter& { return m.dropped[i]; })});
  }
  out.push_back(std::move(dropped));
}

}  // namespace ingress::proxy
