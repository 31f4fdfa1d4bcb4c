// The session of a backend by itself: requests out as frames, frames in, what the streams are told.
#include "http/h2_client.h"

#include <doctest/doctest.h>

#include <string>

#include "support/h2_client_session.h"
#include "support/h2_frames.h"

namespace ingress::test {
namespace {

using Session = H2ClientSession;
using http::BodyKind;
using http::H2Code;

std::string settings() {
  return h2_frame(kSettings, 0, 0, "");
}
std::string goaway(std::uint32_t last, std::uint32_t code = 0) {
  return h2_frame(kGoaway, 0, 0, h2_number(last) + h2_number(code));
}
// "1:1e 3:0 ": stream, type, END_STREAM.
std::string order_of(std::string_view bytes) {
  std::string order;
  for (const H2Frame& frame : h2_frames(bytes)) {
    if (frame.stream == 0) continue;
    const bool may_end = frame.type == kData || frame.type == kHeaders;
    order += std::to_string(frame.stream) + ":" + std::to_string(frame.type) +
             (may_end && (frame.flags & kEndStream) != 0 ? "e " : " ");
  }
  return order;
}

TEST_CASE("ItBeginsWithThePrefaceAndItsSettings") {
  Session session;
  CHECK(session.client.wants_write());
  const std::string out = session.collect();
  REQUIRE(out.starts_with(kH2Preface));
  const auto frames = h2_frames(std::string_view(out).substr(kH2Preface.size()));
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].type == kSettings);
  CHECK(frames[0].payload.starts_with(std::string_view("\0\2\0\0\0\0", 6)));  // no push
  CHECK(frames[1].type == kWindowUpdate);
  CHECK_FALSE(session.client.has_settings());
  CHECK(session.feed(settings()));
  CHECK(session.client.has_settings());
  CHECK(session.num_settings == 1);
}

TEST_CASE("AResponseIsToldWithItsBodyAndItsTrailers") {
  Session session;
  Session::Stream* const stream = session.begin("GET");
  REQUIRE(stream != nullptr);
  CHECK(session.client.num_streams() == 1);
  CHECK(order_of(session.collect().substr(kH2Preface.size())) == "1:1e ");
  CHECK(session.feed(
      settings() + h2_response(1, "103", {{"link", "a"}}, kEndHeaders) +
      h2_response(1, "200", {{"x-one", "1"}, {"set-cookie", "a"}, {"set-cookie", "b"}}, kEndHeaders) +
      h2_frame(kData, 0, 1, "hello ") + h2_frame(kData, 0, 1, "you") +
      h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"grpc-status", "0"}, {"host", "evil"}}))));
  CHECK(stream->text ==
        "(103\nlink: a)200 chunked\nx-one: 1\nset-cookie: a\nset-cookie: b\nhello you"
        "|end\ngrpc-status: 0|closed 0");
  CHECK(stream->is_closed());
  CHECK(stream->is_response_ended());
  CHECK(session.client.num_streams() == 0);
}

TEST_CASE("CutsChangeNothing") {
  const std::string bytes =
      settings() + h2_response(1, "100", {}, kEndHeaders) +
      h2_response(1, "200", {{"content-length", "5"}}, kEndHeaders) + h2_frame(kPing, 0, 0, "12345678") +
      h2_frame(kData, 0, 1, "123") + h2_response(3, "204") + h2_frame(kRstStream, 0, 5, h2_number(7)) +
      h2_frame(kData, kEndStream, 1, "45") + h2_response(7, "200", {{"bad", "a\x01"}}) +
      h2_response(9, "200", {}, kEndHeaders) + h2_frame(kData, 8, 9, std::string("\x02xy\0\0", 5)) +
      h2_frame(kHeaders, kEndHeaders | kEndStream, 9, hpack({{"a", "b"}})) + goaway(9) +
      h2_frame(kWindowUpdate, 0, 0, h2_number(5));
  const auto begin_all = [](Session& session) {
    for (int i = 0; i < 5; ++i) REQUIRE(session.begin("GET") != nullptr);
    session.collect();
  };
  Session whole;
  begin_all(whole);
  CHECK(whole.feed(bytes));
  const std::string text = whole.text(), out = whole.collect();
  CHECK(text ==
        "(100)200 length 5\ncontent-length: 5\n12345|end|closed 0\n--\n204 none\n|end|closed 0\n--\n"
        "|closed 7 unprocessed\n--\nrefused malformed\n--\n200 chunked\nxy|end\na: b|closed 0\n--\n");
  CHECK(whole.num_goaways == 1);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    Session session;
    begin_all(session);
    CHECK(session.feed(bytes.substr(0, cut)));
    CHECK(session.feed(bytes.substr(cut)));
    CHECK(session.text() == text);
  }
  Session by_byte;
  begin_all(by_byte);
  for (const char& c : bytes) CHECK(by_byte.feed({&c, 1}));
  CHECK(by_byte.text() == text);
  CHECK(by_byte.collect() == out);
  CHECK(reset_code(out, 7) == 1);
}

TEST_CASE("ResponsesWithoutABodyHaveNone") {
  struct Row {
    std::string method, response, told;
  };
  const std::string empty_end = h2_frame(kData, kEndStream, 1, "");
  const Row rows[] = {
      {"HEAD", h2_response(1, "200", {{"content-length", "9"}}),
       "200 none\ncontent-length: 9\n|end|closed 0"},
      {"HEAD", h2_response(1, "200", {{"content-length", "9"}}, kEndHeaders) + empty_end,
       "200 none\ncontent-length: 9\n|end|closed 0"},
      {"GET", h2_response(1, "304", {{"content-length", "9"}}), "304 none\ncontent-length: 9\n|end|closed 0"},
      {"GET", h2_response(1, "204"), "204 none\n|end|closed 0"},
      {"GET", h2_response(1, "204", {}, kEndHeaders) + empty_end, "204 none\n|end|closed 0"},
      {"GET", h2_response(1, "200"), "200 none\n|end|closed 0"},
      {"GET", h2_response(1, "200", {{"content-length", "0"}}), "200 none\ncontent-length: 0\n|end|closed 0"},
      {"GET", h2_response(1, "200", {{"content-length", "0"}}, kEndHeaders) + empty_end,
       "200 length 0\ncontent-length: 0\n|end|closed 0"},
      {"GET", h2_response(1, "200", {}, kEndHeaders) + empty_end, "200 chunked\n|end|closed 0"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.told);
    Session session;
    Session::Stream* const stream = session.begin(row.method);
    session.collect();
    CHECK(session.feed(settings() + row.response));
    CHECK(stream->text == row.told);
    CHECK(session.collect().find("\x03") == std::string::npos);
  }
}

// RFC 9113 8.1 to 8.3. Long because it is a table.
TEST_CASE("MalformedResponsesAreResetAndSaidToBeSo") {
  struct Row {
    std::string what, response, told;
  };
  const std::string head = h2_response(1, "200", {}, kEndHeaders);
  const std::string kRefused = "refused malformed|closed 1 ours";
  const std::string kBroken = "200 chunked\n|closed 1 ours";
  const Row rows[] = {
      {"no status", h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"a", "b"}})), kRefused},
      {"two",
       h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{":status", "200"}, {":status", "200"}})),
       kRefused},
      {"pseudo behind",
       h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"a", "b"}, {":status", "200"}})), kRefused},
      {"of a request", h2_response(1, "200", {{":path", "/"}}), kRefused},
      {"unknown pseudo", h2_response(1, "200", {{":x", "y"}}), kRefused},
      {"two digits", h2_response(1, "20"), kRefused},
      {"no number", h2_response(1, "2x0"), kRefused},
      {"too high", h2_response(1, "600"), "refused bad_status|closed 1 ours"},
      {"too low", h2_response(1, "099"), "refused bad_status|closed 1 ours"},
      {"upper case", h2_response(1, "200", {{"X-A", "b"}}), kRefused},
      {"no name", h2_response(1, "200", {{"", "b"}}), kRefused},
      {"line break", h2_response(1, "200", {{"a", "b\r\nc: d"}}), kRefused},
      {"blank in front", h2_response(1, "200", {{"a", " b"}}), kRefused},
      {"colon in a name", h2_response(1, "200", {{"a:b", "c"}}), kRefused},
      {"connection", h2_response(1, "200", {{"connection", "close"}}), kRefused},
      {"keep-alive", h2_response(1, "200", {{"keep-alive", "5"}}), kRefused},
      {"transfer-encoding", h2_response(1, "200", {{"transfer-encoding", "chunked"}}), kRefused},
      {"upgrade", h2_response(1, "200", {{"upgrade", "x"}}), kRefused},
      {"two lengths", h2_response(1, "200", {{"content-length", "0"}, {"content-length", "0"}}), kRefused},
      {"no length", h2_response(1, "200", {{"content-length", "x"}}), kRefused},
      {"a length and nothing", h2_response(1, "200", {{"content-length", "5"}}), kRefused},
      {"interim that ends", h2_response(1, "103"), kRefused},
      {"data behind an interim one", h2_response(1, "100", {}, kEndHeaders) + h2_frame(kData, 0, 1, "x"),
       "(100)refused malformed|closed 1 ours"},
      {"trailers that do not end", head + h2_frame(kHeaders, kEndHeaders, 1, hpack({{"a", "b"}})), kBroken},
      {"pseudo in trailers",
       head + h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{":status", "200"}})), kBroken},
      {"bad trailers", head + h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"a", "b\n"}})),
       kBroken},
      {"body of a 204", h2_response(1, "204", {}, kEndHeaders) + h2_frame(kData, kEndStream, 1, "x"),
       "204 none\n|closed 1 ours"},
      {"too short",
       h2_response(1, "200", {{"content-length", "5"}}, kEndHeaders) + h2_frame(kData, kEndStream, 1, "1234"),
       "200 length 5\ncontent-length: 5\n1234|closed 1 ours"},
      {"too long",
       h2_response(1, "200", {{"content-length", "5"}}, kEndHeaders) + h2_frame(kData, 0, 1, "12345") +
           h2_frame(kData, kEndStream, 1, "6"),
       "200 length 5\ncontent-length: 5\n12345|closed 1 ours"},
  };
  for (const Row& row : rows) {
    for (const bool is_by_byte : {false, true}) {
      for (const bool is_sending : {false, true}) {
        CAPTURE(row.what);
        CAPTURE(is_by_byte);
        CAPTURE(is_sending);
        Session session;
        Session::Stream* const stream =
            is_sending ? session.begin("POST", "/", {BodyKind::kChunked, 0}) : session.begin("GET");
        Session::Stream* const other = session.begin("GET");
        session.collect();
        const std::string bytes = settings() + row.response + h2_response(3, "204");
        if (is_by_byte) {
          for (const char& c : bytes) CHECK(session.feed({&c, 1}));
        } else {
          CHECK(session.feed(bytes));
        }
        const std::string out = session.collect();
        CHECK(stream->text == row.told);
        CHECK(stream->num_after_close == 0);
        CHECK(reset_code(out, 1) == 1);
        CHECK(other->text == "204 none\n|end|closed 0");
        CHECK(session.client.num_streams() == 0);
      }
    }
  }
}

// RFC 9113 8.6.
TEST_CASE("ThereIsNoSwitchingOfProtocols") {
  Session session;
  Session::Stream* const stream = session.begin("GET");
  session.collect();
  CHECK(session.feed(settings() + h2_response(1, "101", {}, kEndHeaders)));
  const std::string out = session.collect();
  CHECK(stream->is_refused);
  CHECK(stream->how.is_ours);
  CHECK(reset_code(out, 1) == 1);
}

TEST_CASE("HeadsAndTrailersHaveTheirLimits") {
  struct Row {
    std::string response, told;
  };
  const std::vector<std::pair<std::string, std::string>> many(11, {"x", "y"});
  const std::vector<std::pair<std::string, std::string>> trailers(20, {"x", std::string(1000, 'y')});
  const Row rows[] = {
      {h2_response(1, "200", {{"x", std::string(900, 'a')}}), "refused head_too_large|closed 11 ours"},
      {h2_response(1, "200", many), "refused too_many_headers|closed 11 ours"},
      {h2_response(1, "103", many, kEndHeaders), "refused too_many_headers|closed 11 ours"},
      {h2_response(1, "200", {}, kEndHeaders) +
           h2_frame(kHeaders, kEndStream, 1, hpack(trailers).substr(0, 15'000)) +
           h2_frame(kContinuation, kEndHeaders, 1, hpack(trailers).substr(15'000)),
       "200 chunked\n|closed 11 ours"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.told);
    Session session({.head = {.head_bytes = 900, .max_headers = 10}});
    Session::Stream* const stream = session.begin("GET");
    session.begin("GET");
    session.collect();
    CHECK(session.feed(settings() + row.response + h2_response(3, "204")));
    CHECK(reset_code(session.collect(), 1) == 11);
    CHECK(stream->text == row.told);
    CHECK(session.streams[1]->text == "204 none\n|end|closed 0");
  }
  // Each head of a response counts by itself.
  Session session({.head = {.head_bytes = 900, .max_headers = 10}});
  session.begin("GET");
  session.collect();
  const std::vector<std::pair<std::string, std::string>> ten(10, {"x", "y"});
  CHECK(session.feed(settings() + h2_response(1, "103", ten, kEndHeaders) + h2_response(1, "200", ten)));
  CHECK(session.streams[0]->how.code == 0);
  CHECK_FALSE(session.streams[0]->is_refused);
}

TEST_CASE("InterimResponsesAreCounted") {
  Session session({.max_interim_responses = 3});
  Session::Stream* const stream = session.begin("GET");
  session.collect();
  CHECK(session.feed(settings()));
  for (int i = 0; i < 3; ++i) CHECK(session.feed(h2_response(1, "102", {}, kEndHeaders)));
  CHECK_FALSE(stream->is_refused);
  CHECK(session.feed(h2_response(1, "102", {}, kEndHeaders) + h2_response(1, "200")));
  CHECK(reset_code(session.collect(), 1) == 11);
  CHECK(stream->text == "(102)(102)(102)refused too_many_interim|closed 11 ours");
}

TEST_CASE("ARequestBodyWaitsForTheBackendsWindowAndHoldsUpNobodyElse") {
  Session session;
  Session::Stream* const big = session.begin("POST", "/", {BodyKind::kLength, 100'000});
  session.send(*big, std::string(100'000, 'a'));
  session.end(*big);
  CHECK(session.feed(settings() + h2_frame(kWindowUpdate, 0, 0, h2_number(1'000'000))));
  session.collect();
  CHECK(big->queued_bytes() == 100'000 - 65'535);
  Session::Stream* const small = session.begin("PUT", "/", {BodyKind::kChunked, 0});
  session.send(*small, "b");
  session.end(*small);
  CHECK(order_of(session.collect()) == "3:1 3:0e ");
  std::vector<http::H2ClientStream*> drained;
  session.client.take_drained(drained);
  REQUIRE(drained.size() == 1);
  CHECK(drained[0] == small);
  CHECK(session.feed(h2_frame(kWindowUpdate, 0, 1, h2_number(50'000))));
  CHECK(order_of(session.collect()) == "1:0 1:0 1:0e ");
  session.client.take_drained(drained);
  REQUIRE(drained.size() == 1);
  CHECK(drained[0] == big);
  session.client.take_drained(drained);
  CHECK(drained.empty());
}

TEST_CASE("AQueueThatWasEmptyAllAlongHasNotRunEmpty") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.collect();
  session.end(*stream);
  CHECK(order_of(session.collect()) == "1:0e ");
  std::vector<http::H2ClientStream*> drained;
  session.client.take_drained(drained);
  CHECK(drained.empty());
}

TEST_CASE("TrailersFollowTheBodyOfARequest") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  CHECK(order_of(session.collect().substr(kH2Preface.size())) == "1:1 ");
  session.send(*stream, "body");
  Headers trailers;
  trailers.add("X-Sum", "9");
  session.client.send_end(*stream, trailers);
  session.end(*stream);  // once is enough
  session.send(*stream, "more");
  CHECK(order_of(session.collect()) == "1:0 1:1e ");
  CHECK(stream->queued_bytes() == 0);
  CHECK_FALSE(session.client.wants_write());
}

TEST_CASE("NoMoreIsMadeThanTheBudgetAllows") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kLength, 60'000});
  session.send(*stream, std::string(60'000, 'a'));
  session.end(*stream);
  std::size_t total = 0;
  int num_collected = 0;
  while (session.client.wants_write()) {
    const std::size_t size = session.collect(1000).size();
    REQUIRE(size > 0);
    CHECK(size < 1000 + 16'384 + 9);
    total += size;
    ++num_collected;
  }
  CHECK(num_collected >= 3);
  CHECK(total > 60'000);
}

TEST_CASE("WindowsOpenWhenABodyHasBeenTaken") {
  Session session({.stream_window_bytes = 20'000, .connection_window_bytes = 100'000});
  Session::Stream* const stream = session.begin("GET");
  stream->is_kept_back = true;
  session.collect();
  CHECK(session.feed(settings() + h2_frame(kSettings, kAck, 0, "") + h2_response(1, "200", {}, kEndHeaders) +
                     h2_frame(kData, 0, 1, std::string(16'000, 'x'))));
  CHECK(order_of(session.collect()).empty());
  session.client.consume_connection(16'000);
  session.client.consume_stream(*stream, 16'000);
  CHECK(order_of(session.collect()) == "1:8 ");
  // More than there was room for.
  CHECK(session.feed(h2_frame(kData, 0, 1, std::string(16'000, 'x')) +
                     h2_frame(kData, 0, 1, std::string(16'000, 'x'))));
  CHECK(reset_code(session.collect(), 1) == 3);
  CHECK(stream->how.code == 3);
  CHECK(stream->how.is_ours);
}

TEST_CASE("DataOfAStreamThatIsGivenUpOpensTheWindowOfTheConnection") {
  Session session({.stream_window_bytes = 100'000, .connection_window_bytes = 70'000});
  for (int i = 0; i < 3; ++i) session.begin("GET");
  session.collect();
  CHECK(session.feed(settings() + h2_response(1, "200", {}, kEndHeaders)));
  session.abandon(*session.streams[0]);
  session.client.reset(*session.streams[0], H2Code::kCancel);
  std::uint32_t opened = 0;
  for (int i = 0; i < 10; ++i) {
    for (const std::uint32_t id : {1u, 3u})
      CHECK(session.feed(h2_frame(kData, 0, id, std::string(16'000, 'x'))));
    for (const H2Frame& frame : h2_frames(session.collect())) {
      if (frame.type == kWindowUpdate && frame.stream == 0) opened += h2_number_of(frame.payload);
    }
  }
  CHECK(opened > 250'000);
  CHECK(session.client.num_streams() == 1);
  CHECK(session.streams[0]->num_responses == 0);
}
}  // namespace
}  // namespace ingress::test
