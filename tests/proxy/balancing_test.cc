// What an exchange tells the balancers, and what it answers when they have nobody.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

// Serves `cluster`, whose name is that of the fixture's, in place of it.
const upstream::ClusterEntry& serve(FakeWorker& worker, void (*change)(Cluster&)) {
  GatewayConfig config = worker.publisher.config();
  change(config.clusters[0]);
  const auto snapshot = worker.publisher.publish(config);
  REQUIRE(snapshot);
  worker.clusters.adopt(*(*snapshot)->clusters);
  worker.views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
  return *(*snapshot)->clusters->find(0);
}

TEST_CASE("WithoutAnAvailableEndpointTheAnswerIs503AndSaysWhy") {
  FakeWorker worker;
  const upstream::ClusterEntry& entry = serve(worker, [](Cluster& c) { c.panic_threshold_percent = 0; });
  worker.clusters.set_available(entry.slot->index, entry.cluster.endpoints[0],
                                upstream::Availability::kUnavailable);
  FakeRequest request(worker, kGet);
  CHECK(request.stream.log == "head 503 length, end, complete");
  const RecordingLog::Line line = worker.log.wait_for(1);
  CHECK(line.why == "no_endpoints");
  CHECK(line.detail == "none_available");
}

TEST_CASE("PeakEwmaHearsOfAnswersAndOfFailures") {
  FakeWorker worker;
  const upstream::ClusterEntry& entry =
      serve(worker, [](Cluster& c) { c.load_balancing = LoadBalancing::kPeakEwma; });
  const upstream::EndpointRef endpoint = worker.clusters.pick(entry, {});
  const auto latency = [&] { return endpoint->latency.at(std::chrono::milliseconds(0)); };
  const auto peer = worker.add_idle_backend();
  {
    FakeRequest request(worker, kGet);
    CHECK(endpoint->num_active == 1);
    CHECK(!endpoint->latency.is_known());
    peer->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    CHECK(endpoint->latency.is_known());
    const double known = latency();
    peer->send("ok");
    CHECK(latency() == known);  // the body does not count
    CHECK(endpoint->num_active == 0);
  }
  FakeRequest request(worker, kGet);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
  CHECK(request.stream.log.starts_with("head 502"));
  CHECK(latency() >= 1'000'000);
}

TEST_CASE("PeakEwmaTakesABusyBackendForAFailureAndAClosedKeptConnectionForNothing") {
  FakeWorker worker([](GatewayConfig& config) {
    config.routes[0].rules[0].retry = RetryPolicy{.codes = {503}, .attempts = 1};
  });
  const upstream::ClusterEntry& entry =
      serve(worker, [](Cluster& c) { c.load_balancing = LoadBalancing::kPeakEwma; });
  const upstream::EndpointRef endpoint = worker.clusters.pick(entry, {});
  const auto latency = [&] { return endpoint->latency.at(std::chrono::milliseconds(0)); };
  const auto second = worker.add_idle_backend(), first = worker.add_idle_backend();
  {
    FakeRequest request(worker, kGet);
    first->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
  const double known = latency();
  CHECK(known < 1'000'000);
  {
    FakeRequest request(worker, kGet);
    first->break_with();
    CHECK(worker.metrics.upstream_retries.get() == 1);
    CHECK(latency() == known);
  }
  FakeRequest request(worker, kGet);
  second->send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  CHECK(latency() >= 1'000'000);
}

}  // namespace
}  // namespace ingress::test
