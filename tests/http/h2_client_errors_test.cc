// What ends the connection to a backend at once.
#include <doctest/doctest.h>

#include <string>

#include "http/h2_client.h"
#include "support/h2_client_session.h"
#include "support/h2_frames.h"

namespace ingress::test {
namespace {

using Session = H2ClientSession;
using Event = H2ClientSession::Event;
using http::H2Code;

std::string settings() {
  return h2_frame(kSettings, 0, 0, "");
}
std::string goaway(std::uint32_t last, std::uint32_t code = 0) {
  return h2_frame(kGoaway, 0, 0, h2_number(last) + h2_number(code));
}

TEST_CASE("WhoDoesNotSpeakHttp2IsNotListenedTo") {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), h2_frame(kPing, 0, 0, "12345678"),
        h2_frame(kSettings, kAck, 0, ""), h2_response(1, "200")}) {
    Session session;
    session.begin("GET");
    session.collect();
    CHECK_FALSE(session.feed(bytes));
    CHECK_FALSE(session.feed(settings()));
    CHECK_FALSE(session.client.has_settings());
    CHECK(session.client.max_streams() == 0);
    CHECK(session.streams[0]->text.empty());
  }
}

TEST_CASE("ErrorsOfTheConnectionEndIt") {
  struct Row {
    std::string what, bytes;
    std::int64_t code;
  };
  const std::string promise =
      h2_number(2) + hpack({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "x"}});
  const Row rows[] = {
      {"push", h2_frame(kPushPromise, kEndHeaders, 1, promise), 1},
      {"data of a stream that has not begun", h2_frame(kData, 0, 5, "x"), 1},
      {"head of a stream that has not begun", h2_response(5, "200"), 1},
      {"head of a stream of its own", h2_response(2, "200"), 1},
      {"data before a head", h2_frame(kData, 0, 1, "x"), 1},
      {"data of the connection", h2_frame(kData, 0, 0, "x"), 1},
      {"reset of what has not begun", h2_frame(kRstStream, 0, 7, h2_number(0)), 1},
      {"window of what has not begun", h2_frame(kWindowUpdate, 0, 7, h2_number(1)), 1},
      {"window of nothing", h2_frame(kWindowUpdate, 0, 0, h2_number(0)), 1},
      {"window too large", h2_frame(kWindowUpdate, 0, 0, h2_number(0x7fff'ffff)), 3},
      {"settings of a stream", h2_frame(kSettings, 0, 1, ""), 1},
      {"initial window too large", h2_setting(4, 0x8000'0000), 3},
      {"push is none of its settings", h2_setting(2, 1), 1},
      {"short ping", h2_frame(kPing, 0, 0, "1"), 6},
      {"a head that breaks off", h2_response(1, "200", {}, 0) + h2_frame(kPing, 0, 0, "12345678"), 1},
      {"compression", h2_frame(kHeaders, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff"), 9},
      {"frame too large", h2_frame(kData, 0, 1, std::string(16'385, 'x')), 6},
      {"priority of the connection", h2_frame(2, 0, 0, std::string("\0\0\0\0\x10", 5)), 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Session session;
    session.begin("GET");
    session.collect();
    CHECK(session.feed(settings() + row.bytes + h2_response(1, "204")));
    CHECK(goaway_code(session.collect()) == row.code);
    CHECK(session.client.is_over());
    CHECK(session.client.max_streams() == 0);
    CHECK(session.streams[0]->num_ends == 0);
  }
}

TEST_CASE("NothingIsToldBehindTerminate") {
  for (const Event event : {Event::kSettings, Event::kInterim, Event::kResponse, Event::kBody, Event::kEnd,
                            Event::kClosed, Event::kGoaway}) {
    CAPTURE(static_cast<int>(event));
    Session session;
    for (int i = 0; i < 3; ++i) session.begin("GET");
    session.collect();
    int num_events = 0;
    session.hook = [&](Event told, Session::Stream*) {
      if (told == event) session.client.terminate(H2Code::kInternalError);
      if (session.client.max_streams() == 0 && event != Event::kGoaway) ++num_events;
    };
    CHECK(session.feed(settings() + h2_response(1, "103", {}, kEndHeaders) +
                       h2_response(1, "200", {}, kEndHeaders) + h2_frame(kData, 0, 1, "x") +
                       h2_frame(kData, kEndStream, 1, "") + goaway(3) + h2_response(3, "204")));
    CHECK(num_events == (event == Event::kGoaway ? 0 : 1));
    CHECK(goaway_code(session.collect()) == 2);
    CHECK(session.client.is_over());
  }
}

}  // namespace
}  // namespace ingress::test
