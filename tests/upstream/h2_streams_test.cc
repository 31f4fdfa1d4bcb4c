// Streams of HTTP/2 on connections that are shared: who gets which, and what becomes of them.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/net_fixture.h"
#include "support/fake_connector.h"
#include "support/h2_frames.h"
#include "upstream/give_back.h"
#include "upstream/open_stream.h"

namespace ingress::upstream {
namespace {

using namespace ingress::test;
using std::chrono::milliseconds;

// One request, and what it was told: "200+5body|end", "failed upstream_reset".
class Request final : public UpstreamEvents {
 public:
  explicit Request(net::EventLoop& loop) : loop_(loop) {}
  void send(ClientStreamPtr on, http::BodyFraming framing = {}) {
    stream = std::move(on);
    RequestHead head;
    head.set_method_view(method);
    head.set_target_view("/", {}, false);
    head.set_authority("x", 0, "x");
    head.note_checked();
    stream->begin(*this, method, {});
    stream->send_head(head, framing);
    if (framing.kind == http::BodyKind::kNone) stream->send_end({});
    stream->flush();
  }
  void send_body(std::string_view bytes) {
    base::Chain piece;
    piece.append(loop_.buffers().copy(bytes));
    stream->send_body(std::move(piece));
    stream->flush();
  }

  void on_response_interim(ResponseHead& head) override { text += "(" + std::to_string(head.status()) + ")"; }
  void on_response_head(ResponseHead& head, http::BodyFraming) override {
    text += std::to_string(head.status()) + "+";
  }
  void on_response_body(base::Chain&& piece) override {
    text += piece.to_string();
    piece.clear();
  }
  void on_response_end(const Headers&) override { text += "|end"; }
  void on_response_read_done() override { ++num_reads; }
  void on_upstream_drained() override { ++num_drained; }
  void on_upstream_failed(Error failed) override {
    error = failed;
    text += "failed " + std::string(to_string(failed.code)) + " " + failed.what;
    if (drops_at_failure) stream.reset();
  }

  std::string method = "GET";
  std::string text;
  std::optional<Error> error;
  int num_reads = 0, num_drained = 0;
  bool drops_at_failure = false;
  ClientStreamPtr stream;

 private:
  net::EventLoop& loop_;
};

struct Bench {
  LoopFixture fixture;
  FakeConnector connector{fixture.loop()};
  Cluster cluster{.name = "a", .endpoints = {{"10.0.0.1", 80}}, .protocol = BackendProtocol::kHttp2};
  EndpointRef endpoint{new EndpointState({"10.0.0.1", 80})};
  std::vector<std::unique_ptr<Connector::Attempt>> attempts;
  std::vector<std::unique_ptr<Request>> requests;

  ~Bench() {
    requests.clear();
    attempts.clear();
    endpoint->h2.clear();
    turns();
  }
  void turns() { fixture.run_turns(); }
  // A request on a kept connection, or on one that is opened for it or joined.
  Request& ask(http::BodyFraming framing = {}) {
    Request& request = *requests.emplace_back(std::make_unique<Request>(fixture.loop()));
    if (ClientStreamPtr kept = take_kept(*endpoint, cluster, {})) {
      request.send(std::move(kept), framing);
      return request;
    }
    attempts.push_back(open_stream(fixture.loop(), connector, endpoint, cluster, {}, {},
                                   [&request, framing](std::expected<ClientStreamPtr, Error> stream) {
                                     if (stream) return request.send(std::move(*stream), framing);
                                     request.on_upstream_failed(std::move(stream.error()));
                                   }));
    return request;
  }
  std::shared_ptr<FakePeer> accept() {
    std::shared_ptr<FakePeer> peer = connector.accept();
    turns();
    return peer;
  }
  // An open connection whose SETTINGS have come, nothing on it.
  std::shared_ptr<FakePeer> open(std::uint32_t max_streams = 100) {
    Request& first = ask();
    std::shared_ptr<FakePeer> peer = accept();
    peer->send(h2_setting(3, max_streams) + h2_response(1, "200"));
    turns();
    give_back(first);
    static_cast<void>(peer->take_received());
    return peer;
  }
  void give_back(Request& request) {
    upstream::give_back(fixture.loop(), endpoint, std::move(request.stream), cluster.limits,
                        cluster.timeouts);
    turns();
  }
  // Numbers of the streams that were begun since this was asked last.
  static std::string begun(FakePeer& peer) {
    std::string text = peer.take_received(), out;
    if (text.starts_with(kH2Preface)) text.erase(0, kH2Preface.size());
    for (const H2Frame& frame : h2_frames(text))
      if (frame.type == kHeaders) out += std::to_string(frame.stream) + " ";
    return out;
  }
  static std::string resets(FakePeer& peer) {
    std::string out;
    for (const H2Frame& frame : h2_frames(peer.take_received()))
      if (frame.type == kRstStream)
        out += std::to_string(frame.stream) + ":" + std::to_string(h2_number_of(frame.payload)) + " ";
    return out;
  }
};

TEST_CASE("RequestsThatComeWhileAConnectionIsOpenedWaitForIt") {
  Bench bench;
  Request& first = bench.ask();
  Request& second = bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
  const auto peer = bench.accept();
  CHECK(Bench::begun(*peer) == "1 3 ");
  peer->send(h2_setting(3, 100) + h2_response(3, "204") + h2_response(1, "200", {}, kEndHeaders) +
             h2_frame(kData, kEndStream, 1, "body"));
  CHECK(first.text == "200+body|end");
  CHECK(second.text == "204+|end");
  CHECK((first.num_reads == 1 && second.num_reads == 1));
  CHECK(bench.endpoint->h2.size() == 1);
}

TEST_CASE("WhoLeavesWhileItIsOpenedTakesNothingFromTheOthers") {
  Bench bench;
  bench.ask();
  Request& second = bench.ask();
  bench.attempts[0].reset();
  CHECK(bench.connector.num_waiting() == 1);
  const auto peer = bench.accept();
  peer->send(h2_setting(3, 100) + h2_response(1, "200"));
  CHECK(second.text == "200+|end");
  Bench alone;
  alone.ask();
  alone.attempts[0].reset();
  CHECK(alone.connector.num_waiting() == 0);
  CHECK(alone.endpoint->h2.openings().empty());
}

TEST_CASE("AllThatWaitLearnThatItFailed") {
  Bench bench;
  Request& first = bench.ask();
  Request& second = bench.ask();
  bench.connector.refuse();
  CHECK(first.text == "failed connect_failed refused");
  CHECK(second.text == first.text);
  CHECK(bench.endpoint->h2.openings().empty());
}

TEST_CASE("AConnectionIsFullWhereTheBackendSaysSo") {
  Bench bench;
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
  Bench bench;
  bench.cluster.timeouts.idle_connection = milliseconds(30);
  const auto peer = bench.open();
  Request& next = bench.ask();
  bench.turns();
  CHECK(Bench::begun(*peer) == "3 ");
  peer->send(h2_response(3, "200"));
  bench.give_back(next);
  bench.fixture.run_until([&] { return peer->end() == FakePeer::End::kClosed; });
  CHECK(bench.endpoint->h2.size() == 0);
}

TEST_CASE("AStreamThatIsGivenUpIsResetAndTheConnectionStays") {
  Bench bench;
  const auto peer = bench.open();
  Request& given_up = bench.ask();
  Request& other = bench.ask();
  bench.turns();
  static_cast<void>(peer->take_received());
  bench.give_back(given_up);
  CHECK(Bench::resets(*peer) == "3:8 ");
  peer->send(h2_response(3, "200") + h2_response(5, "200"));
  CHECK(given_up.text.empty());
  CHECK(other.text == "200+|end");
}

TEST_CASE("WhatAGoawayLeavesOutIsSafeToSendAgainAndTheRestEnds") {
  Bench bench;
  const auto peer = bench.open();
  Request& let_in = bench.ask();
  Request& left_out = bench.ask();
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
  Bench bench;
  const auto peer = bench.open();
  Request& refused = bench.ask();
  Request& reset = bench.ask();
  Request& cut = bench.ask();
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
  Bench bench;
  const auto peer = bench.open();
  Request& stale = bench.ask();
  Request& begun = bench.ask();
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
  Bench bench;
  const auto peer = bench.open();
  std::vector<Request*> all;
  for (int i = 0; i < 4; ++i) all.push_back(&bench.ask());
  bench.turns();
  for (Request* request : all) request->drops_at_failure = true;
  peer->break_with();
  bench.turns();
  for (Request* request : all) CHECK(request->text == "failed stale_connection reset");
  CHECK(bench.endpoint->h2.size() == 0);
}

TEST_CASE("BytesThatAreNoHttp2EndTheConnection") {
  Bench bench;
  Request& request = bench.ask();
  const auto peer = bench.accept();
  peer->send("HTTP/1.1 400 Bad Request\r\n\r\n");
  bench.turns();
  CHECK(request.text == "failed bad_response not_http2");
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("WhatThePausedReaderDoesNotTakeKeepsItsWindowClosed") {
  Bench bench;
  bench.cluster.http2.stream_window_bytes = 65'535;
  const auto peer = bench.open();
  Request& request = bench.ask();
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
  Bench bench;
  const auto peer = bench.open();
  Request& request = bench.ask({http::BodyKind::kChunked, 0});
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
  Bench bench;
  const auto peer = bench.open();
  Request& request = bench.ask();
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
  Bench bench;
  bench.cluster.limits.max_requests_per_connection = 2;
  const auto peer = bench.open();
  Request& second = bench.ask();
  bench.turns();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
  peer->send(h2_response(3, "200"));
  bench.give_back(second);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

}  // namespace
}  // namespace ingress::upstream
