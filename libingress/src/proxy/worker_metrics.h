// Counters of one worker: written by its thread only, read by any.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/counter.h"
#include "ingress/error.h"
#include "policy/retry.h"
#include "proxy/mirror.h"
#include "proxy/pending_headers.h"
#include "proxy/stream_metrics.h"
#include "proxy/udp_counters.h"
#include "tls/tls_transport.h"
#include "upstream/balancer.h"

namespace ingress::proxy {

using base::Counter;

struct WorkerMetrics {
  // Upper bounds of the duration histogram, in milliseconds; the last bucket has none.
  static constexpr std::array<std::uint32_t, 12> kBoundsMs = {1,   2,   5,    10,   25,   50,
                                                              100, 250, 1000, 2500, 5000, 10000};

  Counter connections_accepted, connections_refused, connections_open;
  Counter exchanges_open;
  std::array<Counter, 6> requests_by_class;  // index: status / 100; 0 unused
  std::array<Counter, static_cast<std::size_t>(ErrorCode::kInternal) + 1> replies_by_error;
  Counter filter_replies, https_redirects;
  ProxyHeaderCounters proxy_headers;
  tls::TlsCounters tls;
  StreamCounters streams;
  struct {
    Counter connections, streams;
    Counter floods;  // connections that were ended for what their client did too much of
  } http2;
  Counter request_body_bytes, response_body_bytes;
  Counter upstream_connects, upstream_connect_failures, upstream_reused, upstream_retries;
  std::array<Counter, policy::kNumTryFailures> retries_by_reason;
  std::array<Counter, policy::kNumRetryRefusals> retries_refused;
  Counter retry_buffer_overflows;
  upstream::PickCounters picks;
  MirrorCounters mirrors_by_end;
  std::array<Counter, kBoundsMs.size() + 1> duration_buckets;
  Counter duration_us;
  Counter tunnels_opened, tunnels_open;
  Counter tunnel_client_bytes, tunnel_backend_bytes;
  UdpCounters udp;
  Counter snapshots_adopted;

  void count_request(std::uint16_t status, std::chrono::microseconds duration) {
    requests_by_class[status < 600 ? status / 100 : 0].add();
    std::size_t bucket = 0;
    while (bucket < kBoundsMs.size() && duration.count() > std::int64_t{1000} * kBoundsMs[bucket]) ++bucket;
    duration_buckets[bucket].add();
    duration_us.add(static_cast<std::uint64_t>(duration.count()));
  }
};

}  // namespace ingress::proxy
