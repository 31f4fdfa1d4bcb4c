// The name servers of a backend fail under load: with errors, then with silence. Users see nothing, as the
// last good addresses are kept; that the name is gone is believed when they are back.
//
// With a worker of its own, because the daemon asks the name servers of the system.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "net/dns_server.h"
#include "net/tcp.h"
#include "proxy/health_board.h"
#include "proxy/publisher.h"
#include "proxy/worker.h"
#include "support/sockets.h"
#include "upstream/breaker_registry.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;

constexpr const char* kName = "backend.ingress.test";
constexpr std::size_t kNumUsers = 4;
// Answers that came from what was good before, for each of the two ways to fail.
constexpr std::uint64_t kNumStale = 50;

std::expected<std::shared_ptr<proxy::BoundListener>, Error> bind(const Listener& listener) {
  auto sockets = net::bind_listening(listener.address, listener.port, 1);
  if (!sockets) return std::unexpected(std::move(sockets.error()));
  return std::make_shared<proxy::BoundListener>(std::move(sockets->fds), sockets->port);
}

void serve(Socket& socket) {
  while (!socket.read_message().empty()) {
    if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) return;
  }
}

GatewayConfig one_named_backend(std::uint16_t port) {
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 0}};
  config.clusters = {{.name = "backend", .endpoints = {{kName, port}}}};
  // So that new connections need the name all the time.
  config.clusters[0].limits.max_requests_per_connection = 10;
  config.routes = {{.name = "all", .rules = {{.backends = {{.cluster = "backend"}}}}}};
  return config;
}

// Users that ask one thing after the other on kept connections, until the end.
class Users {
 public:
  explicit Users(std::uint16_t port) {
    for (std::size_t i = 0; i < kNumUsers; ++i) threads_.emplace_back([this, port] { run(port); });
  }
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;
  ~Users() {
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  int num_good() const { return num_good_; }
  int num_bad() const { return num_bad_; }

 private:
  void run(std::uint16_t port) {
    Socket client = Socket::connect(port);
    while (!is_over_) {
      client.send("GET /dns HTTP/1.1\r\nHost: x\r\n\r\n");
      const bool is_good = client.read_message().starts_with("HTTP/1.1 200 ");
      ++(is_good ? num_good_ : num_bad_);
      if (!is_good) client = Socket::connect(port);
    }
  }
  std::atomic<bool> is_over_ = false;
  std::atomic<int> num_good_ = 0, num_bad_ = 0;
  std::vector<std::thread> threads_;
};

TEST_CASE("FailingNameServersAreNotFeltAndBelievedWhenTheyAreBack") {
  Backend backend(serve);
  LoopFixture fixture;
  DnsServer dns(fixture);
  dns.records[kName] = {{"127.0.0.1"}, 0};

  proxy::Publisher publisher(bind);
  const auto snapshot = publisher.publish(one_named_backend(backend.port()));
  REQUIRE(snapshot);
  auto worker = proxy::Worker::create({.local_backends = LocalBackends::kAllowed,
                                       .resolver = {.servers = dns.servers(),
                                                    .min_ttl = milliseconds(50),
                                                    .max_retry = milliseconds(100),
                                                    .patience = milliseconds(50)},
                                       .breakers = std::make_shared<upstream::BreakerRegistry>(),
                                       .health = std::make_shared<proxy::HealthBoard>(),
                                       .retire = [](auto gone) { gone.reset(); }});
  REQUIRE(worker);
  (*worker)->put_snapshot(*snapshot);
  const net::ResolverCounters& counters = (*worker)->resolver().counters();
  {
    const Users users((*snapshot)->listeners.at(0).bound->port);
    const auto serve_more = [&](int num) {
      fixture.run_until([&, end = users.num_good() + num] { return users.num_good() >= end; });
    };
    serve_more(100);
    for (const auto mood : {DnsServer::Mood::kServerFailure, DnsServer::Mood::kSilent}) {
      dns.mood = mood;
      const std::uint64_t end = counters.stale_answers.get() + kNumStale;
      fixture.run_until([&] { return counters.stale_answers.get() >= end || users.num_bad() > 0; });
      dns.mood = DnsServer::Mood::kAnswering;
      serve_more(100);
    }
    CHECK(users.num_bad() == 0);
    MESSAGE("| name servers fail, then are silent | " << users.num_good()
                                                      << " | nothing: the last good addresses are used ("
                                                      << counters.stale_answers.get() << " connections) |");
    dns.records.clear();
    fixture.run_until([&] { return users.num_bad() > 0; });
  }
}

}  // namespace
}  // namespace ingress::test
