#include "http/plain_head.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "heads.h"
#include "http/second_reader.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

constexpr ScanLimits kLimits{.section_bytes = 64 * 1024, .max_fields = 100, .line_bytes = 16 * 1024};

const std::string kRequest =
    "GET /cart?id=42 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "content-length: 12\r\n"
    "X-Forwarded-Proto: https\r\n"
    "A: b\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 404 Not Found\r\n"
    "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    "Content-Length: 7\r\n"
    "Connection: keep-alive\r\n\r\n";

std::string with_field(std::string_view field) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n";
}

// In memory of its own, so that a read past the end shows.
PlainHead read(SectionKind kind, std::string_view text, Headers& fields, ScanLimits limits = kLimits) {
  const std::vector<char> bytes(text.begin(), text.end());
  const auto read_it = kind == SectionKind::kRequestHead ? read_plain_request : read_plain_response;
  return read_it({bytes.data(), bytes.size()}, limits, text.data(), fields);
}

bool is_plain(std::string_view text, SectionKind kind = SectionKind::kRequestHead,
              ScanLimits limits = kLimits) {
  Headers fields;
  const PlainHead head = read(kind, text, fields, limits);
  CHECK_EQ(head.size == 0, fields.is_empty());
  return head.size != 0;
}

bool is_plain_response(std::string_view text) {
  return is_plain(text, SectionKind::kResponseHead);
}

// What both of the readers, that know more than plain heads, make of it.
void check_agreement(SectionKind kind, std::string_view text, const PlainHead& plain, const Headers& fields) {
  HeadScanner scanner;
  scanner.start(kind, kLimits);
  const HeadScanner::Step step = scanner.scan(text);
  REQUIRE_EQ(step.outcome, HeadScanner::Outcome::kDone);
  CHECK_EQ(step.skipped, 0);
  REQUIRE_EQ(step.taken, plain.size);
  CHECK(scanner.start_line() == plain.line);
  REQUIRE_EQ(scanner.fields().size(), fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldSpan& span = scanner.fields()[i];
    const HeaderField& field = fields.begin()[i];
    CHECK_EQ(field.name.data(), text.data() + span.name);
    CHECK_EQ(field.name.size(), span.name_end - span.name);
    CHECK_EQ(field.value.data(), text.data() + span.value);
    CHECK_EQ(field.value.size(), span.value_end - span.value);
    CHECK_EQ(field.id, to_header_id(field.name));
    CHECK(field.is_line);
  }
  CHECK(second_reader_agrees(kind, text.substr(0, plain.size), scanner.start_line(), scanner.fields()));
}

}  // namespace

TEST_CASE("plain heads: what most clients and backends send is one, wherever it ends") {
  for (const auto& [kind, text] :
       {std::pair{SectionKind::kRequestHead, kRequest}, std::pair{SectionKind::kResponseHead, kResponse}}) {
    for (const char* behind : {"", "x", "\r\n", "more than sixteen bytes of body"}) {
      const std::string all = text + behind;
      Headers fields;
      const PlainHead head = read(kind, all, fields);
      REQUIRE_EQ(head.size, text.size());
      check_agreement(kind, all, head, fields);
    }
  }
}

TEST_CASE("plain heads: one that is cut is not whole") {
  for (std::size_t size = 0; size < kRequest.size(); ++size) {
    CHECK_FALSE(is_plain(std::string_view(kRequest).substr(0, size)));
  }
  for (std::size_t size = 0; size < kResponse.size(); ++size) {
    CHECK_FALSE(is_plain_response(std::string_view(kResponse).substr(0, size)));
  }
}

TEST_CASE("plain heads: what could be read in two ways is left to two readers") {
  REQUIRE(is_plain(with_field("A: b")));
  for (const char* field : {
           "A:b",
           "A:  b",
           "A: b ",
           "A: ",
           "A:",
           "A : b",
           " A: b",
           "A: b\r\n c",
           "A: b\tc",
           "A: b\x7f",
           "A: \x80",
           "A: b\nB: c",
           "A: b\rB: c",
           "A\x01: b",
           "A_B: c",
           "A!: b",
           ": b",
           "A",
           "Transfer-Encoding: chunked",
           "transfer-encoding: identity",
           "Upgrade: websocket",
           "Content-Length: 1\r\nContent-Length: 1",
           "Content-Length: +1",
           "Content-Length: 1, 1",
           "Content-Length: 1234567890123456789",
       }) {
    CAPTURE(field);
    CHECK_FALSE(is_plain(with_field(field)));
  }
  CHECK_FALSE(is_plain(with_field(std::string_view("A: b\0c", 6))));
  for (const char* start :
       {"get / HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.0", "GET / HTTP/2.0",
        "GET /\x7f HTTP/1.1", "GET /#a HTTP/1.1", "GET * HTTP/1.1", "GET http://a/ HTTP/1.1", " / HTTP/1.1",
        "GET / HTTP/1.1 ", "GET /", "\r\nGET / HTTP/1.1"}) {
    CAPTURE(start);
    CHECK_FALSE(is_plain(std::string(start) + "\r\nHost: a\r\n\r\n"));
  }
  for (const char* start :
       {"HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 600 No", "HTTP/1.1 099 No", "HTTP/1.1 2000 No",
        "HTTP/1.1 2 0 No", "HTTP/1.1 200 \tOK", "HTTP/1.1  200 OK", "http/1.1 200 OK"}) {
    CAPTURE(start);
    CHECK_FALSE(is_plain_response(std::string(start) + "\r\nServer: a\r\n\r\n"));
  }
}

TEST_CASE("plain heads: beyond a limit there is none") {
  const auto limited = [](ScanLimits limits) {
    return is_plain(kRequest, SectionKind::kRequestHead, limits);
  };
  const std::size_t line_bytes = kRequest.find('\r');
  CHECK(limited({.section_bytes = kRequest.size(), .max_fields = 5, .line_bytes = line_bytes}));
  CHECK_FALSE(limited({.section_bytes = kRequest.size() - 1, .max_fields = 5, .line_bytes = line_bytes}));
  CHECK_FALSE(limited({.section_bytes = kRequest.size(), .max_fields = 4, .line_bytes = line_bytes}));
  CHECK_FALSE(limited({.section_bytes = kRequest.size(), .max_fields = 5, .line_bytes = line_bytes - 1}));
}

TEST_CASE("plain heads: whatever is taken for one, the other readers read alike") {
  std::mt19937 random(1);
  const auto below = [&random](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  constexpr std::string_view kBytes("\r\n\t :,-_aZ09#?/%\"\0\x01\x7f\x80\xff", 22);
  const std::vector<std::string> kPieces = {"Content-Length: 5\r\n",
                                            "Connection: close\r\n",
                                            "Upgrade: x\r\n",
                                            "Transfer-Encoding: x\r\n",
                                            "HTTP/1.1",
                                            "\r\n\r\n",
                                            ": ",
                                            " "};
  std::size_t num_plain = 0;
  for (int round = 0; round < 20'000; ++round) {
    const bool is_request = below(2) == 0;
    std::string text = is_request ? kRequest : kResponse;
    for (std::size_t change = below(4); change > 0; --change) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = kBytes[below(kBytes.size())];
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        case 2:
          text.insert(at, kPieces[below(kPieces.size())]);
          break;
        default:
          text.insert(at, std::string(1 + below(40), static_cast<char>(' ' + below(95))));
          break;
      }
    }
    const SectionKind kind = is_request ? SectionKind::kRequestHead : SectionKind::kResponseHead;
    Headers fields;
    const PlainHead head = read(kind, text, fields);
    if (head.size == 0) continue;
    ++num_plain;
    CAPTURE(text);
    check_agreement(kind, text, head, fields);
  }
  CHECK_GT(num_plain, 5'000);
}
