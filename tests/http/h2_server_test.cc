// The session of a client by itself: frames in, what the streams are told, frames out.
#include "http/h2_server.h"

#include <doctest/doctest.h>

#include <string>

#include "support/h2_frames.h"
#include "support/h2_session.h"

namespace ingress::test {
namespace {

TEST_CASE("ARequestIsToldWithItsBodyAndItsTrailers") {
  H2Session session;
  CHECK(session.feed(h2_begin() +
                     h2_request(1, "POST", "/a/../b?q",
                                {{"cookie", "a=1"}, {"x-one", "1"}, {"cookie", "b=2"}}, kEndHeaders) +
                     h2_frame(kData, 0, 1, "hello ") + h2_frame(kData, 0, 1, "you") +
                     h2_frame(kHeaders, kEndHeaders | kEndStream, 1,
                              hpack({{"x-sum", "9"}, {"host", "evil"}, {"authorization", "x"}}))));
  REQUIRE(session.streams.size() == 1);
  CHECK(session.streams[0]->text ==
        "POST /b?q x\nx-one: 1\ncookie: a=1; b=2\nhost: x\nhello you|end\nx-sum: 9");
}

TEST_CASE("CutsChangeNothing") {
  const std::string bytes = h2_begin() + h2_request(1, "GET", "/") +
                            h2_request(3, "POST", "/p", {{"content-length", "5"}}, kEndHeaders) +
                            h2_frame(kPing, 0, 0, "12345678") + h2_request(5, "GET", "/bad\\path") +
                            h2_frame(kData, kEndStream, 3, "12345") + h2_request(7, "get", "/") +
                            h2_frame(kRstStream, 0, 5, h2_number(8)) +
                            h2_request(9, "GET", "/x", {{"upper", "a\x01"}});
  H2Session whole;
  CHECK(whole.feed(bytes));
  const std::string text = whole.text(), out = whole.collect();
  CHECK(whole.streams.size() == 5);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    H2Session session;
    CHECK(session.feed(bytes.substr(0, cut)));
    CHECK(session.feed(bytes.substr(cut)));
    CHECK(session.text() == text);
  }
  H2Session by_byte;
  for (const char& c : bytes) CHECK(by_byte.feed({&c, 1}));
  CHECK(by_byte.text() == text);
  CHECK(by_byte.collect() == out);
}

TEST_CASE("AnswersLeaveWithTheirTrailersAndHeadOfOneFrameWhenThereIsNoBody") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/") + h2_request(3, "GET", "/")));
  session.answer(*session.streams[0], "");
  ResponseHead head;
  head.set_status(200);
  head.headers().add("Connection", "x");  // has no place here
  session.server.send_head(*session.streams[1], head, {http::BodyKind::kChunked, 0}, -1);
  base::Chain piece;
  piece.append(session.pool.copy("body"));
  session.server.send_body(*session.streams[1], std::move(piece));
  Headers trailers;
  trailers.add("Grpc-Status", "0");
  session.server.send_end(*session.streams[1], trailers);
  std::string order;
  for (const H2Frame& frame : h2_frames(session.collect())) {
    if (frame.stream == 0) continue;
    order += std::to_string(frame.stream) + ":" + std::to_string(frame.type) +
             ((frame.flags & kEndStream) != 0 ? "e " : " ");
  }
  CHECK(order == "1:1e 3:1 3:0 3:1e ");
  CHECK(session.streams[0]->was_closed);
  CHECK(session.streams[1]->was_closed);
}

TEST_CASE("ABodyWaitsForTheClientsWindowAndHoldsUpNobodyElse") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/") + h2_request(3, "GET", "/")));
  session.answer(*session.streams[0], std::string(50'000, 'a'));
  session.collect();
  CHECK(session.streams[0]->was_closed);
  CHECK(session.feed(h2_frame(kWindowUpdate, 0, 0, h2_number(100'000)) + h2_request(5, "GET", "/")));
  session.answer(*session.streams[1], std::string(70'000, 'b'));
  session.answer(*session.streams[2], "c");
  session.collect();
  CHECK(session.streams[1]->queued_bytes() == 70'000 - 65'535);
  CHECK(session.streams[2]->was_closed);
  CHECK(session.feed(h2_frame(kWindowUpdate, 0, 3, h2_number(10'000))));
  session.collect();
  CHECK(session.streams[1]->was_closed);
}

TEST_CASE("NoMoreIsMadeThanTheBudgetAllows") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  session.answer(*session.streams[0], std::string(60'000, 'a'));
  std::size_t total = 0;
  int num_collected = 0;
  while (session.server.wants_write()) {
    const std::size_t size = session.collect(1000).size();
    REQUIRE(size > 0);
    CHECK(size < 1000 + 16'384 + 9);
    total += size;
    ++num_collected;
  }
  CHECK(num_collected >= 3);
  CHECK(total > 60'000);
}

TEST_CASE("MalformedRequestsAreResetAndNobodyHearsOfThem") {
  struct Row {
    std::string what;
    std::vector<std::pair<std::string, std::string>> fields;
  };
  const Row rows[] = {
      {"another host",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"host", "b"}}},
      {"scheme", {{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "a"}}},
      {"absolute path",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "http://a/"}, {":authority", "a"}}},
      {"no path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}}},
      {"two methods",
       {{":method", "GET"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}},
      {"upper case",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"X-A", "b"}}},
      {"connection",
       {{":method", "GET"},
        {":scheme", "http"},
        {":path", "/"},
        {":authority", "a"},
        {"connection", "close"}}},
      {"transfer-encoding",
       {{":method", "GET"},
        {":scheme", "http"},
        {":path", "/"},
        {":authority", "a"},
        {"transfer-encoding", "chunked"}}},
      {"te", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"te", "gzip"}}},
      {"line break",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"x", "a\r\nb: c"}}},
      {"colon in a name",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"x:y", "z"}}},
      {"pseudo behind",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"x", "y"}, {":authority", "a"}}},
      {"unknown pseudo",
       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {":x", "y"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    H2Session session;
    CHECK(session.feed(h2_begin() + h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack(row.fields)) +
                       h2_request(3, "GET", "/ok")));
    const std::string out = session.collect();
    CHECK(reset_code(out, 1) == 1);
    CHECK_FALSE(session.streams[0]->has_request);
    CHECK(session.streams[0]->was_closed);
    CHECK(session.streams[1]->text == "GET /ok x\nhost: x\n|end");
  }
}

TEST_CASE("RequestsThatCanBeAnsweredAreRefusedWithAWord") {
  const auto why = [](const std::string& request, http::H2Limits limits = {}) {
    H2Session session(limits);
    CHECK(session.feed(h2_begin() + request));
    REQUIRE(session.streams.size() == 1);
    const std::string text = session.streams[0]->text;
    return text.substr(0, text.find('|'));
  };
  CHECK(why(h2_request(1, "GET", "/%00")) == "refused bad_path");
  CHECK(why(h2_request(1, "get", "/")) == "refused bad_request_line");
  CHECK(why(h2_request(1, "GET", "/", {{"x", std::string(300, 'a')}}), {.head = {.head_bytes = 400}}) ==
        "refused head_too_large");
  CHECK(why(h2_request(1, "GET", "/", {{"a", "1"}, {"b", "1"}, {"c", "1"}}), {.head = {.max_headers = 2}}) ==
        "refused head_too_large");
  CHECK(why(h2_request(1, "GET", "/" + std::string(50, 'a')), {.head = {.request_line_bytes = 40}}) ==
        "refused uri_too_long");
  CHECK(why(h2_frame(kHeaders, kEndHeaders | kEndStream, 1,
                     hpack({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "y"}}))) ==
        "GET / y\nhost: y\n");
}

TEST_CASE("ALengthThatDoesNotAgreeEndsNoRequest") {
  for (const char* length : {"3", "9"}) {
    H2Session session;
    CHECK(session.feed(h2_begin() + h2_request(1, "POST", "/", {{"content-length", length}}, kEndHeaders) +
                       h2_frame(kData, kEndStream, 1, "12345")));
    CHECK(reset_code(session.collect(), 1) == 1);
    CHECK_FALSE(session.streams[0]->has_ended);
    CHECK(session.streams[0]->was_closed);
  }
}

TEST_CASE("TooManyTrailersEndTheStreamOnly") {
  H2Session session;
  std::vector<std::pair<std::string, std::string>> fields;
  for (int i = 0; i < 15; ++i) fields.push_back({"x", std::string(1'000, 'a')});
  CHECK(session.feed(h2_begin() + h2_request(1, "POST", "/", {}, kEndHeaders)));
  const std::string block = hpack(fields);
  CHECK(session.feed(h2_frame(kHeaders, kEndStream, 1, block) +
                     h2_frame(kContinuation, kEndHeaders, 1, block)));
  CHECK(reset_code(session.collect(), 1) == 11);
  CHECK_FALSE(session.streams[0]->has_ended);
  CHECK(session.feed(h2_request(3, "GET", "/")));
  CHECK(session.streams[1]->has_ended);
}

TEST_CASE("AStreamThatWasSkippedCannotBeUsedLater") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(5, "GET", "/")));
  session.answer(*session.streams[0], "");
  session.collect();
  CHECK(session.feed(h2_request(3, "GET", "/")));
  CHECK(goaway_code(session.collect()) == 1);
}

TEST_CASE("AStreamThatHasEndedCannotBeginAgain") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  session.answer(*session.streams[0], "");
  session.collect();
  CHECK(session.feed(h2_request(1, "GET", "/")));
  CHECK(goaway_code(session.collect()) == 5);
}

TEST_CASE("WhatIsStillOnItsWayWhenWeResetAStreamIsTaken") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "POST", "/", {}, kEndHeaders)));
  session.server.reset(*session.streams[0], http::H2Code::kInternalError);
  session.collect();
  CHECK(session.feed(h2_frame(kData, 0, 1, "more") +
                     h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"x-sum", "1"}})) +
                     h2_request(3, "GET", "/")));
  CHECK(session.streams[1]->has_ended);
  CHECK(goaway_code(session.collect()) == -1);
}

TEST_CASE("GoawayLetsWhatWasAcceptedEnd") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  session.collect();
  session.server.announce_goaway();
  std::string out = session.collect();
  CHECK(goaway_code(out) == 0);
  CHECK(session.is_goaway_announced);
  CHECK(session.feed(h2_request(3, "GET", "/late")));  // was on its way
  CHECK(session.streams.size() == 2);
  CHECK(session.feed(h2_frame(kPing, kAck, 0, std::string(8, '\0'))));
  CHECK(session.num_ping_acks == 1);
  session.server.send_goaway();
  session.collect();
  CHECK(session.feed(h2_request(5, "GET", "/too-late")));
  CHECK_FALSE(session.server.is_over());
  session.answer(*session.streams[0], "a");
  session.answer(*session.streams[1], "b");
  session.collect();
  CHECK(session.streams[0]->text.ends_with("|end|closed"));
  CHECK(session.streams[1]->text.ends_with("|end|closed"));
  CHECK(session.streams.size() == 2);
  CHECK(session.server.is_over());
}

// RFC 9113 6.8: what a GOAWAY leaves out may be sent again, and must not have been served.
TEST_CASE("StreamsThatAGoawayLeavesOutAreNotServed") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  session.server.send_goaway();
  CHECK(session.feed(h2_request(3, "POST", "/", {}, kEndHeaders)));
  CHECK(session.streams.size() == 1);
  session.answer(*session.streams[0], "");
  session.collect();
  CHECK(session.streams[0]->was_closed);
}

TEST_CASE("TheHeadOfAResponseMayBeLarge") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  ResponseHead head;
  head.set_status(200);
  for (int i = 0; i < 20; ++i) head.headers().add("x", std::string(30'000, static_cast<char>('a' + i)));
  session.server.send_head(*session.streams[0], head, {http::BodyKind::kNone, 0}, -1);
  CHECK(session.collect().size() > 300'000);
  CHECK(session.streams[0]->was_closed);
}

// More than our SETTINGS allow, before they are acknowledged: refused by nghttp2 itself.
TEST_CASE("TrailersOfARefusedStreamEndNothing") {
  H2Session session({.max_streams = 1});
  CHECK(session.feed(h2_begin() + h2_request(1, "POST", "/", {}, kEndHeaders) +
                     h2_request(3, "POST", "/", {}, kEndHeaders)));
  session.answer(*session.streams[0], "");
  session.collect();
  CHECK(session.feed(h2_frame(kHeaders, kEndHeaders | kEndStream, 3, hpack({{"x", "y"}})) +
                     h2_request(5, "GET", "/")));
  CHECK(goaway_code(session.collect()) == -1);
  CHECK(session.streams.size() == 2);
}

TEST_CASE("WhatIsNoHttp2IsNotUnderstood") {
  H2Session session;
  CHECK_FALSE(session.feed("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"));
}

}  // namespace
}  // namespace ingress::test
