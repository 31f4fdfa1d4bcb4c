// Ten thousand changes of a cluster's endpoints, one delta each, under requests on kept connections: none of
// them fails, and nothing of the old snapshots stays.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

constexpr int kNumFlaps = 10'000;
constexpr std::size_t kNumClients = 4;

TEST_CASE("TenThousandEndpointFlapsLoseNoRequest") {
  std::vector<std::unique_ptr<Backend>> backends;
  for (int i = 0; i < 3; ++i) backends.push_back(std::make_unique<Backend>(serve_echo));
  GatewayConfig config = one_backend(backends[0]->port());
  const auto endpoint = [&](std::size_t i) { return Endpoint{"127.0.0.1", backends[i]->port()}; };
  RunningServer running(config, {.workers = 2});

  std::atomic<bool> is_over = false;
  std::atomic<int> num_good = 0, num_bad = 0;
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < kNumClients; ++i) {
    clients.emplace_back([&] {
      Socket client = Socket::connect(running.port());
      while (!is_over) {
        client.send("GET /flap HTTP/1.1\r\nHost: x\r\n\r\n");
        const bool is_good = client.read_message().starts_with("HTTP/1.1 200 ");
        ++(is_good ? num_good : num_bad);
        if (!is_good) client = Socket::connect(running.port());
      }
    });
  }
  Generation newest = 0;
  for (int flap = 0; flap < kNumFlaps; ++flap) {
    // Each of the three leaves and comes back; two are always there, in changing order.
    const auto turn = static_cast<std::size_t>(flap);
    Cluster cluster{.name = "backend", .endpoints = {endpoint(turn % 3), endpoint((turn + 1) % 3)}};
    const auto generation = running.server().apply({.upsert_clusters = {std::move(cluster)}});
    REQUIRE(generation);
    newest = *generation;
    if (flap % 10 == 0) {  // requests go on all the while, however fast the changes come
      const int before = num_good + num_bad;
      while (num_good + num_bad == before) std::this_thread::yield();
    }
  }
  running.wait_until_adopted(newest);
  const int num_during = num_good;
  while (num_good < num_during + 100 && num_bad == 0) std::this_thread::yield();
  is_over = true;
  for (std::thread& client : clients) client.join();
  CHECK(num_bad == 0);
  CHECK(newest >= kNumFlaps);
  for (;;) {
    std::uint32_t most = 0;
    for (const WorkerStatus& worker : running.server().status().workers) most = std::max(most, worker.views);
    if (most == 1) break;
    std::this_thread::yield();
  }
  MESSAGE("endpoint flaps: " << kNumFlaps << ", requests: " << num_good.load()
                             << ", failed: " << num_bad.load());
}

}  // namespace
}  // namespace ingress::test
