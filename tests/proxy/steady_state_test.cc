// Counts allocations of a worker's thread: a warm request makes none.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "proxy/running_server.h"

namespace {
thread_local bool is_counted = false;
std::atomic<std::size_t> num_allocations = 0;

void* allocate(std::size_t size) {
  if (is_counted) num_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

// All of them, so that none of another kind frees what these took.
void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace ingress::test {
namespace {

TEST_CASE("AWarmRequestAllocatesNothing") {
  Backend backend(serve_echo);
  auto server = Server::create({.make_filters =
                                    [] {
                                      is_counted = true;
                                      return FilterList();
                                    },
                                .local_backends = LocalBackends::kAllowed});
  REQUIRE(server);
  REQUIRE(server->publish(one_backend(backend.port())));
  std::thread loop([&] { CHECK(server->run()); });
  for (const char* request : {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
                              "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"}) {
    CAPTURE(request);
    Socket client = Socket::connect(server->status().listeners[0].port);
    const auto ask = [&](int times) {
      for (int i = 0; i < times; ++i) {
        client.send(request);
        CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
      }
    };
    ask(100);
    const std::size_t before = num_allocations;
    CHECK(before > 0);
    ask(100);
    CHECK(num_allocations - before == 0);
  }
  server->stop_now();
  loop.join();
}

}  // namespace
}  // namespace ingress::test
