// Both ends of HTTP/2, one to the other: what a client of ours sends a server of ours understands, and back.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "http/h2_client.h"
#include "http/h2_server.h"
#include "support/h2_client_session.h"
#include "support/h2_session.h"

namespace ingress::test {
namespace {

using http::BodyKind;

// Carries bytes both ways, `step` at a time (0: all at once), until neither side has any.
struct Wire {
  explicit Wire(std::size_t step_bytes = 0, const http::H2ClientLimits& client_limits = {},
                const http::H2Limits& server_limits = {})
      : client(client_limits), server(server_limits), step(step_bytes) {}

  void run() {
    for (bool is_busy = true; is_busy;) {
      is_busy =
          carry(client.collect(budget()), [this](std::string_view bytes) { return server.feed(bytes); });
      if (on_turn) on_turn();
      is_busy |=
          carry(server.collect(budget()), [this](std::string_view bytes) { return client.feed(bytes); });
    }
  }
  std::size_t budget() const { return step == 0 ? 1 << 20 : step * 100; }
  template <typename Feed>
  bool carry(std::string_view bytes, Feed feed) const {
    const bool is_busy = !bytes.empty();
    while (!bytes.empty()) {
      const std::size_t size = step == 0 ? bytes.size() : std::min(step, bytes.size());
      REQUIRE(feed(bytes.substr(0, size)));
      bytes.remove_prefix(size);
    }
    return is_busy;
  }

  H2ClientSession client;
  H2Session server;
  std::size_t step;
  std::function<void()> on_turn;
};

TEST_CASE("ARequestArrivesAsItWasSent") {
  for (const std::size_t step : {0, 1, 7}) {
    CAPTURE(step);
    Wire wire(step);
    RequestHead head;
    H2ClientSession::fill(head, "POST", "/a");
    head.set_query("q=1");
    head.headers().add("X-One", "1");
    head.headers().add("Cookie", "a=1; b=2");
    head.headers().add("TE", "trailers");
    head.headers().add("Authorization", "Basic eA==");
    H2ClientSession::Stream* const stream = wire.client.begin(head, {BodyKind::kChunked, 0});
    wire.client.send(*stream, "hello ");
    wire.run();
    wire.client.send(*stream, "you");
    Headers trailers;
    trailers.add("X-Sum", "9");
    wire.client.client.send_end(*stream, trailers);
    wire.run();
    REQUIRE(wire.server.streams.size() == 1);
    CHECK(wire.server.streams[0]->text ==
          "POST /a?q=1 x\nx-one: 1\nauthorization: Basic eA==\nte: trailers\ncookie: a=1; b=2\nhost: x\n"
          "hello you|end\nx-sum: 9");
    ResponseHead hints;
    hints.set_status(103);
    hints.headers().add("Link", "</a>");
    wire.server.server.send_interim(*wire.server.streams[0], hints);
    wire.server.answer(*wire.server.streams[0], "answer");
    wire.run();
    CHECK(stream->text == "(103\nlink: </a>)200 length 6\ncontent-length: 6\nanswer|end|closed 0");
    CHECK(wire.server.streams[0]->was_closed);
  }
}

TEST_CASE("BodiesCrossThroughSmallWindows") {
  for (const std::size_t step : {0, 1, 1000}) {
    CAPTURE(step);
    Wire wire(step, {.stream_window_bytes = 3'000, .connection_window_bytes = 65'535},
              {.stream_window_bytes = 2'000, .connection_window_bytes = 65'535});
    const std::string up(60'000, 'u'), down(50'000, 'd');
    H2ClientSession::Stream* streams[3];
    for (auto& stream : streams) {
      stream = wire.client.begin("POST", "/", {BodyKind::kLength, up.size()});
      wire.client.send(*stream, up);
      wire.client.end(*stream);
    }
    std::size_t num_answered = 0;
    wire.on_turn = [&] {
      for (; num_answered < wire.server.streams.size(); ++num_answered)
        wire.server.answer(*wire.server.streams[num_answered], down);
    };
    wire.run();
    for (H2ClientSession::Stream* const stream : streams) {
      CHECK(stream->body == down);
      CHECK(stream->how.code == 0);
      CHECK(stream->num_closes == 1);
    }
    CHECK(wire.client.pool.live_bytes() == 0);
    CHECK_FALSE(wire.client.client.is_flooded());
    CHECK_FALSE(wire.server.server.is_flooded());
  }
}

TEST_CASE("ManyRequestsOneAfterTheOther") {
  Wire wire;
  for (int i = 0; i < 3'000; ++i) {
    H2ClientSession::Stream* const stream = wire.client.begin(i % 2 == 0 ? "GET" : "HEAD");
    REQUIRE(stream != nullptr);
    wire.run();
    const std::string body = i % 2 == 0 ? "x" : "";
    wire.server.answer(*wire.server.streams.back(), body);
    wire.run();
    REQUIRE(stream->how.code == 0);
    REQUIRE(stream->num_ends == 1);
    wire.client.streams.clear();
    wire.server.streams.clear();
  }
  CHECK_FALSE(wire.client.client.is_flooded());
  CHECK_FALSE(wire.server.server.is_flooded());
}

TEST_CASE("ADrainingServerEndsItsStreamsAndTakesNoMore") {
  Wire wire;
  H2ClientSession::Stream* const first = wire.client.begin("GET");
  wire.run();
  wire.server.server.announce_goaway();
  wire.run();
  CHECK(wire.client.num_goaways == 1);
  CHECK(wire.server.num_ping_acks == 1);
  CHECK(wire.client.begin("GET") == nullptr);
  wire.server.server.send_goaway();
  wire.run();
  CHECK(wire.client.num_goaways == 2);
  CHECK(first->num_closes == 0);
  wire.server.answer(*wire.server.streams[0], "x");
  wire.run();
  CHECK(first->how.code == 0);
  CHECK(first->num_ends == 1);
  CHECK(wire.client.client.is_over());
  CHECK(wire.server.server.is_over());
}

TEST_CASE("StreamsBeyondWhatTheServerTakesWait") {
  Wire wire(0, {}, {.max_streams = 2});
  for (int i = 0; i < 5; ++i) REQUIRE(wire.client.begin("GET") != nullptr);
  // Its SETTINGS come first.
  REQUIRE(wire.client.feed(wire.server.collect()));
  CHECK(wire.client.client.max_streams() == 2);
  std::size_t num_answered = 0;
  wire.on_turn = [&] {
    for (; num_answered < wire.server.streams.size(); ++num_answered)
      wire.server.answer(*wire.server.streams[num_answered], "x");
  };
  wire.run();
  for (const auto& stream : wire.client.streams) CHECK(stream->how.code == 0);
  CHECK(num_answered == 5);
}

TEST_CASE("ATerminatedConnectionIsOverForBoth") {
  Wire wire;
  wire.client.begin("GET");
  wire.run();
  wire.client.client.terminate(http::H2Code::kInternalError);
  wire.run();
  CHECK(wire.client.client.is_over());
}

}  // namespace
}  // namespace ingress::test
