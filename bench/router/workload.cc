#include "workload.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <utility>

namespace ingress::bench {
namespace {

template <class MakeHost, class MakePath>
Requests make_requests(std::size_t size, MakeHost make_host, MakePath make_path) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, std::mt19937_64(1));
  Requests requests;
  for (const std::size_t i : order) {
    requests.hosts.push_back(make_host(i));
    requests.paths.push_back(make_path(i));
  }
  return requests;
}

Routes routes_by_host(std::size_t size) {
  Routes routes;
  routes.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    auto route = std::make_shared<Route>(
        *make_route("ns/route-" + std::to_string(i), host_of(i), "/app", "ns/svc-" + std::to_string(i)));
    for (const char* value : {"a", "b"}) {
      if (i % 100 != 0) break;
      RouteRule& rule = route->rules.emplace_back(route->rules[0]);
      rule.matches[0].headers.push_back({"x-variant", value});
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace

std::string host_of(std::size_t i) {
  return "app-" + std::to_string(i) + ".example.com";
}

std::string path_of(std::size_t i) {
  return "/team-" + std::to_string(i % 100) + "/service-" + std::to_string(i / 100) + "/api";
}

std::shared_ptr<const Route> make_route(std::string name, std::string host, std::string path,
                                        std::string cluster) {
  Route route{.name = std::move(name), .hosts = {std::move(host)}};
  RouteRule& rule = route.rules.emplace_back();
  rule.matches.push_back({.path = PathMatch::prefix(path)});
  rule.backends.push_back({std::move(cluster), 1, {}});
  return std::make_shared<const Route>(std::move(route));
}

Workload exact_hosts(std::size_t size) {
  return {routes_by_host(size), make_requests(size, host_of, [](std::size_t) { return "/app/items/1"; })};
}

Workload unknown_hosts(std::size_t size) {
  return {routes_by_host(size), make_requests(
                                    size, [size](std::size_t i) { return host_of(size + i); },
                                    [](std::size_t) { return "/app/items/1"; })};
}

Workload wildcard_hosts(std::size_t size) {
  Workload work;
  for (std::size_t i = 0; i < size; ++i) {
    work.routes.push_back(make_route("r" + std::to_string(i), "**." + host_of(i), "/app", "svc"));
  }
  work.requests = make_requests(
      size, [](std::size_t i) { return "a.b." + host_of(i); }, [](std::size_t) { return "/app/items/1"; });
  return work;
}

Workload paths_of_one_host(std::size_t size) {
  Workload work;
  for (std::size_t i = 0; i < size; ++i) {
    work.routes.push_back(make_route("r" + std::to_string(i), "example.com", path_of(i), "svc"));
  }
  work.requests = make_requests(
      size, [](std::size_t) { return "example.com"; }, [](std::size_t i) { return path_of(i) + "/items/1"; });
  return work;
}

RequestHead make_head() {
  RequestHead head;
  head.set_method_view("GET");
  head.headers().add_view("user-agent", "bench", HeaderId::kOther);
  head.headers().add_view("accept", "*/*", HeaderId::kOther);
  return head;
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {10, 1'000, 100'000}) bench->Arg(size);
  if (std::getenv("INGRESS_BENCH_LARGE") != nullptr) bench->Arg(1'000'000);
}

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace ingress::bench
