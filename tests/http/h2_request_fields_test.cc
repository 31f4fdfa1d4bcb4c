// Request heads as HTTP/2 fields.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/h2_response_head.h"

namespace ingress::test {
namespace {

std::string fields_of(const RequestHead& head, http::BodyFraming framing = {},
                      std::string_view scheme = "https") {
  std::vector<http::H2Field> fields;
  http::H2RequestText text;
  http::list_request_fields(fields, text, head, scheme, framing);
  std::string out;
  for (const http::H2Field& field : fields) {
    out += std::string(field.name) + (field.is_sensitive ? "! " : " ") + std::string(field.value) + "\n";
  }
  return out;
}

void fill(RequestHead& head, std::string_view method, std::string_view path) {
  head.set_method_view(method);
  head.set_target_view(path, {}, false);
  head.set_authority("x", 81, "x:81");
  head.note_checked();
}

constexpr std::string_view kStart = ":method GET\n:scheme https\n:authority x:81\n";

TEST_CASE("PseudoFieldsComeFirst") {
  RequestHead head;
  fill(head, "GET", "/a");
  head.headers().add("X-One", "1");
  CHECK(fields_of(head) == std::string(kStart) + ":path /a\nX-One 1\n");
  CHECK(fields_of(head, {}, "http").starts_with(":method GET\n:scheme http\n"));
  CHECK(fields_of(head, {http::BodyKind::kChunked, 0}) == std::string(kStart) + ":path /a\nX-One 1\n");
  CHECK(fields_of(head, {http::BodyKind::kLength, 123}) ==
        std::string(kStart) + ":path /a\nX-One 1\ncontent-length 123\n");
  CHECK(fields_of(head, {http::BodyKind::kLength, 0}).ends_with("content-length 0\n"));
}

TEST_CASE("TheTargetIsWrittenAsInHttp1") {
  RequestHead head;
  fill(head, "OPTIONS", "*");
  CHECK(fields_of(head).ends_with(":path *\n"));
  head.set_target_view("/a", "b=c", true);
  head.note_checked();
  CHECK(fields_of(head).ends_with(":path /a?b=c\n"));
  head.set_target_view("/a", "", true);
  CHECK(fields_of(head).ends_with(":path /a?\n"));
  // By a filter.
  head.set_path("/a b?c#d\r\n");
  head.set_query("e f?g#h");
  CHECK(fields_of(head).ends_with(":path /a%20b%3Fc%23d%0D%0A?e%20f?g%23h\n"));
}

TEST_CASE("WhatIsNoAuthorityIsLeftOut") {
  RequestHead head;
  fill(head, "GET", "/");
  head.set_authority("x", 0, "x\r\ny: z");
  CHECK(fields_of(head) == ":method GET\n:scheme https\n:authority xy:z\n:path /\n");
  head.set_authority("", 0, "");
  CHECK(fields_of(head) == ":method GET\n:scheme https\n:path /\n");
}

TEST_CASE("FieldsOfAConnectionAreLeftOut") {
  RequestHead head;
  fill(head, "GET", "/");
  for (const char* const name : {"Host", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive",
                                 "Proxy-Connection", "Upgrade", "TE"}) {
    head.headers().add(name, "5");
  }
  head.headers().add("not a name", "x");
  head.headers().add("", "x");
  head.headers().add("x-line", "a\r\nb: c");
  head.headers().add("x-nul", std::string_view("a\0", 2));
  CHECK(fields_of(head) == std::string(kStart) + ":path /\n");
}

TEST_CASE("OnlyTrailersIsLeftOfTe") {
  RequestHead head;
  fill(head, "GET", "/");
  head.headers().add("TE", "Trailers");
  CHECK(fields_of(head) == std::string(kStart) + ":path /\nte trailers\n");
}

TEST_CASE("SecretsEnterNoTable") {
  RequestHead head;
  fill(head, "GET", "/");
  head.headers().add("Authorization", "Basic x");
  head.headers().add("Cookie", "a=1");
  head.headers().add("cookie", "session=0123456789abcdef");
  head.headers().add("x-api", "z");
  CHECK(fields_of(head) ==
        std::string(kStart) +
            ":path /\nAuthorization! Basic x\nCookie! a=1\ncookie session=0123456789abcdef\nx-api z\n");
}

// Whatever nghttp2 lets pass.
TEST_CASE("AResponseHeadHasAStatusAndOneLength") {
  struct Row {
    std::vector<std::pair<std::string, std::string>> fields;
    std::string what;
  };
  const Row rows[] = {
      {{}, "bad_status"},
      {{{":status", "099"}}, "bad_status"},
      {{{":status", "101"}}, "bad_status"},
      {{{":status", "600"}}, "bad_status"},
      {{{":status", "2OO"}}, "bad_status"},
      {{{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}}, "bad_content_length"},
      {{{":status", "200"}, {"content-length", "+1"}}, "bad_content_length"},
      {{{":status", "304"}, {"content-length", "x"}}, "bad_content_length"},
      {{{":status", "200"}, {"content-length", "1"}}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    http::H2ResponseReader reader;
    reader.begin({});
    for (const auto& [name, value] : row.fields) CHECK(reader.add(name, value));
    const auto framing = reader.finish(false, false);
    CHECK(framing.has_value() == row.what.empty());
    if (framing) continue;
    CHECK(framing.error().what == row.what);
    CHECK(framing.error().code == ErrorCode::kBadResponse);
    CHECK(framing.error().side == ErrorSide::kUpstream);
  }
}

// So that the HTTP/1.1 writer copies them as one piece.
TEST_CASE("FieldsOfAResponseAreLines") {
  http::H2ResponseReader reader;
  reader.begin({});
  CHECK(reader.add(":status", "200"));
  CHECK(reader.add("content-length", "5"));
  CHECK(reader.add("a", "b"));
  CHECK(reader.add("c-d", ""));
  CHECK(reader.add("e!", "f"));
  CHECK(reader.add("vary", "x"));
  const auto framing = reader.finish(false, false);
  REQUIRE(framing);
  CHECK(*framing == http::BodyFraming{http::BodyKind::kLength, 5});
  const Headers& headers = reader.head().headers();
  REQUIRE(headers.size() == 5);
  const HeaderField* const field = headers.begin();
  CHECK(field[1].is_line);
  CHECK_FALSE(field[1].is_joined);
  CHECK(field[2].is_joined);
  CHECK_FALSE(field[3].is_line);
  CHECK_FALSE(field[4].is_joined);
  CHECK(headers.has(HeaderId::kContentLength));
  CHECK(reader.head().version() == HttpVersion::kHttp2);
}

}  // namespace
}  // namespace ingress::test
