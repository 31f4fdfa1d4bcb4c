// Routes and requests of the router's benches, the same for every table that is compared (and, in
// matchit/src/main.rs, the same again in Rust).
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ingress/message.h"
#include "ingress/route.h"

namespace ingress::bench {

using Routes = std::vector<std::shared_ptr<const Route>>;

// Texts of requests, contiguous and in random order over all routes: no locality, the worst for caches.
struct Requests {
  std::vector<std::string> hosts;
  std::vector<std::string> paths;
};

struct Workload {
  Routes routes;
  Requests requests;
};

// One host and one prefix each; one route in a hundred has two rules more, which ask for a header.
Workload exact_hosts(std::size_t size);
// The routes of exact_hosts(), asked for hosts that look like theirs but are none of them.
Workload unknown_hosts(std::size_t size);
// One "**." host each, asked two labels below.
Workload wildcard_hosts(std::size_t size);
// All prefixes under one host.
Workload paths_of_one_host(std::size_t size);

// What the changes need of single routes.
std::string host_of(std::size_t i);
std::string path_of(std::size_t i);
std::shared_ptr<const Route> make_route(std::string name, std::string host, std::string path,
                                        std::string cluster);

// A request with two headers that no rule asks for.
RequestHead make_head();

// 10, 1,000 and 100,000; with INGRESS_BENCH_LARGE=1 in the environment 1,000,000 as well.
void sizes(benchmark::internal::Benchmark* bench);

// Bytes in use on the heap.
std::size_t heap_bytes();

}  // namespace ingress::bench
