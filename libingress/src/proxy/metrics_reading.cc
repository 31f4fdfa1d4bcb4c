#include "proxy/metrics_reading.h"

#include <string>
#include <utility>

#include "proxy/error_reply.h"
#include "proxy/udp_metrics.h"

namespace ingress::proxy {

namespace {

using Workers = std::span<const std::unique_ptr<Worker>>;
using Labels = std::vector<std::pair<std::string, std::string>>;

template <typename Get>
double sum(Workers workers, Get get) {
  std::uint64_t total = 0;
  for (const auto& worker : workers) total += get(worker->metrics()).get();
  return static_cast<double>(total);
}

MetricFamily family(std::string name, std::string help, MetricType type) {
  return {.name = std::move(name), .help = std::move(help), .type = type, .samples = {}};
}

struct Plain {
  const char* name;
  const char* help;
  MetricType type;
  Counter WorkerMetrics::* counter;
};

constexpr Plain kPlain[] = {
    {"connections_accepted_total", "Downstream connections accepted.", MetricType::kCounter,
     &WorkerMetrics::connections_accepted},
    {"connections_refused_total", "Downstream connections refused for lack of file descriptors.",
     MetricType::kCounter, &WorkerMetrics::connections_refused},
    {"connections_open", "Downstream connections open now.", MetricType::kGauge,
     &WorkerMetrics::connections_open},
    {"requests_active", "Exchanges under way now.", MetricType::kGauge, &WorkerMetrics::exchanges_open},
    {"request_body_bytes_total", "Bytes of request bodies received.", MetricType::kCounter,
     &WorkerMetrics::request_body_bytes},
    {"response_body_bytes_total", "Bytes of response bodies sent.", MetricType::kCounter,
     &WorkerMetrics::response_body_bytes},
    {"filter_replies_total", "Requests answered by a filter.", MetricType::kCounter,
     &WorkerMetrics::filter_replies},
    {"https_redirects_total", "Requests without TLS that were sent to https.", MetricType::kCounter,
     &WorkerMetrics::https_redirects},
    {"upstream_connects_total", "Connections to backends tried.", MetricType::kCounter,
     &WorkerMetrics::upstream_connects},
    {"upstream_connect_failures_total", "Connections to backends that failed.", MetricType::kCounter,
     &WorkerMetrics::upstream_connect_failures},
    {"upstream_reused_total", "Requests sent on a kept connection.", MetricType::kCounter,
     &WorkerMetrics::upstream_reused},
    {"upstream_retries_total", "Requests tried again.", MetricType::kCounter,
     &WorkerMetrics::upstream_retries},
    {"retry_buffer_overflows_total", "Request bodies that outgrew the buffer of their retry policy.",
     MetricType::kCounter, &WorkerMetrics::retry_buffer_overflows},
    {"tunnels_total", "Connections that were upgraded (101).", MetricType::kCounter,
     &WorkerMetrics::tunnels_opened},
    {"tunnels_open", "Upgraded connections open now.", MetricType::kGauge, &WorkerMetrics::tunnels_open},
    {"tunnel_client_bytes_total", "Bytes that clients sent through tunnels.", MetricType::kCounter,
     &WorkerMetrics::tunnel_client_bytes},
    {"tunnel_backend_bytes_total", "Bytes that backends sent through tunnels.", MetricType::kCounter,
     &WorkerMetrics::tunnel_backend_bytes},
    {"snapshots_adopted_total", "Configurations adopted, summed over workers.", MetricType::kCounter,
     &WorkerMetrics::snapshots_adopted},
};

// Counters that a part of a worker keeps itself.
struct OfPart {
  const char* name;
  const char* help;
  const Counter& (*get)(const Worker& worker);
};

constexpr OfPart kOfParts[] = {
    {"proxy_headers_total", "Client connections that began with a header of the PROXY protocol.",
     [](const Worker& w) -> const Counter& { return w.metrics().proxy_headers.accepted; }},
    {"http2_connections_total", "Connections of clients that speak HTTP/2.",
     [](const Worker& w) -> const Counter& { return w.metrics().http2.connections; }},
    {"http2_streams_total", "Requests that began on them.",
     [](const Worker& w) -> const Counter& { return w.metrics().http2.streams; }},
    {"http2_floods_total", "Of these connections, those that ended for what their client did too much of.",
     [](const Worker& w) -> const Counter& { return w.metrics().http2.floods; }},
    {"tls_handshakes_total", "TLS handshakes with clients completed.",
     [](const Worker& w) -> const Counter& { return w.metrics().tls.handshakes; }},
    {"tls_handshakes_resumed_total", "Of these, those that went on with an earlier session.",
     [](const Worker& w) -> const Counter& { return w.metrics().tls.handshakes_resumed; }},
    {"tls_handshakes_refused_total", "TLS connections closed since too many handshakes were under way.",
     [](const Worker& w) -> const Counter& { return w.metrics().tls.handshakes_refused; }},
    {"tls_handshake_failures_total", "TLS handshakes with clients that failed or took too long.",
     [](const Worker& w) -> const Counter& { return w.metrics().tls.handshakes_failed; }},
    {"upstream_tls_handshakes_total", "TLS handshakes with backends completed.",
     [](const Worker& w) -> const Counter& { return w.connector().tls_counters().handshakes; }},
    {"upstream_tls_handshakes_resumed_total", "Of these, those that went on with an earlier session.",
     [](const Worker& w) -> const Counter& { return w.connector().tls_counters().handshakes_resumed; }},
    {"upstream_addresses_refused_total", "Backend addresses not connected to because they are local.",
     [](const Worker& w) -> const Counter& { return w.connector().num_addresses_refused(); }},
    {"upstream_preconnects_total", "Connections to backends opened ahead.",
     [](const Worker& w) -> const Counter& { return w.preconnector().num_opened(); }},
    {"upstream_preconnect_failures_total", "Connections to backends that could not be opened ahead.",
     [](const Worker& w) -> const Counter& { return w.preconnector().num_failed(); }},
    {"dns_lookups_total", "Host names of backends looked up.",
     [](const Worker& w) -> const Counter& { return w.resolver().counters().lookups; }},
    {"dns_failures_total", "Look-ups that no server answered.",
     [](const Worker& w) -> const Counter& { return w.resolver().counters().failures; }},
    {"dns_stale_answers_total", "Connections that used addresses after the end of their TTL.",
     [](const Worker& w) -> const Counter& { return w.resolver().counters().stale_answers; }},
};

MetricFamily requests_by_class(Workers workers) {
  MetricFamily out = family("requests_total", "Requests answered, by class of status.", MetricType::kCounter);
  for (std::size_t i = 1; i < 6; ++i) {
    out.samples.push_back({.labels = Labels{{"class", std::to_string(i) + "xx"}},
                           .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                             return m.requests_by_class[i];
                           })});
  }
  return out;
}

MetricFamily picks(Workers workers) {
  MetricFamily out =
      family("upstream_picks_total", "Choices of an endpoint that were not the policy's alone, by reason.",
             MetricType::kCounter);
  const auto add = [&](const char* why, Counter upstream::PickCounters::* counter) {
    out.samples.push_back({.labels = Labels{{"why", why}},
                           .value = sum(workers, [counter](const WorkerMetrics& m) -> const Counter& {
                             return m.picks.*counter;
                           })});
  };
  add("panic", &upstream::PickCounters::panic);
  add("other_zone", &upstream::PickCounters::other_zone);
  add("overflow", &upstream::PickCounters::overflow);
  return out;
}

MetricFamily proxy_header_failures(Workers workers) {
  MetricFamily out =
      family("proxy_header_failures_total",
             "Connections closed for want of a PROXY protocol header, by reason.", MetricType::kCounter);
  const auto add = [&](const char* why, Counter ProxyHeaderCounters::* counter) {
    out.samples.push_back({.labels = Labels{{"why", why}},
                           .value = sum(workers, [counter](const WorkerMetrics& m) -> const Counter& {
                             return m.proxy_headers.*counter;
                           })});
  };
  add("not_a_sender", &ProxyHeaderCounters::strangers);
  add("invalid", &ProxyHeaderCounters::invalid);
  add("timeout", &ProxyHeaderCounters::late);
  add("closed", &ProxyHeaderCounters::left);
  return out;
}

MetricFamily errors(Workers workers) {
  MetricFamily out = family("errors_total", "Requests that the proxy answered or cut itself, by reason.",
                            MetricType::kCounter);
  for (std::size_t i = 0; i <= static_cast<std::size_t>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (find_error_row(code) == nullptr) continue;
    out.samples.push_back({.labels = Labels{{"why", std::string(to_string(code))}},
                           .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                             return m.replies_by_error[i];
                           })});
  }
  return out;
}

MetricFamily upstream_tls_failures(Workers workers) {
  MetricFamily out =
      family("upstream_tls_failures_total",
             "TLS handshakes with backends that failed, by the check that did.", MetricType::kCounter);
  for (std::size_t i = 0; i < tls::kNumClientTlsFailures; ++i) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += worker->connector().tls_counters().failures[i].get();
    const std::string reason = tls::to_string(static_cast<tls::ClientTlsFailure>(i));
    out.samples.push_back({.labels = Labels{{"reason", reason}}, .value = static_cast<double>(total)});
  }
  return out;
}

MetricFamily retries_by_reason(Workers workers) {
  MetricFamily out = family("upstream_retries_by_reason_total", "Requests tried again, by what went wrong.",
                            MetricType::kCounter);
  for (std::size_t i = 0; i < policy::kNumTryFailures; ++i) {
    const std::string reason(policy::to_string(static_cast<policy::TryFailure>(i)));
    out.samples.push_back({.labels = Labels{{"reason", reason}},
                           .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                             return m.retries_by_reason[i];
                           })});
  }
  return out;
}

MetricFamily retries_refused(Workers workers) {
  MetricFamily out = family("upstream_retries_refused_total",
                            "Failures that a retry policy asked to try again but did not allow, by reason.",
                            MetricType::kCounter);
  for (std::size_t i = 0; i < policy::kNumRetryRefusals; ++i) {
    const std::string why(policy::to_string(static_cast<policy::RetryRefusal>(i)));
    if (why.empty()) continue;
    out.samples.push_back(
        {.labels = Labels{{"why", why}}, .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                                           return m.retries_refused[i];
                                         })});
  }
  return out;
}

MetricFamily mirrors(Workers workers) {
  MetricFamily out =
      family("mirrored_requests_total", "Copies of requests for other clusters, by how they ended.",
             MetricType::kCounter);
  for (std::size_t i = 0; i < kNumMirrorEnds; ++i) {
    const std::string result(to_string(static_cast<MirrorEnd>(i)));
    out.samples.push_back({.labels = Labels{{"result", result}},
                           .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                             return m.mirrors_by_end[i];
                           })});
  }
  return out;
}

MetricFamily clients_refused(Workers workers) {
  MetricFamily out =
      family("tls_clients_refused_total",
             "TLS handshakes that failed for the client's certificate, by reason.", MetricType::kCounter);
  for (std::size_t i = 0; i < tls::kNumClientRefusals; ++i) {
    const std::string reason(tls::to_string(static_cast<tls::ClientRefusal>(i)));
    out.samples.push_back({.labels = Labels{{"reason", reason}},
                           .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                             return m.tls.clients_refused[i];
                           })});
  }
  return out;
}

void add_streams(Workers workers, Metrics& out) {
  const auto add = [&](const char* name, const char* help, MetricType type,
                       base::Counter StreamCounters::* counter) {
    MetricFamily one = family(name, help, type);
    one.samples.push_back({.value = sum(workers, [counter](const WorkerMetrics& m) -> const Counter& {
                             return m.streams.*counter;
                           })});
    out.push_back(std::move(one));
  };
  add("stream_connections_total", "Connections that were passed on byte by byte.", MetricType::kCounter,
      &StreamCounters::opened);
  add("stream_connections_open", "Of these, those that are open now.", MetricType::kGauge,
      &StreamCounters::open);
  add("stream_client_bytes_total", "Bytes that their clients sent.", MetricType::kCounter,
      &StreamCounters::client_bytes);
  add("stream_backend_bytes_total", "Bytes that their backends sent.", MetricType::kCounter,
      &StreamCounters::backend_bytes);
  add("stream_retries_total", "Other endpoints tried for connections of layer 4, as one could not be had.",
      MetricType::kCounter, &StreamCounters::retries);
  MetricFamily refused = family(
      "stream_refused_total", "Connections of layer 4 that were closed before they had a backend, by reason.",
      MetricType::kCounter);
  for (std::size_t i = 0; i < kNumStreamRefusals; ++i) {
    const std::string why(to_string(static_cast<StreamRefusal>(i)));
    refused.samples.push_back(
        {.labels = Labels{{"why", why}}, .value = sum(workers, [i](const WorkerMetrics& m) -> const Counter& {
                                           return m.streams.refused[i];
                                         })});
  }
  out.push_back(std::move(refused));
}

MetricFamily durations(Workers workers) {
  MetricFamily out = family("request_duration_seconds", "Request head complete to response complete.",
                            MetricType::kHistogram);
  MetricSample sample;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i <= WorkerMetrics::kBoundsMs.size(); ++i) {
    for (const auto& worker : workers) seen += worker->metrics().duration_buckets[i].get();
    if (i < WorkerMetrics::kBoundsMs.size())
      sample.buckets.emplace_back(WorkerMetrics::kBoundsMs[i] / 1000.0, seen);
  }
  sample.count = seen;
  sample.value =
      sum(workers, [](const WorkerMetrics& m) -> const Counter& { return m.duration_us; }) / 1'000'000.0;
  out.samples.push_back(std::move(sample));
  return out;
}

// Only of clusters that have limits: one that has none touches no shared counter.
void add_breakers(const upstream::BreakerRegistry& breakers, Metrics& out) {
  static constexpr std::pair<upstream::Resource, const char*> kLimits[] = {
      {upstream::Resource::kConnections, "max_connections"},
      {upstream::Resource::kPendingRequests, "max_pending_requests"},
      {upstream::Resource::kRequests, "max_requests"},
      {upstream::Resource::kRetries, "max_retries"},
  };
  MetricFamily active = family("circuit_breaker_active",
                               "Of a cluster with limits: what counts towards each now.", MetricType::kGauge);
  MetricFamily overflows = family("circuit_breaker_overflows_total",
                                  "How often a limit of a cluster was met.", MetricType::kCounter);
  for (const auto& [name, breaker] : breakers.list()) {
    for (const auto& [what, limit] : kLimits) {
      const Labels labels{{"cluster", name}, {"limit", limit}};
      active.samples.push_back({.labels = labels, .value = static_cast<double>(breaker->current(what))});
      overflows.samples.push_back({.labels = labels, .value = static_cast<double>(breaker->overflows(what))});
    }
  }
  out.push_back(std::move(active));
  out.push_back(std::move(overflows));
}

// Of clusters that have a health check or outlier detection.
void add_health(const HealthBoard& health, Metrics& out) {
  MetricFamily endpoints =
      family("endpoints", "Of a cluster whose health is checked: endpoints by state.", MetricType::kGauge);
  for (const auto& [name, counts] : health.count()) {
    for (const auto& [state, count] : {std::pair<const char*, std::size_t>{"unprobed", counts.num_unprobed},
                                       {"healthy", counts.num_healthy},
                                       {"unhealthy", counts.num_unhealthy},
                                       {"ejected", counts.num_ejected}}) {
      endpoints.samples.push_back(
          {.labels = Labels{{"cluster", name}, {"state", state}}, .value = static_cast<double>(count)});
    }
  }
  out.push_back(std::move(endpoints));
  MetricFamily ejections =
      family("outlier_ejections_total", "Endpoints that outlier detection took out for a while.",
             MetricType::kCounter);
  ejections.samples.push_back({.value = static_cast<double>(health.num_ejections())});
  out.push_back(std::move(ejections));
}

}  // namespace

Metrics read_metrics(Workers workers, const upstream::BreakerRegistry& breakers, const HealthBoard& health,
                     Generation published) {
  Metrics out;
  for (const Plain& plain : kPlain) {
    MetricFamily one = family(plain.name, plain.help, plain.type);
    one.samples.push_back({.value = sum(workers, [&plain](const WorkerMetrics& m) -> const Counter& {
                             return m.*plain.counter;
                           })});
    out.push_back(std::move(one));
  }
  for (const OfPart& part : kOfParts) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += part.get(*worker).get();
    MetricFamily one = family(part.name, part.help, MetricType::kCounter);
    one.samples.push_back({.value = static_cast<double>(total)});
    out.push_back(std::move(one));
  }
  out.push_back(requests_by_class(workers));
  out.push_back(picks(workers));
  out.push_back(proxy_header_failures(workers));
  out.push_back(errors(workers));
  out.push_back(upstream_tls_failures(workers));
  out.push_back(retries_by_reason(workers));
  out.push_back(retries_refused(workers));
  out.push_back(mirrors(workers));
  out.push_back(clients_refused(workers));
  out.push_back(durations(workers));
  add_streams(workers, out);
  add_breakers(breakers, out);
  add_health(health, out);
  add_udp_metrics(workers, out);

  MetricFamily newest =
      family("generation_published", "Number of the newest configuration.", MetricType::kGauge);
  newest.samples.push_back({.value = static_cast<double>(published)});
  out.push_back(std::move(newest));
  MetricFamily adopted =
      family("generation_adopted", "Configuration that a worker serves.", MetricType::kGauge);
  MetricFamily views =
      family("snapshot_views", "Configurations that a worker still uses.", MetricType::kGauge);
  for (const auto& worker : workers) {
    const Labels labels{{"worker", std::to_string(worker->index())}};
    adopted.samples.push_back({.labels = labels, .value = static_cast<double>(worker->adopted())});
    views.samples.push_back({.labels = labels, .value = static_cast<double>(worker->num_views())});
  }
  out.push_back(std::move(adopted));
  out.push_back(std::move(views));
  return out;
}

}  // namespace ingress::proxy
