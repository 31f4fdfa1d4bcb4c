// How streams and connections to a backend end, and how many may begin.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/h2_client.h"
#include "support/h2_client_session.h"
#include "support/h2_frames.h"

namespace ingress::test {
namespace {

using Session = H2ClientSession;
using Event = H2ClientSession::Event;
using http::BodyKind;
using http::H2Code;

std::string settings() {
  return h2_frame(kSettings, 0, 0, "");
}
std::string max_streams(std::uint32_t number) {
  return h2_setting(3, number);
}
std::string goaway(std::uint32_t last, std::uint32_t code = 0) {
  return h2_frame(kGoaway, 0, 0, h2_number(last) + h2_number(code));
}
int num_requests(std::string_view bytes) {
  if (bytes.starts_with(kH2Preface)) bytes.remove_prefix(kH2Preface.size());
  int number = 0;
  for (const H2Frame& frame : h2_frames(bytes)) number += frame.type == kHeaders ? 1 : 0;
  return number;
}

// RFC 9113 8.1.
TEST_CASE("AResponseMayEndBeforeItsRequest") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.send(*stream, "some");
  session.collect();
  CHECK(session.feed(settings() + h2_response(1, "413")));
  CHECK(stream->text == "413 none\n|end");
  CHECK_FALSE(stream->is_closed());
  session.send(*stream, " more");
  CHECK(session.collect().find(" more") != std::string::npos);
  CHECK(session.feed(h2_frame(kRstStream, 0, 1, h2_number(0))));
  CHECK(stream->text == "413 none\n|end|closed 0");
  session.send(*stream, "and more");
  session.end(*stream);
  CHECK(session.collect().empty());

  Session::Stream* const other = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.collect();
  CHECK(session.feed(h2_response(3, "200")));
  CHECK_FALSE(other->is_closed());
  session.end(*other);
  session.collect();
  CHECK(other->text == "200 none\n|end|closed 0");
}

TEST_CASE("AResetOfTheBackendsIsTold") {
  struct Row {
    std::string before;
    std::uint32_t code;
    std::string told;
  };
  const Row rows[] = {
      {"", 2, "|closed 2"},
      {"", 7, "|closed 7 unprocessed"},
      {"", 8, "|closed 8"},
      {"", 0x777, "|closed 1911"},
      {"", 0, "|closed 1"},  // there is a response to come
      {h2_response(1, "200", {}, kEndHeaders), 0, "200 chunked\n|closed 1"},
      {h2_response(1, "200", {}, kEndHeaders), 7, "200 chunked\n|closed 7"},  // it has looked at it
      {h2_response(1, "103", {}, kEndHeaders), 7, "(103)|closed 7"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.told);
    Session session;
    Session::Stream* const stream = session.begin("GET");
    session.collect();
    CHECK(session.feed(settings() + row.before + h2_frame(kRstStream, 0, 1, h2_number(row.code))));
    CHECK(stream->text == row.told);
    CHECK(session.client.num_streams() == 0);
  }
}

TEST_CASE("AResetOfOursIsToldWhenItHasLeftAndTheFirstCodeStands") {
  Session session;
  Session::Stream* const stream = session.begin("GET");
  session.collect();
  session.client.reset(*stream, H2Code::kCancel);
  session.client.reset(*stream, H2Code::kInternalError);
  CHECK(stream->text.empty());
  // What crosses it is nobody's.
  CHECK(session.feed(settings() + h2_response(1, "200", {}, kEndHeaders) +
                     h2_frame(kData, kEndStream, 1, "x")));
  CHECK(stream->text.empty());
  CHECK(reset_code(session.collect(), 1) == 8);
  CHECK(stream->text == "|closed 8 ours");
  CHECK(session.feed(h2_frame(kRstStream, 0, 1, h2_number(2))));
  CHECK(stream->num_closes == 1);

  Session::Stream* const crossed = session.begin("GET");
  session.collect();
  session.client.reset(*crossed, H2Code::kCancel);
  CHECK(session.feed(h2_frame(kRstStream, 0, 3, h2_number(7))));
  CHECK(crossed->text == "|closed 8 ours");
}

TEST_CASE("ARequestThatHasNotLeftIsResetWithoutAWord") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.send(*stream, "body");
  session.client.reset(*stream, H2Code::kCancel);
  CHECK(stream->text.empty());
  CHECK(session.client.wants_write());
  CHECK(num_requests(session.collect()) == 0);
  CHECK(stream->text == "|closed 8 ours");
  CHECK_FALSE(session.client.wants_write());
  CHECK(session.client.num_streams() == 0);
}

TEST_CASE("AnAbandonedStreamMayBeFreedAtOnce") {
  // Before its head has left, behind it, with a body that is on its way, in a frame that waits for the
  // socket.
  for (int sent = 0; sent < 4; ++sent) {
    CAPTURE(sent);
    Session session;
    Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
    if (sent >= 1) session.collect();
    if (sent >= 2) session.send(*stream, std::string(100'000, 'x'));
    if (sent == 3) {
      std::size_t size = 1;
      for (int i = 0; i < 3 && size > 0; ++i) size = session.collect(20'000).size();
    }
    session.abandon(*stream);
    CHECK(session.client.num_streams() == 0);
    Session::Stream* const next = session.begin("GET");
    const std::string out = session.collect();
    CHECK(num_requests(out) == 1);
    if (sent > 0) CHECK(reset_code(out, 1) == 8);
    CHECK(session.feed(settings() + h2_response(3, "204")));
    CHECK(next->text == "204 none\n|end|closed 0");
    CHECK(session.collect().find('x') == std::string::npos);
  }
}

TEST_CASE("AFrameThatWaitsForTheSocketDoesNotLeaveBehindAReset") {
  Session session;
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.collect();
  session.send(*stream, std::string(50'000, 'x'));
  CHECK(session.collect(20'000).size() < 40'000);
  session.client.reset(*stream, H2Code::kCancel);
  const std::string out = session.collect();
  CHECK(reset_code(out, 1) == 8);
  CHECK(out.find('x') == std::string::npos);
  CHECK(stream->text == "|closed 8 ours");
}

TEST_CASE("AStreamThatHasGoneHasNotRunEmpty") {
  for (const bool is_abandoned : {false, true}) {
    Session session;
    Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
    session.send(*stream, "x");
    session.collect();
    if (is_abandoned) {
      session.abandon(*stream);
    } else {
      CHECK(session.feed(settings() + h2_frame(kRstStream, 0, 1, h2_number(8))));
    }
    std::vector<http::H2ClientStream*> drained;
    session.client.take_drained(drained);
    CHECK(drained.empty());
  }
}

TEST_CASE("AStreamMayBeAbandonedInEachOfItsEvents") {
  const std::string bytes = settings() + h2_response(1, "103", {}, kEndHeaders) +
                            h2_response(1, "200", {}, kEndHeaders) + h2_frame(kData, 0, 1, "body") +
                            h2_frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"a", "b"}})) +
                            h2_response(3, "200", {{"A", "b"}}) + h2_response(5, "102", {}, kEndHeaders) +
                            h2_frame(kData, 0, 5, "x") + goaway(3) + h2_frame(kPing, 0, 0, "12345678");
  for (const Event event : {Event::kInterim, Event::kResponse, Event::kBody, Event::kEnd, Event::kClosed,
                            Event::kSettings, Event::kGoaway}) {
    for (const bool is_by_byte : {false, true}) {
      for (const bool is_all : {false, true}) {
        CAPTURE(static_cast<int>(event));
        CAPTURE(is_by_byte);
        CAPTURE(is_all);
        Session session;
        for (int i = 0; i < 3; ++i)
          session.begin(i == 0 ? "POST" : "GET", "/", {i == 0 ? BodyKind::kChunked : BodyKind::kNone, 0});
        session.collect();
        session.begin("GET");
        session.hook = [&](Event told, Session::Stream* stream) {
          if (told != event) return;
          while (is_all && !session.streams.empty()) session.abandon(*session.streams.back());
          if (!is_all && stream != nullptr) session.abandon(*stream);
        };
        if (is_by_byte) {
          for (const char& c : bytes) CHECK(session.feed({&c, 1}));
        } else {
          CHECK(session.feed(bytes));
        }
        session.collect();
        for (const auto& stream : session.streams) CHECK(stream->num_after_close == 0);
        if (is_all) CHECK(session.client.num_streams() == 0);
      }
    }
  }
}

TEST_CASE("StreamsMayBeginInEvents") {
  Session session;
  session.begin("GET");
  session.collect();
  session.hook = [&session](Event event, Session::Stream*) {
    if (session.streams.size() < 10) session.begin("GET");
    if (event == Event::kResponse) session.client.reset(*session.streams.front(), H2Code::kCancel);
  };
  CHECK(session.feed(settings() + h2_response(1, "200", {}, kEndHeaders)));
  CHECK(session.streams.size() == 3);
  CHECK(num_requests(session.collect()) == 3);  // one of them begun while it wrote
  CHECK(session.streams[0]->text == "200 chunked\n|closed 8 ours");
  CHECK(session.streams.size() == 4);
}

TEST_CASE("AGoawayLeavesOutWhatItDoesNotName") {
  Session session;
  for (int i = 0; i < 3; ++i) session.begin("GET");
  session.collect();
  session.begin("GET");  // has not left
  CHECK(session.feed(settings() + goaway(0x7fff'ffff)));
  CHECK(session.num_goaways == 1);
  CHECK(session.client.max_streams() == 0);
  CHECK(session.begin("GET") == nullptr);
  CHECK(session.streams[3]->text == "|closed 7 unprocessed");
  CHECK(session.streams[2]->text.empty());
  CHECK_FALSE(session.client.is_over());
  CHECK(session.feed(goaway(3)));
  CHECK(session.streams[2]->text == "|closed 7 unprocessed");
  CHECK(session.feed(h2_response(3, "204") + goaway(1)));
  CHECK(session.num_goaways == 3);
  CHECK(session.streams[1]->text == "204 none\n|end|closed 0");
  CHECK(session.streams[0]->text.empty());
  CHECK(session.feed(h2_response(1, "204")));
  CHECK(session.streams[0]->text == "204 none\n|end|closed 0");
  CHECK(num_requests(session.collect()) == 0);
  CHECK(session.client.is_over());
}

// Its head is written, and nothing behind it yet.
TEST_CASE("ARequestThatIsJustBeingWrittenIsNotUnprocessed") {
  Session session;
  session.begin("POST", "/", {BodyKind::kChunked, 0});
  std::string out;
  while (num_requests(out) == 0) {
    const std::string piece = session.collect(1);
    REQUIRE_FALSE(piece.empty());
    out += piece;
  }
  CHECK(session.feed(settings() + goaway(0x7fff'ffff)));
  CHECK(session.streams[0]->text.empty());
  session.client.reset(*session.streams[0], H2Code::kCancel);
  CHECK(reset_code(session.collect(), 1) == 8);
  CHECK(session.streams[0]->text == "|closed 8 ours");
}

TEST_CASE("ARequestThatHasNotLeftMayBeResetAndAbandoned") {
  Session session;
  CHECK(session.feed(settings()));
  session.collect();
  Session::Stream* const stream = session.begin("GET");
  session.client.reset(*stream, H2Code::kCancel);
  session.abandon(*stream);
  CHECK(h2_frames(session.collect()).empty());
  CHECK_FALSE(session.client.wants_write());
}

TEST_CASE("AGoawayMayNotTakeBackWhatItLeftOut") {
  Session session;
  for (int i = 0; i < 3; ++i) session.begin("GET");
  session.collect();
  CHECK(session.feed(settings() + goaway(1) + goaway(5)));
  CHECK(goaway_code(session.collect()) == 1);
  CHECK(session.client.is_over());
}

TEST_CASE("AGoawayLeavesOutAStreamThatHasBeenAnswered") {
  Session session;
  session.begin("GET");
  session.begin("GET");
  session.collect();
  CHECK(session.feed(settings() + h2_response(3, "200", {}, kEndHeaders) + goaway(1)));
  CHECK(session.streams[1]->text == "200 chunked\n|closed 7");
}

TEST_CASE("AfterOurGoawayOpenStreamsEndAsIfNothingHadHappened") {
  Session session;
  session.begin("GET");
  session.collect();
  CHECK(session.feed(settings()));
  session.begin("GET");  // has not left
  session.client.send_goaway();
  CHECK(session.client.max_streams() == 0);
  CHECK(session.begin("GET") == nullptr);
  const std::string out = session.collect();
  CHECK(goaway_code(out) == 0);
  CHECK(num_requests(out) == 1);
  CHECK_FALSE(session.client.is_over());
  CHECK(session.feed(h2_response(1, "204") + h2_response(3, "204")));
  for (const auto& stream : session.streams) CHECK(stream->text == "204 none\n|end|closed 0");
  session.collect();
  CHECK(session.client.is_over());
}

TEST_CASE("AsManyStreamsAsBothSidesSay") {
  Session session({.max_streams = 4});
  CHECK(session.client.max_streams() == 4);
  for (int i = 0; i < 4; ++i) CHECK(session.begin("GET") != nullptr);
  CHECK(session.begin("GET") == nullptr);
  CHECK(num_requests(session.collect()) == 4);
  CHECK(session.feed(settings()));
  CHECK(session.client.max_streams() == 4);
  CHECK(session.feed(max_streams(2)));
  CHECK(session.num_settings == 2);
  CHECK(session.client.max_streams() == 2);
  CHECK(session.begin("GET") == nullptr);
  for (const std::uint32_t id : {1u, 3u, 5u}) CHECK(session.feed(h2_response(id, "204")));
  CHECK(session.begin("GET") != nullptr);
  CHECK(session.begin("GET") == nullptr);
  CHECK(session.feed(max_streams(1'000)));
  CHECK(session.client.max_streams() == 4);
  CHECK(session.client.num_streams() == 2);
}

TEST_CASE("MoreThanAHundredStreamsBeforeTheBackendHasSaidAnything") {
  Session session({.max_streams = 300});
  for (int i = 0; i < 300; ++i) REQUIRE(session.begin("GET") != nullptr);
  CHECK(num_requests(session.collect()) == 300);
}

TEST_CASE("StreamsAboveALowerLimitGoWhenThereIsRoom") {
  Session session;
  for (int i = 0; i < 4; ++i) session.begin("GET");
  CHECK(session.feed(max_streams(1)));
  CHECK(num_requests(session.collect()) == 1);
  CHECK(session.client.num_streams() == 4);
  CHECK_FALSE(session.client.wants_write());
  // Those that wait need nobody's leave to end.
  session.client.reset(*session.streams[1], H2Code::kCancel);
  session.abandon(*session.streams[2]);
  CHECK(num_requests(session.collect()) == 0);
  CHECK(session.streams[1]->text == "|closed 8 ours");
  CHECK(session.client.num_streams() == 2);
  CHECK(session.feed(h2_response(1, "204")));
  const std::string out = session.collect();
  CHECK(num_requests(out) == 1);
  CHECK(session.feed(h2_response(7, "204")));
  CHECK(session.streams[2]->text == "204 none\n|end|closed 0");
}

TEST_CASE("StreamsThatWillNeverHaveRoomAreGivenBack") {
  for (const bool is_ours : {false, true}) {
    CAPTURE(is_ours);
    Session session;
    for (int i = 0; i < 2; ++i) session.begin("GET");
    CHECK(session.feed(max_streams(0)));
    CHECK(num_requests(session.collect()) == 0);
    CHECK_FALSE(session.client.is_over());
    if (is_ours) {
      session.client.send_goaway();
    } else {
      CHECK(session.feed(goaway(0)));
    }
    session.collect();
    for (const auto& stream : session.streams) CHECK(stream->text == "|closed 7 unprocessed");
    CHECK(session.client.num_streams() == 0);
    CHECK(session.client.is_over());
  }
}

}  // namespace
}  // namespace ingress::test
