#include "http/framing.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string to_text(const std::expected<BodyFraming, Error>& framing) {
  if (!framing) return dump(framing.error());
  switch (framing->kind) {
    case BodyKind::kNone:
      return "none";
    case BodyKind::kLength:
      return "length " + std::to_string(framing->length);
    case BodyKind::kChunked:
      return "chunked";
    default:
      return "until close";
  }
}

std::string to_text(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += name + ": " + value + "; ";
  return out;
}

std::string frame_request(const Fields& fields, HttpVersion version) {
  RequestHead head;
  head.set_version(version);
  head.set_method_view("POST");
  for (const auto& [name, value] : fields) head.headers().add(name, value);
  return to_text(request_framing(head));
}

std::string frame_response(const Fields& fields, HttpVersion version, std::uint16_t status = 200,
                           std::string_view method = "GET") {
  ResponseHead head;
  head.set_version(version);
  head.set_status(status);
  for (const auto& [name, value] : fields) head.headers().add(name, value);
  return to_text(response_framing(head, method));
}

// Every combination of what length and coding may look like. "bad" stands for the side's own code.
struct Row {
  Fields fields;
  const char* http11;
  const char* http10;
};

const Fields kNone{};
const std::pair<std::string, std::string> kFive{"Content-Length", "5"};
const std::pair<std::string, std::string> kPlus{"Content-Length", "+5"};
const std::pair<std::string, std::string> kSix{"content-length", "6"};
const std::pair<std::string, std::string> kChunked{"Transfer-Encoding", "chunked"};
const std::pair<std::string, std::string> kGzip{"Transfer-Encoding", "gzip"};
const std::pair<std::string, std::string> kList{"Transfer-Encoding", "gzip, chunked"};

const Row kRows[] = {
    {{}, "no field", "no field"},
    {{kFive}, "length 5", "length 5"},
    {{kPlus}, "bad bad_content_length", "bad bad_content_length"},
    {{kFive, kSix}, "bad two_content_lengths", "bad two_content_lengths"},
    {{kChunked}, "chunked", "bad chunked_http10"},
    {{kChunked, kFive}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kChunked, kPlus}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kFive, kChunked, kSix}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kGzip}, "unknown unknown_transfer_coding", "bad chunked_http10"},
    {{kGzip, kFive}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kGzip, kPlus}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kGzip, kFive, kSix}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kList}, "bad bad_transfer_encoding", "bad chunked_http10"},
    {{kList, kFive}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kList, kPlus}, "bad length_and_chunked", "bad length_and_chunked"},
    {{kList, kFive, kSix}, "bad length_and_chunked", "bad length_and_chunked"},
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.starts_with(from) ? to + text.substr(from.size()) : text;
}

std::string for_request(const char* expected) {
  return replaced(replaced(replaced(expected, "bad ", "bad_request "), "no field", "none"), "unknown ",
                  "transfer_coding_unknown ");
}

std::string for_response(const char* expected) {
  return replaced(replaced(replaced(expected, "bad ", "bad_response "), "no field", "until close"),
                  "unknown ", "bad_response ");
}

}  // namespace

TEST_CASE("Every row of the framing table holds for requests") {
  for (const Row& row : kRows) {
    CAPTURE(to_text(row.fields));
    CHECK_EQ(frame_request(row.fields, HttpVersion::kHttp11), for_request(row.http11));
    CHECK_EQ(frame_request(row.fields, HttpVersion::kHttp10), for_request(row.http10));
  }
}

TEST_CASE("Every row of the framing table holds for responses") {
  for (const Row& row : kRows) {
    CAPTURE(to_text(row.fields));
    CHECK_EQ(frame_response(row.fields, HttpVersion::kHttp11), for_response(row.http11));
    CHECK_EQ(frame_response(row.fields, HttpVersion::kHttp10), for_response(row.http10));
  }
}

TEST_CASE("A Content-Length is digits that fit 63 bits, once") {
  const std::pair<const char*, const char*> rows[] = {
      {"0", "length 0"},
      {"00", "length 0"},
      {"9223372036854775807", "length 9223372036854775807"},
      {"9223372036854775808", "bad_request bad_content_length"},
      {"18446744073709551621", "bad_request bad_content_length"},
      {"100000000000000000000000000", "bad_request bad_content_length"},
      {"", "bad_request bad_content_length"},
      {"+5", "bad_request bad_content_length"},
      {"-1", "bad_request bad_content_length"},
      {"0x5", "bad_request bad_content_length"},
      {"5 0", "bad_request bad_content_length"},
      {"5_0", "bad_request bad_content_length"},
      {"5;", "bad_request bad_content_length"},
      {"\"5\"", "bad_request bad_content_length"},
      {"5.0", "bad_request bad_content_length"},
      {"5, 60", "bad_request two_content_lengths"},
      {"5, 5", "bad_request two_content_lengths"},
      {"5,", "bad_request two_content_lengths"},
  };
  for (const auto& [value, expected] : rows) {
    CAPTURE(std::string(value));
    CHECK_EQ(frame_request({{"Content-Length", value}}, HttpVersion::kHttp11), expected);
  }
  CHECK_EQ(frame_request({kFive, kFive}, HttpVersion::kHttp11), "bad_request two_content_lengths");
}

TEST_CASE("A Transfer-Encoding is the one word chunked, once") {
  const std::pair<const char*, const char*> rows[] = {
      {"chunked", "chunked"},
      {"Chunked", "chunked"},
      {"CHUNKED", "chunked"},
      {"xchunked", "transfer_coding_unknown unknown_transfer_coding"},
      {"gzip", "transfer_coding_unknown unknown_transfer_coding"},
      {"identity", "bad_request bad_transfer_encoding"},
      {"", "bad_request bad_transfer_encoding"},
      {"\"chunked\"", "bad_request bad_transfer_encoding"},
      {"chunked;q=0.5", "bad_request bad_transfer_encoding"},
      {"chunked, chunked", "bad_request bad_transfer_encoding"},
      {"chunked, gzip", "bad_request bad_transfer_encoding"},
      {"chunked,", "bad_request bad_transfer_encoding"},
      {",chunked", "bad_request bad_transfer_encoding"},
      {"chunked\xff", "bad_request bad_transfer_encoding"},
      {"\x0b"
       "chunked",
       "bad_request bad_transfer_encoding"},
      {"chun ked", "bad_request bad_transfer_encoding"},
  };
  for (const auto& [value, expected] : rows) {
    CAPTURE(std::string(value));
    CHECK_EQ(frame_request({{"Transfer-Encoding", value}}, HttpVersion::kHttp11), expected);
  }
  const std::pair<std::string, std::string> identity{"Transfer-Encoding", "identity"};
  CHECK_EQ(frame_request({kChunked, identity}, HttpVersion::kHttp11), "bad_request bad_transfer_encoding");
  CHECK_EQ(frame_request({identity, kChunked}, HttpVersion::kHttp11), "bad_request bad_transfer_encoding");
  CHECK_EQ(frame_request({kChunked, kChunked}, HttpVersion::kHttp11), "bad_request bad_transfer_encoding");
}

TEST_CASE("HEAD, 1xx, 204 and 304 have no body, and are refused for the same ambiguities") {
  const std::pair<std::uint16_t, const char*> rows[] = {
      {200, "HEAD"}, {404, "HEAD"}, {100, "GET"}, {101, "GET"}, {199, "GET"}, {204, "GET"}, {304, "GET"}};
  for (const auto& [status, method] : rows) {
    CAPTURE(status);
    CHECK_EQ(frame_response(kNone, HttpVersion::kHttp11, status, method), "none");
    CHECK_EQ(frame_response({kFive}, HttpVersion::kHttp11, status, method), "none");
    CHECK_EQ(frame_response({kChunked}, HttpVersion::kHttp11, status, method), "none");
    CHECK_EQ(frame_response({kFive, kChunked}, HttpVersion::kHttp11, status, method),
             "bad_response length_and_chunked");
    CHECK_EQ(frame_response({kFive, kSix}, HttpVersion::kHttp11, status, method),
             "bad_response two_content_lengths");
  }
  CHECK_EQ(frame_response(kNone, HttpVersion::kHttp11, 205, "GET"), "until close");
  CHECK_EQ(frame_response({kFive}, HttpVersion::kHttp11, 200, "head"), "length 5");
}

TEST_CASE("Errors of framing name the side that sent the message") {
  RequestHead request;
  request.headers().add("Content-Length", "x");
  CHECK_EQ(request_framing(request).error().side, ErrorSide::kDownstream);
  ResponseHead response;
  response.set_status(200);
  response.headers().add("Content-Length", "x");
  CHECK_EQ(response_framing(response, "GET").error().side, ErrorSide::kUpstream);
}

TEST_CASE("content_length is that of a single valid field") {
  const auto read = [](const Fields& fields) {
    Headers headers;
    for (const auto& [name, value] : fields) headers.add(name, value);
    return content_length(headers);
  };
  CHECK_EQ(read({kFive}), 5);
  CHECK_FALSE(read({}).has_value());
  CHECK_FALSE(read({kPlus}).has_value());
  CHECK_FALSE(read({kFive, kSix}).has_value());
}

TEST_CASE("A connection lives on by version and Connection") {
  struct {
    std::vector<const char*> values;
    bool http11;
    bool http10;
  } const rows[] = {
      {{}, true, false},
      {{"close"}, false, false},
      {{"Keep-Alive"}, true, true},
      {{"x, CLOSE ,y"}, false, false},
      {{"keep-alive, close"}, false, false},
      {{"keep-alive", "close"}, false, false},
      {{"x", "keep-alive"}, true, true},
      {{"closed"}, true, false},
      {{"\"close\""}, true, false},
      // A quote means nothing among tokens: it hides no option from us that the other end may heed.
      {{"\", close"}, false, false},
      {{"x=\"1,close,\""}, false, false},
      {{"\", keep-alive"}, true, true},
      {{""}, true, false},
  };
  for (const auto& row : rows) {
    Headers headers;
    for (const char* value : row.values) headers.add("Connection", value);
    CAPTURE(dump(headers));
    CHECK_EQ(is_keep_alive(headers, HttpVersion::kHttp11), row.http11);
    CHECK_EQ(is_keep_alive(headers, HttpVersion::kHttp10), row.http10);
  }
}

TEST_CASE("Keep-Alive tells how long its sender waits, and nothing else is believed") {
  struct {
    const char* value;
    std::optional<int> seconds;
  } const rows[] = {
      {"timeout=5", 5},
      {"timeout=5, max=100", 5},
      {"max=100,TIMEOUT=0", 0},
      {"max=100", {}},
      {"", {}},
      {"timeout", {}},
      {"timeout=", {}},
      {"timeout=-1", {}},
      {"timeout=5s", {}},
      {"timeout=99999999999", {}},
      {"xtimeout=5", {}},
      {"timeout=x, timeout=7", 7},
  };
  for (const auto& row : rows) {
    Headers headers;
    headers.add("Keep-Alive", row.value);
    CAPTURE(row.value);
    const auto got = keep_alive_timeout(headers);
    REQUIRE(got.has_value() == row.seconds.has_value());
    if (got) CHECK(got->count() == *row.seconds);
  }
  CHECK_FALSE(keep_alive_timeout(Headers()));
}

TEST_CASE("Only 100-continue can be expected, and only by HTTP/1.1") {
  struct {
    std::vector<const char*> values;
    const char* expected;
  } const rows[] = {
      {{}, "no"},
      {{"100-continue"}, "yes"},
      {{"100-Continue"}, "yes"},
      {{"100-continue", "100-continue"}, "yes"},
      {{"y 100-continue"}, "expectation_failed unknown_expectation"},
      {{"100-continue, x"}, "expectation_failed unknown_expectation"},
      {{"100-continue", "x"}, "expectation_failed unknown_expectation"},
      {{""}, "expectation_failed unknown_expectation"},
  };
  for (const auto& row : rows) {
    RequestHead head;
    for (const char* value : row.values) head.headers().add("expect", value);
    CAPTURE(dump(head));
    const auto result = expects_continue(head);
    CHECK_EQ(result ? (*result ? "yes" : "no") : dump(result.error()), row.expected);
    head.set_version(HttpVersion::kHttp10);
    CHECK_EQ(expects_continue(head), false);
  }
}
