// Streams of HTTP/2 on connections that are shared: who gets which, and what becomes of them.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/h2_frames.h"
#include "upstream/h2_streams_fixture.h"

namespace ingress::upstream {
namespace {

using namespace ingress::test;
using std::chrono::milliseconds;

TEST_CASE("RequestsThatComeWhileAConnectionIsOpenedWaitForIt") {
  H2Bench bench;
  H2Request& first = bench.ask();
  H2Request& second = bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
  const auto peer = bench.accept();
  CHECK(H2Bench::begun(*peer) == "1 3 ");
  peer->send(h2_setting(3, 100) + h2_response(3, "204") + h2_response(1, "200", {}, kEndHeaders) +
             h2_frame(kData, kEndStream, 1, "body"));
  CHECK(first.text == "200+body|end");
  CHECK(second.text == "204+|end");
  CHECK((first.num_reads == 1 && second.num_reads == 1));
  CHECK(bench.endpoint->h2.size() == 1);
}

TEST_CASE("WhoLeavesWhileItIsOpenedTakesNothingFromTheOthers") {
  H2Bench bench;
  bench.ask();
  H2Request& second = bench.ask();
  bench.attempts[0].reset();
  CHECK(bench.connector.num_waiting() == 1);
  const auto peer = bench.accept();
  peer->send(h2_setting(3, 100) + h2_response(1, "200"));
  CHECK(second.text == "200+|end");
  H2Bench alone;
  alone.ask();
  alone.attempts[0].reset();
  CHECK(alone.connector.num_waiting() == 0);
  CHECK(alone.endpoint->h2.openings().empty());
}

TEST_CASE("AllThatWaitLearnThatItFailed") {
  H2Bench bench;
  H2Request& first = bench.ask();
  H2Request& second = bench.ask();
  bench.connector.refuse();
  CHECK(first.text == "failed connect_failed refused");
  CHECK(second.text == first.text);
  CHECK(bench.endpoint->h2.openings().empty());
}

TEST_CASE("AConnectionIsFullWhereTheBackendSaysSo") {
  H2Bench bench;
  const auto peer = bench.open(2);
  bench.ask();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 0);
  bench.ask();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 1);  // what was said once is remembered: two fit on the next
  bench.ask();
  CHECK(bench.connector.num_waiting() == 2);
}

TEST_CASE("AKeptConnectionServesTheNextRequestUntilItIsIdleForTooLong") {
  H2Bench bench;
  bench.cluster.timeouts.idle_connection = milliseconds(30);
  const auto peer = bench.open();
  H2Request& next = bench.ask();
  bench.turns();
  CHECK(H2Bench::begun(*peer) == "3 ");
  peer->send(h2_response(3, "200"));
  bench.give_back(next);
  bench.fixture.run_until([&] { return peer->end() == FakePeer::End::kClosed; });
  CHECK(bench.endpoint->h2.size() == 0);
}

TEST_CASE("AStreamThatIsGivenUpIsResetAndTheConnectionStays") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& given_up = bench.ask();
  H2Request& other = bench.ask();
  bench.turns();
  static_cast<void>(peer->take_received());
  bench.give_back(given_up);
  CHECK(H2Bench::resets(*peer) == "3:8 ");
  peer->send(h2_response(3, "200") + h2_response(5, "200"));
  CHECK(given_up.text.empty());
  CHECK(other.text == "200+|end");
}

TEST_CASE("WhatAGoawayLeavesOutIsSafeToSendAgainAndTheRestEnds") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& let_in = bench.ask();
  H2Request& left_out = bench.ask();
  bench.turns();
  left_out.drops_at_failure = true;
  peer->send(h2_frame(kGoaway, 0, 0, h2_number(3) + h2_number(0)));
  bench.turns();
  CHECK(left_out.text == "failed stale_connection not_processed");
  CHECK(left_out.error->retry == RetrySafety::kSafe);
  CHECK(bench.endpoint->h2.size() == 0);
  CHECK(peer->end() == FakePeer::End::kOpen);
  peer->send(h2_response(3, "200"));
  CHECK(let_in.text == "200+|end");
  bench.give_back(let_in);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("ARefusedStreamIsSafeToSendAgainOtherResetsAreNot") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& refused = bench.ask();
  H2Request& reset = bench.ask();
  H2Request& cut = bench.ask();
  bench.turns();
  peer->send(h2_frame(kRstStream, 0, 3, h2_number(7)) + h2_frame(kRstStream, 0, 5, h2_number(2)) +
             h2_response(7, "200", {}, kEndHeaders) + h2_frame(kRstStream, 0, 7, h2_number(2)));
  CHECK(refused.error->retry == RetrySafety::kSafe);
  CHECK(reset.text == "failed upstream_reset stream_reset");
  CHECK(reset.error->retry == RetrySafety::kIfIdempotent);
  CHECK(cut.text == "200+failed response_truncated reset_in_body");
  CHECK(bench.endpoint->h2.size() == 1);
}

TEST_CASE("ABrokenConnectionFailsWhatIsOnItAndIsStaleWhereNothingHadCome") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& stale = bench.ask();
  H2Request& begun = bench.ask();
  bench.turns();
  SUBCASE("nothing has come since") {
    peer->break_with();
    CHECK(stale.text == "failed stale_connection reset");
  }
  SUBCASE("an answer has begun") {
    peer->send(h2_response(5, "200", {}, kEndHeaders));
    peer->end_sending();
    CHECK(stale.text == "failed upstream_reset closed_before_head");
    CHECK(begun.text == "200+failed response_truncated reset_in_body");
  }
  bench.turns();
  CHECK(bench.endpoint->h2.size() == 0);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("AnOwnerMayGiveUpEverythingInsideAFailure") {
  H2Bench bench;
  const auto peer = bench.open();
  std::vector<H2Request*> all;
  for (int i = 0; i < 4; ++i) all.push_back(&bench.ask());
  bench.turns();
  for (H2Request* request : all) request->drops_at_failure = true;
  peer->break_with();
  bench.turns();
  for (H2Request* request : all) CHECK(request->text == "failed stale_connection reset");
  CHECK(bench.endpoint->h2.size() == 0);
}

TEST_CASE("BytesThatAreNoHttp2EndTheConnection") {
  H2Bench bench;
  H2Request& request = bench.ask();
  const auto peer = bench.accept();
  peer->send("HTTP/1.1 400 Bad H2Request\r\n\r\n");
  bench.turns();
  CHECK(request.text == "failed bad_response not_http2");
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("WhatThePausedReaderDoesNotTakeKeepsItsWindowClosed") {
  H2Bench bench;
  bench.cluster.http2.stream_window_bytes = 65'535;
  const auto peer = bench.open();
  H2Request& request = bench.ask();
  bench.turns();
  static_cast<void>(peer->take_received());
  peer->send(h2_response(3, "200", {}, kEndHeaders));
  request.stream->pause_response();
  for (int i = 0; i < 3; ++i) peer->send(h2_frame(kData, 0, 3, std::string(16'384, 'x')));
  bench.turns();
  const auto windows = [&] {
    std::uint32_t total = 0;
    for (const H2Frame& frame : h2_frames(peer->take_received()))
      if (frame.type == kWindowUpdate && frame.stream == 3) total += h2_number_of(frame.payload);
    return total;
  };
  CHECK(windows() == 0);
  request.stream->resume_response();
  bench.turns();
  CHECK(windows() == 3 * 16'384);
}

TEST_CASE("TheBodyWaitsForTheBackendsWindowAndItsEndIsTold") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& request = bench.ask({http::BodyKind::kChunked, 0});
  request.send_body(std::string(100'000, 'x'));
  bench.turns();
  CHECK(request.stream->queued_bytes() == 100'000 - 65'535);
  CHECK(request.stream->has_written());
  peer->send(h2_frame(kWindowUpdate, 0, 0, h2_number(100'000)) +
             h2_frame(kWindowUpdate, 0, 3, h2_number(100'000)));
  bench.turns();
  CHECK(request.stream->queued_bytes() == 0);
  CHECK(request.num_drained == 1);
}

TEST_CASE("StreamsOutliveTheirPool") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& request = bench.ask();
  bench.turns();
  bench.endpoint->h2.clear();
  bench.turns();
  CHECK(peer->end() == FakePeer::End::kOpen);
  peer->send(h2_response(3, "200"));
  CHECK(request.text == "200+|end");
  bench.give_back(request);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("ConnectionsAreRetiredWhenTheyHaveServedEnough") {
  H2Bench bench;
  bench.cluster.limits.max_requests_per_connection = 2;
  const auto peer = bench.open();
  H2Request& second = bench.ask();
  bench.turns();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
  peer->send(h2_response(3, "200"));
  bench.give_back(second);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

}  // namespace
}  // namespace ingress::upstream
