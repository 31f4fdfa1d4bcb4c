// storm LISTEN BACKEND NUM_ROUTES: serves NUM_ROUTES hosts with one worker, through the library as any
// program does, and changes one of them after the other when stdin says so. A daemon that watches files
// cannot be driven at a thousand changes a second: the file system would be measured.
//
//   storm RATE SECONDS   changes at that rate, waiting for each until every worker serves it
//   cost COUNT           that many changes one after the other, for their CPU time
// Each line of input is answered by a line of JSON; the first line tells of the start.

#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <utility>

#include "bench/proxy/histogram.h"
#include "bench/proxy/sockets.h"
#include "ingress/server.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t cpu_ns(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) die("clock_gettime");
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

double to_us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

// The host that the load generator asks for, served by one of two clusters.
ingress::Route make_route(unsigned number, const char* cluster) {
  char host[32];
  std::snprintf(host, sizeof host, "h%07u.bench.example", number);
  return {.name = host,
          .hosts = {host},
          .rules = {{.matches = {{.path = ingress::PathMatch::prefix("/")}}, .backends = {{cluster, 1}}}}};
}

ingress::GatewayConfig make_config(const sockaddr_in& listen, const sockaddr_in& backend,
                                   unsigned num_routes) {
  ingress::GatewayConfig config;
  config.listeners = {{.name = "http", .address = "127.0.0.1", .port = ntohs(listen.sin_port)}};
  for (const char* name : {"a", "b"})
    config.clusters.push_back({.name = name, .endpoints = {{"127.0.0.1", ntohs(backend.sin_port)}}});
  for (unsigned i = 0; i < num_routes; ++i) config.routes.push_back(make_route(i, "a"));
  return config;
}

class Storm {
 public:
  Storm(ingress::Server& server, unsigned num_routes) : server_(server), num_routes_(num_routes) {}

  void rage(double rate, double seconds) {
    Histogram accepted, adopted;
    const auto interval =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate));
    const auto begin = Clock::now();
    const auto end =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    for (auto due = begin; due < end; due += interval) {
      std::this_thread::sleep_until(due);
      const auto start = Clock::now();
      const ingress::Generation generation = change();
      accepted.record(static_cast<std::uint64_t>((Clock::now() - start).count()));
      await_adoption(generation, std::chrono::microseconds(20));
      adopted.record(static_cast<std::uint64_t>((Clock::now() - start).count()));
    }
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    std::printf(
        "{\"changes\": %llu, \"seconds\": %.3f, \"accepted_p50_us\": %.1f, \"accepted_p99_us\": %.1f, "
        "\"adopted_p50_us\": %.1f, \"adopted_p99_us\": %.1f, \"adopted_max_us\": %.1f}\n",
        static_cast<unsigned long long>(adopted.total()), took, to_us(accepted.percentile(0.5)),
        to_us(accepted.percentile(0.99)), to_us(adopted.percentile(0.5)), to_us(adopted.percentile(0.99)),
        to_us(adopted.max()));
  }

  void count_cost(unsigned count) {
    const std::uint64_t process = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    const std::uint64_t thread = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    ingress::Generation last = 0;
    for (unsigned i = 0; i < count; ++i) last = change();
    const std::uint64_t caller = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - thread;
    await_adoption(last, std::chrono::milliseconds(1));
    std::printf("{\"changes\": %u, \"process_cpu_us\": %.2f, \"caller_cpu_us\": %.2f}\n", count,
                to_us(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - process) / count, to_us(caller) / count);
  }

 private:
  ingress::Generation change() {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    ++count_;
    ingress::Route route =
        make_route(static_cast<unsigned>((random_ >> 33) % num_routes_), count_ % 2 == 0 ? "a" : "b");
    route.created_at =
        static_cast<std::int64_t>(count_);  // a host that comes up again may be at this cluster already
    ingress::ConfigDelta delta;
    delta.upsert_routes.push_back(std::move(route));
    const auto generation = server_.apply(std::move(delta));
    if (!generation) {
      std::fprintf(stderr, "storm: refused: %s\n", generation.error().front().why.c_str());
      std::_Exit(1);
    }
    return *generation;
  }

  bool is_adopted(ingress::Generation generation) const {
    const ingress::ServerStatus status = server_.status();
    return std::ranges::all_of(status.workers,
                               [&](const auto& worker) { return worker.adopted >= generation; });
  }

  void await_adoption(ingress::Generation generation, std::chrono::microseconds pause) const {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (!is_adopted(generation)) {
      std::this_thread::sleep_for(pause);
      if (Clock::now() < end) continue;
      std::fprintf(stderr, "storm: a change is not served after 10 seconds\n");
      std::_Exit(1);
    }
  }

  ingress::Server& server_;
  unsigned num_routes_;
  std::uint64_t random_ = 1;
  std::uint64_t count_ = 0;
};

void obey(ingress::Server& server, unsigned num_routes) {
  Storm storm(server, num_routes);
  char line[128];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    double rate = 0, seconds = 0;
    unsigned count = 0;
    if (std::sscanf(line, "storm %lf %lf", &rate, &seconds) == 2 && rate > 0) {
      storm.rage(rate, seconds);
    } else if (std::sscanf(line, "cost %u", &count) == 1 && count > 0) {
      storm.count_cost(count);
    } else {
      std::fprintf(stderr, "storm: what is %s", line);
      std::_Exit(2);
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const unsigned num_routes = argc == 4 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 0;
  if (num_routes == 0) {
    std::fprintf(stderr, "usage: storm LISTEN BACKEND NUM_ROUTES, the first two IP:PORT\n");
    return 2;
  }
  auto server = ingress::Server::create({.workers = 1, .local_backends = ingress::LocalBackends::kAllowed});
  if (!server) {
    std::fprintf(stderr, "storm: %s\n", server.error().text().c_str());
    return 1;
  }
  auto config = bench::make_config(bench::parse_address(argv[1]), bench::parse_address(argv[2]), num_routes);
  const auto begin = bench::Clock::now();
  const std::uint64_t cpu = bench::cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  if (!server->publish(std::move(config))) {
    std::fprintf(stderr, "storm: the configuration is refused\n");
    return 1;
  }
  std::printf("{\"routes\": %u, \"publish_ms\": %.1f, \"publish_cpu_ms\": %.1f}\n", num_routes,
              std::chrono::duration<double, std::milli>(bench::Clock::now() - begin).count(),
              bench::to_us(bench::cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1000);
  std::fflush(stdout);
  server->stop_on_signals();
  std::thread obeying([&] { bench::obey(*server, num_routes); });
  obeying.detach();  // reads stdin until the process ends
  const bool is_ok = server->run().has_value();
  std::_Exit(is_ok ? 0 : 1);
}
