// What reading and writing a head costs: a browser's request and a short response.
#include <benchmark/benchmark.h>

#include <string>

#include "http/body_decoder.h"
#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"

namespace ingress {
namespace {

const std::string kRequest =
    "GET /cart/items?id=42&sort=price HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=0123456789abcdef; theme=dark\r\n"
    "Connection: keep-alive\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 1024\r\n"
    "Cache-Control: no-cache\r\n\r\n";

void BM_ParseRequest(benchmark::State& state) {
  http::RequestParser parser({});
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(kRequest));
    parser.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kRequest.size()));
}
BENCHMARK(BM_ParseRequest);

void BM_ParseRequestInTwoPieces(benchmark::State& state) {
  http::RequestParser parser({});
  const std::string_view all = kRequest;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(all.substr(0, 200)));
    benchmark::DoNotOptimize(parser.feed(all.substr(200)));
    parser.reset();
  }
}
BENCHMARK(BM_ParseRequestInTwoPieces);

void BM_ParseResponse(benchmark::State& state) {
  http::ResponseParser parser({});
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(kResponse));
    parser.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kResponse.size()));
}
BENCHMARK(BM_ParseResponse);

// The whole way of a request head: read, frame, strip, write.
void BM_ForwardRequestHead(benchmark::State& state) {
  base::BufferPool pool;
  http::RequestParser parser({});
  base::Chain out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(kRequest));
    const auto framing = http::request_framing(parser.head());
    http::strip_hop_by_hop(parser.head().headers());
    http::write_request_head(out, pool, parser.head(), *framing, http::ConnectionHeader::kNone);
    out.clear();
    parser.reset();
  }
}
BENCHMARK(BM_ForwardRequestHead);

void BM_DecodeChunkedBody(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 16; ++i) body += "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
  body += "0\r\n\r\n";
  http::BodyDecoder decoder;
  for (auto _ : state) {
    decoder.start({http::BodyKind::kChunked, 0}, ErrorCode::kBadRequest, 0);
    for (std::string_view rest = body; !decoder.is_end();) {
      const auto step = decoder.next(rest);
      rest.remove_prefix(step->consumed);
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(BM_DecodeChunkedBody);

}  // namespace
}  // namespace ingress
