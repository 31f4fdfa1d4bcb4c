#include "http/second_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "heads.h"
#include "http/framing.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

// A head and what a first reader, however lenient, says about it.
struct Reading {
  std::string head;
  StartLine line;
  std::vector<FieldSpan> fields;
};

// `start` and `end` are what ends the start line and each field line.
Reading read(const std::string& start, const std::vector<std::pair<std::string, std::string>>& fields,
             const std::string& end = "\r\n") {
  Reading reading;
  reading.head = start + end;
  const std::size_t space = start.find(' ');
  reading.line.method_end = static_cast<std::uint32_t>(space);
  reading.line.status = start.starts_with("HTTP/") ? 200 : 0;
  reading.line.version = start.find("1.0") == start.npos ? HttpVersion::kHttp11 : HttpVersion::kHttp10;
  for (const auto& [name, value] : fields) {
    FieldSpan span;
    span.name = static_cast<std::uint32_t>(reading.head.size());
    reading.head += name;
    span.name_end = static_cast<std::uint32_t>(reading.head.size());
    reading.head += ": ";
    span.value = static_cast<std::uint32_t>(reading.head.size());
    reading.head += value;
    span.value_end = static_cast<std::uint32_t>(reading.head.size());
    reading.fields.push_back(span);
    reading.head += end;
  }
  reading.head += end;
  return reading;
}

bool agrees(const Reading& reading, SectionKind kind = SectionKind::kRequestHead) {
  return second_reader_agrees(kind, reading.head, reading.line, reading.fields);
}

bool agrees_on_response(const Reading& reading) {
  return agrees(reading, SectionKind::kResponseHead);
}

const std::string kGet = "GET / HTTP/1.1";
const std::string kPost = "POST / HTTP/1.1";
const std::string kOk = "HTTP/1.1 200 OK";

}  // namespace

TEST_CASE("The second reader agrees with a right reading") {
  CHECK(agrees(read(kGet, {{"Host", "a"}, {"X", ""}})));
  CHECK(agrees(read("M-SEARCH * HTTP/1.0", {})));
  CHECK(agrees(read(kPost, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}})));
  CHECK(agrees_on_response(read(kOk, {{"Content-Length", "5"}})));
}

TEST_CASE("The second reader finds any other reading") {
  const Reading right = read(kGet, {{"Host", "a"}, {"X", "b"}});
  REQUIRE(agrees(right));
  const auto changed = [&right](auto&& change) {
    Reading reading = right;
    change(reading);
    return agrees(reading);
  };
  CHECK_FALSE(changed([](Reading& r) { r.fields.pop_back(); }));
  CHECK_FALSE(changed([](Reading& r) { r.fields.push_back(r.fields.back()); }));
  CHECK_FALSE(changed([](Reading& r) { std::swap(r.fields[0], r.fields[1]); }));
  CHECK_FALSE(changed([](Reading& r) { ++r.fields[1].name; }));
  CHECK_FALSE(changed([](Reading& r) { --r.fields[0].name_end; }));
  CHECK_FALSE(changed([](Reading& r) { ++r.fields[0].value; }));
  CHECK_FALSE(changed([](Reading& r) { --r.fields[1].value_end; }));
  CHECK_FALSE(changed([](Reading& r) { r.line.version = HttpVersion::kHttp10; }));
  CHECK_FALSE(changed([](Reading& r) { r.head += "X"; }));
  CHECK_FALSE(changed([](Reading& r) { r.head.pop_back(); }));
  Reading status = read(kOk, {});
  status.line.status = 201;
  CHECK_FALSE(agrees_on_response(status));
}

// One head for each leniency of llhttp that concerns heads, where a first reader would have taken it.
TEST_CASE("The second reader has every leniency of llhttp turned off") {
  CHECK_FALSE(agrees(read(kGet, {{"Host", "a"}, {"X", "a\x01"}})));
  CHECK_FALSE(agrees(read(kGet, {{"Host", "a"}, {"X", bytes("a\0b")}})));
  CHECK_FALSE(agrees(read(kPost, {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}})));
  CHECK_FALSE(agrees(read(kPost, {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}})));
  CHECK_FALSE(agrees(read(kPost, {{"Transfer-Encoding", "chunked, gzip"}})));
  CHECK_FALSE(agrees(read(kPost, {{"Content-Length", "5"}, {"Content-Length", "5"}})));
  CHECK_FALSE(agrees(read(kPost, {{"Content-Length", "5 5"}})));
  CHECK_FALSE(agrees(read(kPost, {{"Content-Length", "5\t"}})));
  CHECK_FALSE(agrees(read("GET / HTTP/1.7", {{"Host", "a"}})));
  CHECK_FALSE(agrees(read("GET / ICE/1.1", {{"Host", "a"}})));
  CHECK_FALSE(agrees(read(kGet, {{"Host", "a"}}, "\n")));
  CHECK_FALSE(agrees(read(kGet, {{"Host", "a"}}, "\r")));
  CHECK_FALSE(agrees(read(kGet, {{"Host", "a"}, {"X", "a\r\n b"}})));
  CHECK_FALSE(agrees_on_response(read(kOk, {{"X", "a"}}, "\n")));
  CHECK_FALSE(agrees_on_response(read(kOk, {{"X", "a\x01"}})));
  CHECK_FALSE(agrees_on_response(read("HTTP/1.7 200 OK", {})));
}

// What would be forwarded if llhttp were the only reader: the reason for one of our own.
TEST_CASE("What llhttp lets through against the RFC is refused by our own checks") {
  const Reading rows[] = {
      read(kGet, {{"Host", "a"}, {"X ", "a"}}),
      read(kGet, {{"Host", "a"}, {"Host", "b"}}),
      read(kGet, {{"Host", "a b"}}),
      read(kGet, {}),
      read("get / HTTP/1.1", {{"Host", "a"}}),
      read("GET /a#b HTTP/1.1", {{"Host", "a"}}),
      read("GET /%00 HTTP/1.1", {{"Host", "a"}}),
      read("GET /\\ HTTP/1.1", {{"Host", "a"}}),
      read("GET http://u@a/ HTTP/1.1", {{"Host", "a"}}),
      read("GET /\xff HTTP/1.1", {{"Host", "a"}}),
      read("GET  / HTTP/1.1", {{"Host", "a"}}),
      read(kPost, {{"Transfer-Encoding", "gzip, chunked"}}),
      read(kPost, {{"Transfer-Encoding", "xchunked"}}),
      read("POST / HTTP/1.0", {{"Transfer-Encoding", "chunked"}}),
      read(kPost, {{"Content-Length", "9223372036854775808"}}),
  };
  for (const Reading& reading : rows) {
    CAPTURE(reading.head);
    CHECK(agrees(reading));
    RequestParser parser({});
    CHECK_FALSE((parser.feed(reading.head) && request_framing(parser.head())));
  }
}
