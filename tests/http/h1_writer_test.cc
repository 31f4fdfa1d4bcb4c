#include "http/h1_writer.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "heads.h"
#include "http/body_decoder.h"
#include "http/hop_by_hop.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

constexpr BodyFraming kNone{};
constexpr BodyFraming kChunked{BodyKind::kChunked, 0};

std::string write(const RequestHead& head, BodyFraming framing = kNone,
                  ConnectionHeader connection = ConnectionHeader::kNone) {
  base::BufferPool pool;
  base::Chain chain;
  write_request_head(chain, pool, head, framing, connection);
  return chain.to_string();
}

std::string write(const ResponseHead& head, BodyFraming framing = kNone,
                  ConnectionHeader connection = ConnectionHeader::kNone, std::int64_t kept_length = -1) {
  base::BufferPool pool;
  base::Chain chain;
  write_response_head(chain, pool, head, framing, connection, kept_length);
  return chain.to_string();
}

// Parsed, stripped of what belongs to the connection, written.
std::string rewrite_request(std::string_view text) {
  RequestParser parser({});
  const auto result = parser.feed(text);
  if (!result) return dump(result.error());
  const auto framing = request_framing(parser.head());
  if (!framing) return dump(framing.error());
  strip_hop_by_hop(parser.head().headers());
  parser.head().headers().remove(HeaderId::kHost);
  return write(parser.head(), *framing);
}

}  // namespace

TEST_CASE("A request is written from its parsed form, Host first") {
  CHECK_EQ(rewrite_request("GET /a?b HTTP/1.1\r\nX-A:  1 \r\nhost: Example.com:80\r\nConnection: "
                           "x-a2\r\nX-A2: 2\r\nB:\r\n\r\n"),
           "GET /a?b HTTP/1.1\r\nHost: Example.com:80\r\nX-A: 1\r\nB: \r\n\r\n");
  CHECK_EQ(rewrite_request("GET http://b/../x? HTTP/1.1\r\nHost: a\r\n\r\n"),
           "GET /x? HTTP/1.1\r\nHost: b\r\n\r\n");
  CHECK_EQ(rewrite_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_EQ(rewrite_request("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_EQ(rewrite_request("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n"),
           "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
  CHECK_EQ(rewrite_request("PUT / HTTP/1.1\r\nHost: a\r\nTRANSFER-encoding: Chunked\r\n\r\n"),
           "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("An empty body is said for the methods that mean to have one") {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    CAPTURE(std::string(method));
    CHECK(rewrite_request(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n")
              .ends_with("Content-Length: 0\r\n\r\n"));
  }
  for (const char* method : {"GET", "DELETE", "OPTIONS", "HEAD", "POSTING"}) {
    CAPTURE(std::string(method));
    CHECK(
        rewrite_request(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("Host: a\r\n\r\n"));
  }
  CHECK(rewrite_request("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .ends_with("Content-Length: 0\r\n\r\n"));
}

TEST_CASE("A written request parses to the same head") {
  const std::string text =
      "POST /a/%2Fb?c=%0d&d HTTP/1.1\r\nHost: Shop.Example:8080\r\nX-A: 1\r\nx-a: 2\r\n"
      "Cookie: \xff=\"q\"\r\nEmpty: \r\nContent-Length: 12\r\n\r\n";
  RequestParser first({});
  REQUIRE(first.feed(text).has_value());
  RequestParser second({});
  const std::string written = write(first.head(), *request_framing(first.head()));
  REQUIRE(second.feed(written).has_value());
  CHECK_EQ(dump(second.head()), dump(first.head()));
}

TEST_CASE("What replaces a field that was parsed is looked at like everything that filters set") {
  RequestParser parser({});
  REQUIRE(parser.feed("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\n").has_value());
  parser.head().headers().set("X-A", "1\r\nEvil: 1");
  parser.head().headers().add("Evil: 1\r\nX", "1");
  RequestHead copy;
  copy.assign(parser.head());
  for (const RequestHead* head : {&std::as_const(parser.head()), &std::as_const(copy)}) {
    CHECK_EQ(write(*head, kNone), "GET / HTTP/1.1\r\nHost: a\r\nX-B: 2\r\n\r\n");
  }
}

TEST_CASE("Lines that go on as they came may have others between them, before and behind") {
  CHECK_EQ(rewrite_request(
               "GET / HTTP/1.1\r\nA: 1\r\nb: 2\r\nHost: a\r\nC: 3\r\nConnection: d\r\nD: 4\r\nE: 5\r\n\r\n"),
           "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nb: 2\r\nC: 3\r\nE: 5\r\n\r\n");
  RequestParser parser({});
  REQUIRE(parser.feed("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n").has_value());
  Headers& fields = parser.head().headers();
  fields.set("B", "new");
  fields.add("D", "4");
  CHECK_EQ(write(parser.head()), "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: new\r\nC: 3\r\nD: 4\r\n\r\n");
}

TEST_CASE("A written response parses to the same head") {
  const std::string text =
      "HTTP/1.1 418 I'm a \xe9 teapot\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\n";
  ResponseParser first({});
  REQUIRE(first.feed(text).has_value());
  CHECK_EQ(write(first.head(), *response_framing(first.head(), "GET")), text);
}

TEST_CASE("The framing of a response is written for what its status allows") {
  struct {
    std::uint16_t status;
    BodyFraming framing;
    std::int64_t kept_length;
    const char* expected;
  } const rows[] = {
      {200, kNone, -1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {200, kNone, 7, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
      {200, {BodyKind::kLength, 5}, -1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
      {200, kChunked, -1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {200, {BodyKind::kUntilClose, 0}, -1, "HTTP/1.1 200 OK\r\n\r\n"},
      {100, kNone, -1, "HTTP/1.1 100 Continue\r\n\r\n"},
      {103, kNone, 7, "HTTP/1.1 103 Early Hints\r\n\r\n"},
      {204, kNone, -1, "HTTP/1.1 204 No Content\r\n\r\n"},
      {204, kNone, 7, "HTTP/1.1 204 No Content\r\n\r\n"},
      {304, kNone, -1, "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {304, kNone, 7, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
      {299, kNone, -1, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"},
      {0, kNone, -1, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
      {9999, kNone, -1, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const auto& row : rows) {
    ResponseHead head;
    head.set_status(row.status);
    CHECK_EQ(write(head, row.framing, ConnectionHeader::kNone, row.kept_length), row.expected);
  }
}

TEST_CASE("The connection's fate is written when it is said") {
  ResponseHead head;
  head.set_status(204);
  CHECK_EQ(write(head, kNone, ConnectionHeader::kClose),
           "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  CHECK_EQ(write(head, kNone, ConnectionHeader::kKeepAlive),
           "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("No filter can write a line of its own") {
  RequestParser parser({});
  REQUIRE(parser.feed("GET /p HTTP/1.1\r\nHost: a\r\n\r\n").has_value());
  RequestHead& head = parser.head();
  head.headers().set("X-Good", "1");
  head.headers().add("X-Cr", "a\rX-Evil: 1");
  head.headers().add("X-Lf", "a\nX-Evil: 1");
  head.headers().add("X-Crlf", "a\r\n\r\nGET /evil HTTP/1.1\r\n");
  head.headers().add("X-Nul", std::string("a\0b", 3));
  head.headers().add("X-Evil: 1\r\nX", "2");
  head.headers().add("", "empty name");
  head.headers().add("X Y", "space");
  head.headers().set("Connection", "close");
  head.headers().add("Content-Length", "5");
  head.headers().add("Transfer-Encoding", "chunked");
  head.headers().add("host", "evil");
  CHECK_EQ(write(head), "GET /p HTTP/1.1\r\nHost: a\r\nX-Good: 1\r\n\r\n");
  head.set_path("/a b\r\nX: y?#\xff");
  head.set_query("q HTTP/1.1\r\nX: #?");
  head.set_authority("b", 0, "b\r\nX: y");
  CHECK_EQ(write(head),
           "GET /a%20b%0D%0AX:%20y%3F%23%FF?q%20HTTP/1.1%0D%0AX:%20%23? HTTP/1.1\r\nHost: bX:y\r\nX-Good: "
           "1\r\n\r\n");
  head.set_method_view("GET /evil HTTP/1.1\r\n");
  CHECK(write(head).starts_with("GETevilHTTP1.1 /a%20b"));
  ResponseHead response;
  response.set_status(200);
  response.set_reason_view("OK\r\nX-Evil: 1");
  CHECK_EQ(write(response), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("A head takes one block, and one too large for a block takes several") {
  base::BufferPool pool;
  for (const std::size_t size : {10u, 5'000u, 20'000u, 65'000u, 200'000u}) {
    CAPTURE(size);
    RequestHead head;
    head.set_method_view("GET");
    head.set_target_view("/", {}, false);
    head.set_authority_view("a", 0, "a");
    const std::string value(size, 'v');
    head.headers().add_view("X", value, HeaderId::kOther);
    base::Chain chain;
    write_request_head(chain, pool, head, kNone, ConnectionHeader::kNone);
    CHECK_EQ(chain.to_string(), "GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n");
    if (size < 60'000) CHECK_EQ(chain.num_slices(), 1);
  }
}

TEST_CASE("What follows a head shares its block") {
  base::BufferPool pool;
  base::Chain chain;
  ResponseHead head;
  head.set_status(200);
  write_response_head(chain, pool, head, {BodyKind::kLength, 5}, ConnectionHeader::kNone);
  chain.append_copy("hello", pool);
  CHECK_EQ(chain.num_slices(), 1);
  CHECK_EQ(chain.to_string(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

TEST_CASE("Chunks are written so that they decode to the same body and trailers") {
  base::BufferPool pool;
  base::Chain chain;
  const auto chunk = [&](std::string_view text) {
    base::Chain piece;
    piece.append_copy(text, pool);
    write_chunk(chain, pool, std::move(piece));
  };
  chunk("hello");
  chunk("");
  chunk(std::string(26, 'x'));
  Headers trailers;
  trailers.add("X-Sum", "1");
  trailers.add("X-Evil", "1\r\n\r\n");
  trailers.add("Content-Length", "1");
  write_last_chunk(chain, pool, trailers);
  const std::string text = chain.to_string();
  CHECK_EQ(text, "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\nX-Sum: 1\r\n\r\n");
  chain.clear();
  write_last_chunk(chain, pool, Headers());
  CHECK_EQ(chain.to_string(), "0\r\n\r\n");
}

TEST_CASE("reason_phrase knows the registry and nothing else") {
  CHECK_EQ(reason_phrase(100), "Continue");
  CHECK_EQ(reason_phrase(404), "Not Found");
  CHECK_EQ(reason_phrase(511), "Network Authentication Required");
  CHECK_EQ(reason_phrase(99), "");
  CHECK_EQ(reason_phrase(299), "");
  CHECK_EQ(reason_phrase(512), "");
}
