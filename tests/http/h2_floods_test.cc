// What a session takes of a client that does too much of something, and how it ends (docs/http2.md).
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/h2_server.h"
#include "support/h2_frames.h"
#include "support/h2_session.h"

namespace ingress::test {
namespace {

TEST_CASE("AHeadWithoutEndIsGivenUp") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/", {}, 0)));
  CHECK(session.server.is_in_head());
  std::string out;
  int num_sent = 0;
  for (; num_sent < 20 && !session.server.is_over(); ++num_sent) {
    for (const char& c : h2_frame(kContinuation, 0, 1, hpack({{"a", "b"}}))) {
      if (!session.feed({&c, 1})) break;
    }
    out += session.collect();
  }
  CHECK(num_sent == 9);
  CHECK(goaway_code(out) == 11);
}

TEST_CASE("FieldsWithoutEndAreNotReadOn") {
  H2Session session({.head = {.head_bytes = 1000}});
  std::string out;
  std::uint32_t id = 1;
  const std::string block =
      hpack(std::vector<std::pair<std::string, std::string>>(100, {"x", std::string(100, 'a')}));
  CHECK(session.feed(h2_begin()));
  for (; id < 1000 && !session.server.is_over(); id += 2) {
    if (!session.feed(h2_frame(kHeaders, kEndHeaders | kEndStream, id, block))) break;
    out += session.collect();
  }
  CHECK(reset_code(out, 1) == 11);
  CHECK_FALSE(session.streams[0]->has_request);
  CHECK(id < 500);  // and they count
  CHECK(goaway_code(out) == 11);
}

TEST_CASE("HeadsThatAreTooLargeAreAnsweredButNotForEver") {
  H2Session session({.head = {.head_bytes = 300}});
  std::string out;
  CHECK(session.feed(h2_begin()));
  for (std::uint32_t id = 1; id < 1000 && !session.server.is_over(); id += 2) {
    if (!session.feed(h2_request(id, "GET", "/", {{"x", std::string(300, 'a')}}))) break;
    if (!session.streams.back()->was_closed) session.answer(*session.streams.back(), "");
    out += session.collect();
  }
  CHECK(session.streams[0]->has_request);
  CHECK(session.streams.size() < 250);
  CHECK(goaway_code(out) == 11);
}

TEST_CASE("FloodsEndTheConnection") {
  struct Row {
    std::string what;
    std::string frame;
  };
  const Row rows[] = {
      {"ping", h2_frame(kPing, 0, 0, "12345678")},
      {"ping ack", h2_frame(kPing, kAck, 0, "12345678")},
      {"settings", h2_frame(kSettings, 0, 0, "")},
      {"priority", h2_frame(2, 0, 1, std::string("\0\0\0\0\x10", 5))},
      {"empty data", h2_frame(kData, 0, 1, "")},
      {"padding alone", h2_frame(kData, 8, 1, std::string("\x03\0\0\0", 4))},
      {"unknown", h2_frame(0x77, 0, 0, "x")},
      {"window", h2_frame(kWindowUpdate, 0, 0, h2_number(1))},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    H2Session session;
    CHECK(session.feed(h2_begin() + h2_request(1, "POST", "/", {}, kEndHeaders)));
    std::string out;
    int num_sent = 0;
    for (; num_sent < 3000 && !session.server.is_over(); ++num_sent) {
      if (!session.feed(row.frame)) break;
      out += session.collect();
    }
    CHECK(num_sent < 1100);
    CHECK(session.server.is_flooded());
    CHECK(goaway_code(out) == 11);
  }
}

TEST_CASE("WindowsThatAreOpenedForWhatWasSentAreNoFlood") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_frame(kWindowUpdate, 0, 0, h2_number(1 << 30)) +
                     h2_frame(kSettings, 0, 0, std::string("\0\x04\x40\0\0\0", 6)) +
                     h2_request(1, "GET", "/")));
  session.answer(*session.streams[0], std::string(8'000'000, 'x'));
  std::size_t size = 1;
  while (size > 0) size = session.collect().size();
  for (int i = 0; i < 3900; ++i) REQUIRE(session.feed(h2_frame(kWindowUpdate, 0, 0, h2_number(4'096))));
  CHECK_FALSE(session.server.is_flooded());
}

// As gRPC's clients do, to find out how much is on its way.
TEST_CASE("WhoMeasuresTheWayForEachPieceIsNoFlood") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/")));
  ResponseHead head;
  head.set_status(200);
  session.server.send_head(*session.streams[0], head, {http::BodyKind::kChunked, 0}, -1);
  for (int i = 0; i < 3000; ++i) {
    base::Chain piece;
    piece.append(session.pool.copy("x"));
    session.server.send_body(*session.streams[0], std::move(piece));
    session.collect();
    REQUIRE(session.feed(h2_frame(kPing, 0, 0, "12345678") + h2_frame(kWindowUpdate, 0, 1, h2_number(1))));
  }
  CHECK_FALSE(session.server.is_flooded());
}

// CVE-2019-9511: a window of one byte after the other.
TEST_CASE("AnAnswerIsNotTakenInCrumbsForEver") {
  H2Session session;
  CHECK(session.feed(h2_begin() + h2_frame(kSettings, 0, 0, std::string("\0\x04\0\0\0\0", 6)) +
                     h2_request(1, "GET", "/")));
  session.answer(*session.streams[0], std::string(50'000, 'x'));
  int num_sent = 0;
  for (; num_sent < 5000 && !session.server.is_over(); ++num_sent) {
    if (!session.feed(h2_frame(kWindowUpdate, 0, 1, h2_number(1)))) break;
    session.collect();
  }
  CHECK(num_sent < 1100);
  CHECK(session.server.is_flooded());
}

TEST_CASE("RapidResetsEndTheConnection") {
  H2Session session;
  std::string out;
  CHECK(session.feed(h2_begin()));
  std::uint32_t id = 1;
  for (; id < 4000 && !session.server.is_over(); id += 2) {
    if (!session.feed(h2_request(id, "GET", "/") + h2_frame(kRstStream, 0, id, h2_number(8)))) break;
    out += session.collect();
  }
  CHECK(session.streams.size() < 210);
  CHECK(goaway_code(out) == 11);
}

// CVE-2025-8671: it is us who reset, for what the client does.
TEST_CASE("ResetsThatTheClientBringsAboutCountAsItsOwn") {
  H2Session session;
  std::string out;
  CHECK(session.feed(h2_begin()));
  for (std::uint32_t id = 1; id < 4000 && !session.server.is_over(); id += 2) {
    if (!session.feed(h2_request(id, "GET", "/") + h2_frame(kWindowUpdate, 0, id, h2_number(0)))) break;
    out += session.collect();
  }
  CHECK(session.streams.size() < 210);
  CHECK(goaway_code(out) > 0);
}

TEST_CASE("ResetsOfOursAndHonestOnesOverTimeAreNoFlood") {
  H2Session session;
  CHECK(session.feed(h2_begin()));
  for (std::uint32_t id = 1; id < 4000; id += 2) {
    REQUIRE(session.feed(h2_request(id, "GET", "/")));
    if (id % 4 == 1) {
      session.server.reset(*session.streams.back(), http::H2Code::kInternalError);
    } else {
      REQUIRE(session.feed(h2_frame(kRstStream, 0, id, h2_number(8))));
    }
    session.collect();
    session.time += std::chrono::milliseconds(100);
  }
  CHECK_FALSE(session.server.is_flooded());
}

}  // namespace
}  // namespace ingress::test
