// Limits of a cluster that hold for the process, with real workers and sockets.
#include <doctest/doctest.h>

#include <atomic>
#include <semaphore>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr auto kPatience = std::chrono::milliseconds(kPatienceMs);

double value_of(Server& server, std::string_view name, std::string_view limit) {
  double total = 0;
  for (const MetricFamily& family : server.metrics()) {
    if (family.name != name) continue;
    for (const MetricSample& sample : family.samples) {
      if (sample.labels[1].second == limit) total += sample.value;
    }
  }
  return total;
}
double active(RunningServer& running, std::string_view limit) {
  return value_of(running.server(), "circuit_breaker_active", limit);
}
double overflows(RunningServer& running, std::string_view limit) {
  return value_of(running.server(), "circuit_breaker_overflows_total", limit);
}
void wait_until_active(RunningServer& running, std::string_view limit, double count) {
  while (active(running, limit) != count) std::this_thread::yield();
}

// Holds each request until the test lets one go; knows how many it has at once.
struct Holding {
  std::counting_semaphore<> arrived{0}, released{0};
  std::atomic<int> num_now{0}, num_most{0};

  void serve(Socket& socket) {
    while (!socket.read_message().empty()) {
      enter();
      arrived.release();
      const bool is_released = released.try_acquire_for(kPatience);
      num_now.fetch_sub(1);
      if (!is_released || !socket.send(kOk)) return;
    }
  }
  void serve_at_once(Socket& socket) {
    while (!socket.read_message().empty()) {
      enter();
      std::this_thread::yield();
      num_now.fetch_sub(1);
      if (!socket.send(kOk)) return;
    }
  }
  void enter() {
    const int now = num_now.fetch_add(1) + 1;
    int most = num_most.load();
    while (most < now && !num_most.compare_exchange_weak(most, now)) {
    }
  }
};

GatewayConfig limited(std::uint16_t port, CircuitBreakers limits) {
  GatewayConfig config = one_backend(port);
  config.clusters[0].circuit_breakers = limits;
  return config;
}

Socket ask(RunningServer& running) {
  Socket client = Socket::connect(running.port());
  client.send(kGet);
  return client;
}

void ask_often(std::uint16_t port, int num_requests, std::atomic<int>& num_ok) {
  for (int i = 0; i < num_requests; ++i) {
    Socket client = Socket::connect(port);  // any worker
    client.send(kGet);
    if (client.read_message().starts_with("HTTP/1.1 200 ")) ++num_ok;
  }
}

TEST_CASE("OneConnectionIsSharedByFourWorkersAndEveryRequestIsServed") {
  for (const std::uint16_t num_endpoints : {1, 3}) {
    CAPTURE(num_endpoints);
    Holding holding;
    const auto serve = [&](Socket& socket) { holding.serve_at_once(socket); };
    Backend first(serve), second(serve), third(serve);
    GatewayConfig config = limited(first.port(), {.max_connections = 1});
    if (num_endpoints == 3) {
      config.clusters[0].endpoints.push_back({"127.0.0.1", second.port()});
      config.clusters[0].endpoints.push_back({"127.0.0.1", third.port()});
    }
    RunningServer running(config, {.workers = 4});
    std::atomic<int> num_ok{0};
    {
      std::vector<std::jthread> clients;
      for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&, port = running.port()] { ask_often(port, 50, num_ok); });
      }
    }
    CHECK(num_ok == 400);
    CHECK(holding.num_most == 1);
    CHECK(active(running, "max_requests") == 0);
    CHECK(active(running, "max_pending_requests") == 0);
    CHECK(active(running, "max_connections") <= 1);
  }
}

TEST_CASE("OneRequestAtATimeWithFourWorkersAndTheNextMayComeAsSoonAsTheAnswerIsThere") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve_at_once(socket); });
  RunningServer running(limited(backend.port(), {.max_requests = 1}), {.workers = 4});
  std::atomic<int> num_ok{0};
  ask_often(running.port(), 200, num_ok);
  CHECK(num_ok == 200);
  CHECK(holding.num_most == 1);
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&, port = running.port()] { ask_often(port, 100, num_ok); });
    }
  }
  CHECK(holding.num_most == 1);
  CHECK(active(running, "max_requests") == 0);
}

TEST_CASE("BeyondTheLimitOfRequestsTheAnswerIs503AtOnce") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve(socket); });
  RunningServer running(limited(backend.port(), {.max_requests = 1}), {.workers = 2});
  Socket first = ask(running);
  REQUIRE(holding.arrived.try_acquire_for(kPatience));
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 503 "));
  const RecordingLog::Line line = running.log().wait_for(1);
  CHECK(line.why == "circuit_open");
  CHECK(line.detail == "max_requests");
  CHECK(line.upstream.empty());
  // A limit that is raised counts for the next request.
  running.publish(limited(backend.port(), {.max_requests = 2}));
  Socket second = ask(running);
  REQUIRE(holding.arrived.try_acquire_for(kPatience));
  CHECK(active(running, "max_requests") == 2);
  holding.released.release(2);
  CHECK(first.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(second.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(active(running, "max_requests") == 0);
  CHECK(overflows(running, "max_requests") == 1);
}

TEST_CASE("SoManyMayWaitForAConnectionAndWhoGoesAwayMakesRoom") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve(socket); });
  RunningServer running(limited(backend.port(), {.max_connections = 1, .max_pending_requests = 1}),
                        {.workers = 2});
  Socket first = ask(running);
  REQUIRE(holding.arrived.try_acquire_for(kPatience));
  Socket leaving = ask(running);
  wait_until_active(running, "max_pending_requests", 1);
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 503 "));
  CHECK(running.log().wait_for(1).detail == "max_pending_requests");
  leaving.reset();
  wait_until_active(running, "max_pending_requests", 0);
  Socket second = ask(running);
  wait_until_active(running, "max_pending_requests", 1);
  holding.released.release(2);
  CHECK(first.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(second.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(holding.num_most == 1);
}

TEST_CASE("WaitingForAConnectionEndsWithTheTimeForConnecting") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve(socket); });
  GatewayConfig config = limited(backend.port(), {.max_connections = 1});
  config.clusters[0].timeouts.connect = std::chrono::milliseconds(50);
  RunningServer running(config, {.workers = 2});
  Socket first = ask(running);
  REQUIRE(holding.arrived.try_acquire_for(kPatience));
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 503 "));
  CHECK(running.log().wait_for(1).detail == "connection_wait");
  holding.released.release();
  CHECK(first.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("ALimitThatComesLaterClosesIdleConnectionsThatItDidNotCount") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve_at_once(socket); });
  RunningServer running(one_backend(backend.port()), {.workers = 1});
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 200 "));
  running.publish(limited(backend.port(), {.max_connections = 1}));
  CHECK(active(running, "max_connections") == 0);
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 200 "));
  CHECK(active(running, "max_connections") == 1);
  // Taken away, everything is as before.
  running.publish(one_backend(backend.port()));
  CHECK(ask(running).read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("BeyondTheLimitOfRetriesAFailureStands") {
  Holding holding;
  Backend backend([&](Socket& socket) { holding.serve(socket); });
  const std::uint16_t refusing = [] { return ListeningSocket().port(); }();
  GatewayConfig config = limited(backend.port(), {.max_retries = 1});
  config.clusters[0].endpoints.push_back({"127.0.0.1", refusing});
  RunningServer running(config);
  std::vector<Socket> clients;
  int num_refused = 0, num_held = 0;
  // Each is either held by the backend or answered 502; about half of them meet the refusing endpoint first.
  while (num_refused == 0 && clients.size() < 100) {
    clients.push_back(ask(running));
    while (!holding.arrived.try_acquire()) {
      if (value_of(running.server(), "circuit_breaker_overflows_total", "max_retries") > 0) {
        ++num_refused;
        break;
      }
      std::this_thread::yield();
    }
    if (num_refused == 0) ++num_held;
  }
  REQUIRE(num_refused == 1);
  CHECK(clients.back().read_message().starts_with("HTTP/1.1 502 "));
  CHECK(active(running, "max_retries") == 1);
  holding.released.release(num_held);
  for (int i = 0; i < num_held; ++i) {
    CHECK(clients[static_cast<std::size_t>(i)].read_message().starts_with("HTTP/1.1 200 "));
  }
  CHECK(active(running, "max_retries") == 0);
}

}  // namespace
}  // namespace ingress::test
