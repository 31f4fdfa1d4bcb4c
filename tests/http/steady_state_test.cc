// Counts allocations: the request path must not make any once it is warm.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "heads.h"
#include "http/body_decoder.h"
#include "http/framing.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"

namespace {
std::size_t num_allocations = 0;

void* allocate(std::size_t size) {
  ++num_allocations;
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

using namespace ingress;
using namespace ingress::http;

namespace {

constexpr std::string_view kRequest =
    "POST /cart/items/17?sort=price HTTP/1.1\r\nHost: Shop.Example.com:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\n"
    "Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef\r\nTransfer-Encoding: "
    "chunked\r\n\r\n"
    "5\r\nhello\r\n0\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 1024\r\nConnection: keep-alive\r\n\r\n";

// One exchange's heads and request body; false when something was refused.
bool run_once(RequestParser& requests, ResponseParser& responses, BodyDecoder& body, base::BufferPool& pool,
              base::Chain& out) {
  const auto fed = requests.feed(kRequest);
  if (!fed || !fed->is_complete) return false;
  const auto framing = request_framing(requests.head());
  if (!framing) return false;
  strip_hop_by_hop(requests.head().headers());
  write_request_head(out, pool, requests.head(), *framing, ConnectionHeader::kNone);
  body.start(*framing, ErrorCode::kBadRequest, 0);
  const auto step = body.next(kRequest.substr(fed->consumed));
  if (!step || !step->is_end) return false;
  out.clear();
  if (!responses.feed(kResponse)) return false;
  const auto response_body = response_framing(responses.head(), requests.head().method());
  if (!response_body) return false;
  strip_hop_by_hop(responses.head().headers());
  write_response_head(out, pool, responses.head(), *response_body, ConnectionHeader::kNone);
  out.clear();
  requests.reset();
  responses.reset();
  return true;
}

}  // namespace

TEST_CASE("A warm connection parses and writes heads without an allocation") {
  base::BufferPool pool;
  base::Chain out;
  RequestParser requests({});
  ResponseParser responses({});
  BodyDecoder body;
  for (int i = 0; i < 3; ++i) REQUIRE(run_once(requests, responses, body, pool, out));
  const std::size_t before = num_allocations;
  bool is_good = true;
  for (int i = 0; i < 100; ++i) is_good = run_once(requests, responses, body, pool, out) && is_good;
  const std::size_t after = num_allocations;
  CHECK(is_good);
  CHECK_EQ(after - before, 0);
}

TEST_CASE("Refusing a head allocates nothing on a warm connection") {
  RequestParser parser({});
  const auto refuse = [&parser] {
    const bool is_refused = !parser.feed("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n").has_value();
    parser.reset();
    return is_refused;
  };
  REQUIRE(refuse());
  const std::size_t before = num_allocations;
  const bool is_refused = refuse();
  const std::size_t after = num_allocations;
  CHECK(is_refused);
  CHECK_EQ(after - before, 0);
}

TEST_CASE("An idle connection's parser is small") {
  CHECK_LE(sizeof(RequestParser), 200);
  CHECK_LE(sizeof(ResponseParser), 200);
}
