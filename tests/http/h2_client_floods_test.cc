// What a session takes of a backend that does too much of something, and how it ends (docs/http2.md).
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/h2_client.h"
#include "support/h2_client_session.h"
#include "support/h2_frames.h"

namespace ingress::test {
namespace {

using Session = H2ClientSession;
using http::BodyKind;

std::string settings() {
  return h2_frame(kSettings, 0, 0, "");
}

// How many `frame`s are taken.
int num_taken(Session& session, const std::string& frame, std::string& out) {
  int num_sent = 0;
  for (; num_sent < 3000 && !session.client.is_over(); ++num_sent) {
    if (!session.feed(frame)) break;
    out += session.collect();
  }
  return num_sent;
}

TEST_CASE("FloodsOfABackendEndItsConnection") {
  struct Row {
    std::string what;
    std::string frame;
  };
  const Row rows[] = {
      {"ping", h2_frame(kPing, 0, 0, "12345678")},
      {"ping ack", h2_frame(kPing, kAck, 0, "12345678")},
      {"settings", settings()},
      {"settings that change windows", h2_setting(4, 1'000)},
      {"goaway", h2_frame(kGoaway, 0, 0, h2_number(0x7fff'ffff) + h2_number(0))},
      {"priority", h2_frame(2, 0, 1, std::string("\0\0\0\0\x10", 5))},
      {"empty data", h2_frame(kData, 0, 1, "")},
      {"padding alone", h2_frame(kData, 8, 1, std::string("\x03\0\0\0", 4))},
      {"unknown", h2_frame(0x77, 0, 0, "x")},
      {"window of the connection", h2_frame(kWindowUpdate, 0, 0, h2_number(1))},
      {"window of a stream", h2_frame(kWindowUpdate, 0, 1, h2_number(1))},
      {"window of a stream that is gone", h2_frame(kWindowUpdate, 0, 3, h2_number(1))},
      {"head of a stream that is gone", h2_response(3, "200")},
      {"reset of a stream that is gone", h2_frame(kRstStream, 0, 3, h2_number(8))},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Session session;
    session.begin("GET");
    session.begin("GET");
    session.collect();
    CHECK(session.feed(settings() + h2_response(1, "200", {}, kEndHeaders) + h2_response(3, "204")));
    std::string out = session.collect();
    CHECK(num_taken(session, row.frame, out) < 1100);
    CHECK(session.client.is_flooded());
    CHECK(goaway_code(out) == 11);
    CHECK(session.client.max_streams() == 0);
  }
}

TEST_CASE("AFloodInOneReadIsNotReadToItsEnd") {
  Session session;
  session.begin("GET");
  session.collect();
  std::string frames = settings() + h2_response(1, "200", {}, kEndHeaders);
  for (int i = 0; i < 5000; ++i) frames += h2_frame(kPing, 0, 0, "12345678");
  CHECK(session.feed(frames + h2_frame(kData, 0, 1, "x")));
  CHECK(session.streams[0]->body.empty());
  CHECK(goaway_code(session.collect()) == 11);
  CHECK(session.feed(h2_frame(kData, 0, 1, "x")));
  CHECK(session.streams[0]->body.empty());
}

TEST_CASE("AResponseHeadWithoutEndIsGivenUp") {
  Session session;
  session.begin("GET");
  session.collect();
  CHECK(session.feed(settings() + h2_response(1, "200", {}, 0)));
  std::string out;
  int num_sent = 0;
  for (; num_sent < 20 && !session.client.is_over(); ++num_sent) {
    for (const char& c : h2_frame(kContinuation, 0, 1, hpack({{"a", "b"}}))) {
      if (!session.feed({&c, 1})) break;
    }
    out += session.collect();
  }
  CHECK(num_sent == 9);
  CHECK(goaway_code(out) == 11);
}

// A large field that costs a byte each time.
TEST_CASE("AHeadThatGrowsWhenItIsReadIsNotKept") {
  Session session;
  Session::Stream* const stream = session.begin("GET");
  session.begin("GET");
  session.collect();
  const std::string indexed = std::string("\x40\x01x\x7f\xa1\x1e", 6) + std::string(4000, 'a');
  CHECK(session.feed(settings() +
                     h2_frame(kHeaders, kEndHeaders, 1, "\x88" + indexed + std::string(12'000, '\xbe'))));
  CHECK(reset_code(session.collect(), 1) == 11);
  CHECK(stream->text == "refused head_too_large|closed 11 ours");
  CHECK(session.pool.live_bytes() == 0);
  CHECK(session.feed(h2_response(3, "204")));
  CHECK(session.streams[1]->text == "204 none\n|end|closed 0");
}

// Ten minutes of frames that a server has its reasons for.
TEST_CASE("HonestBackendsAreNotCut") {
  Session session;
  CHECK(session.feed(settings() + h2_frame(kWindowUpdate, 0, 0, h2_number(1 << 30)) +
                     h2_setting(4, 0x4000'0000)));
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  session.collect();
  for (int i = 0; i < 6000; ++i) {
    session.send(*stream, "a message");
    session.collect();
    // It answers each piece, and measures how long that takes.
    REQUIRE(session.feed(h2_frame(kWindowUpdate, 0, 0, h2_number(9)) + h2_frame(kPing, 0, 0, "12345678") +
                         h2_frame(kWindowUpdate, 0, 1, h2_number(9))));
  }
  session.send(*stream, std::string(8'000'000, 'x'));
  std::size_t size = 1;
  while (size > 0) size = session.collect().size();
  for (int i = 0; i < 3900; ++i) REQUIRE(session.feed(h2_frame(kWindowUpdate, 0, 0, h2_number(2'048))));
  CHECK_FALSE(session.client.is_flooded());
}

TEST_CASE("WhatComesOfRequestsThatWereGivenUpIsNoFlood") {
  Session session;
  CHECK(session.feed(settings()));
  for (std::uint32_t id = 1; id < 6000; id += 2) {
    Session::Stream* const stream = session.begin("GET");
    session.collect();
    session.abandon(*stream);
    session.collect();
    REQUIRE(session.feed(h2_response(id, "200", {}, kEndHeaders) + h2_frame(kData, 0, id, "body") +
                         h2_frame(kHeaders, kEndHeaders | kEndStream, id, hpack({{"a", "b"}})) +
                         h2_frame(kRstStream, 0, id, h2_number(0))));
  }
  CHECK_FALSE(session.client.is_flooded());
}

TEST_CASE("MalformedResponsesAreNoFlood") {
  Session session;
  CHECK(session.feed(settings()));
  for (std::uint32_t id = 1; id < 6000; id += 2) {
    Session::Stream* const stream = session.begin("GET");
    session.collect();
    REQUIRE(session.feed(h2_response(id, "200", {{"Upper", "case"}})));
    session.collect();
    REQUIRE(stream->is_refused);
    session.streams.clear();
  }
  CHECK_FALSE(session.client.is_flooded());
}

// CVE-2019-9511: a window of one byte after the other.
TEST_CASE("ARequestIsNotTakenInCrumbsForEver") {
  Session session;
  CHECK(session.feed(h2_setting(4, 0)));
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kLength, 50'000});
  session.send(*stream, std::string(50'000, 'x'));
  session.collect();
  std::string out;
  CHECK(num_taken(session, h2_frame(kWindowUpdate, 0, 1, h2_number(1)), out) < 1100);
  CHECK(session.client.is_flooded());
}

// What was sent long ago is no reason any more.
TEST_CASE("ReasonsAreNotSavedUp") {
  Session session;
  CHECK(session.feed(settings() + h2_frame(kWindowUpdate, 0, 0, h2_number(1 << 30)) +
                     h2_setting(4, 0x4000'0000)));
  Session::Stream* const stream = session.begin("POST", "/", {BodyKind::kChunked, 0});
  for (int i = 0; i < 60; ++i) {
    session.send(*stream, std::string(1'000'000, 'x'));
    std::size_t size = 1;
    while (size > 0) size = session.collect().size();
  }
  int num_sent = 0;
  for (; num_sent < 40'000 && !session.client.is_over(); ++num_sent) {
    if (!session.feed(h2_frame(kPing, 0, 0, "12345678"))) break;
    session.collect();
  }
  CHECK(num_sent < 20'000);
  CHECK(session.client.is_flooded());
}

}  // namespace
}  // namespace ingress::test
