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
}  // namespace
}  // namespace ingress::test
