// A client's HTTP/2 connection between fakes: streams and exchanges, how they end, and who is held up by
// whom.
#include "proxy/downstream_h2.h"

#include <doctest/doctest.h>

#include <string>

#include "proxy/exchange_fixture.h"
#include "support/h2_frames.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string answer_of(std::size_t size) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
}

// Kinds of frames with the streams they are of, "1:1 1:0e": e = END_STREAM. Those of stream 0 are left out.
std::string words_of(std::string_view bytes) {
  std::string words;
  for (const H2Frame& frame : h2_frames(bytes)) {
    if (frame.stream == 0) continue;
    if (!words.empty()) words += " ";
    words += std::to_string(frame.stream) + ":" + std::to_string(frame.type);
    if (frame.type <= kHeaders && (frame.flags & kEndStream) != 0) words += "e";
    if (frame.type == kRstStream) words += "=" + std::to_string(frame.payload.back());
  }
  return words;
}
bool has_goaway(std::string_view bytes) {
  for (const H2Frame& frame : h2_frames(bytes)) {
    if (frame.type == kGoaway) return true;
  }
  return false;
}

struct H2Client : FakeClient {
  explicit H2Client(FakeWorker& of) : FakeClient(of), worker(of) {
    send(h2_begin());
    take();
  }
  void send(std::string_view bytes) {
    peer->send(bytes);
    worker.turn();
  }
  std::string take() {
    worker.turn();
    return peer->take_received();
  }
  FakeWorker& worker;
};

TEST_CASE("ThePrefaceMayComeByteByByte") {
  const std::string bytes = h2_begin() + h2_request(1, "GET", "/a");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(bytes.substr(0, cut));
    client.peer->send(bytes.substr(cut));
    CHECK(backend->take_received().starts_with("GET /a HTTP/1.1\r\nHost: x\r\n"));
  }
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  for (const char& c : bytes) client.peer->send({&c, 1});
  CHECK(backend->take_received().starts_with("GET /a HTTP/1.1\r\nHost: x\r\n"));
}

TEST_CASE("MethodsThatBeginAsThePrefaceDoesAreRequests") {
  for (const char* method : {"POST", "P", "PR", "PRI", "PRINT", "PROPFIND"}) {
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    const std::string request = std::string(method) + " /a HTTP/1.1\r\nHost: x\r\n\r\n";
    for (const char& c : request) client.peer->send({&c, 1});
    const bool is_http2 = std::string_view(method) == "PRI";  // which is nobody else's (RFC 9113 11.6)
    CHECK(backend->take_received().starts_with(std::string(method) + " /a ") == !is_http2);
  }
}

TEST_CASE("WhereHttp2IsOffItsPrefaceIsOfAnUnknownVersion") {
  FakeWorker worker([](GatewayConfig& config) { config.listeners[0].http2.mode = Http2Mode::kOff; });
  FakeClient client(worker);
  client.peer->send(h2_begin());
  CHECK(client.peer->received().starts_with("HTTP/1.1 505 "));
}

TEST_CASE("StreamsAreAnsweredAsTheirBackendsDo") {
  FakeWorker worker;
  const auto first = worker.add_idle_backend(), second = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/1") + h2_request(3, "POST", "/3", {}, kEndHeaders) +
              h2_frame(kData, kEndStream, 3, "body"));
  auto* const of_get = first->received().starts_with("GET /1 ") ? &first : &second;
  auto* const of_post = of_get == &first ? &second : &first;
  const std::string posted = (*of_post)->take_received();
  CHECK(posted.starts_with("POST /3 "));
  CHECK(posted.find("Transfer-Encoding: chunked") != posted.npos);
  CHECK(posted.ends_with("4\r\nbody\r\n0\r\n\r\n"));
  (*of_post)->send(answer_of(5));
  CHECK(words_of(client.take()) == "3:1 3:0e");
  (*of_get)->send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(words_of(client.take()) == "1:1e");
  CHECK(worker.num_idle() == 2);
  CHECK(worker.free_exchanges.size() == 2);
  CHECK(worker.log.wait_for(2).protocol == "HTTP/2");
}

TEST_CASE("WhatStreamsSendInOneTurnLeavesInOneWrite") {
  FakeWorker worker;
  const auto first = worker.add_idle_backend(), second = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/1") + h2_request(3, "GET", "/3"));
  client.take();
  first->send(answer_of(5));
  second->send(answer_of(5));
  CHECK(client.peer->received().empty());
  CHECK(h2_frames(client.take()).size() == 4);
}

TEST_CASE("AResetOfTheClientEndsTheWorkOfItsBackendAndNothingElse") {
  FakeWorker worker;
  const auto first = worker.add_idle_backend(), second = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/1"));
  const bool is_first = !first->received().empty();
  client.send(h2_request(3, "GET", "/3"));
  client.send(h2_frame(kRstStream, 0, 1, h2_number(8)));
  client.take();
  CHECK((is_first ? first : second)->end() != FakePeer::End::kOpen);
  const auto& alive = is_first ? second : first;
  CHECK(alive->end() == FakePeer::End::kOpen);
  alive->send(answer_of(1));
  CHECK(words_of(client.take()) == "3:1 3:0e");
  CHECK(worker.free_exchanges.size() == 2);
}

TEST_CASE("ARequestThatIsTakenBackInTheSameReadReachesNobody") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/") + h2_frame(kRstStream, 0, 1, h2_number(8)));
  client.take();
  CHECK(backend->received().empty());
  CHECK(worker.free_exchanges.size() == 1);
}

TEST_CASE("AnAnswerThatBreaksOffIsReset") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/"));
  backend->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  CHECK(words_of(client.take()) == "1:1 1:0");
  backend->break_with();
  CHECK(words_of(client.take()) == "1:3=2");
  CHECK(worker.http2.size() == 1);
  CHECK(client.peer->end() == FakePeer::End::kOpen);
}

TEST_CASE("AnEarlyAnswerAsksForNoMoreOfTheRequest") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "POST", "/", {}, kEndHeaders) + h2_frame(kData, 0, 1, "some"));
  backend->send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  CHECK(words_of(client.take()) == "1:1e 1:3=0");
}

TEST_CASE("TheEndOfTheInputIsTheEndOfAllStreams") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/"));
  client.peer->end_sending();
  worker.turn();
  CHECK(backend->end() != FakePeer::End::kOpen);
  CHECK(client.peer->end() != FakePeer::End::kOpen);
  CHECK(worker.num_closed == 1);
}

TEST_CASE("DrainingServesWhatWasAcceptedAndThenCloses") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/"));
  client.take();
  worker.is_draining = true;
  worker.http2[0]->drain();
  CHECK(has_goaway(client.take()));
  client.send(h2_frame(kPing, kAck, 0, std::string(8, '\0')));
  CHECK(has_goaway(client.take()));
  CHECK(worker.num_closed == 0);
  backend->send(answer_of(3));
  CHECK(words_of(client.take()) == "1:1 1:0e");
  client.peer->end_sending();
  worker.turn();
  CHECK(worker.num_closed == 1);
}

TEST_CASE("AClientThatDoesNotAnswerThePingIsDrainedAllTheSame") {
  FakeWorker worker;
  H2Client client(worker);
  worker.http2[0]->drain();
  CHECK(has_goaway(client.take()));
  worker.pass(seconds(2));
  CHECK(has_goaway(client.take()));
  worker.pass(seconds(3));  // and it does not close either
  CHECK(worker.num_closed == 1);
}

TEST_CASE("AStreamThatIsNotReadHoldsItsBackendAloneAndIsGivenUp") {
  FakeWorker worker([](GatewayConfig& config) { config.listeners[0].timeouts.write_idle = seconds(5); });
  const auto first = worker.add_idle_backend(), second = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_frame(kWindowUpdate, 0, 0, h2_number(1 << 20)));
  client.send(h2_request(1, "GET", "/1"));
  const auto& slow = first->received().empty() ? second : first;
  const auto& quick = &slow == &first ? second : first;
  slow->send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  int num_sent = 0;
  while (num_sent < 20) {
    const std::size_t before = client.peer->received().size();
    slow->send(std::string(50'000, 'x'));
    worker.turn();
    ++num_sent;
    if (client.peer->received().size() == before && num_sent > 3) break;
  }
  CHECK(num_sent <= 6);  // two windows, and then it is paused
  client.take();
  client.send(h2_request(3, "GET", "/3"));
  quick->send(answer_of(4));
  CHECK(words_of(client.take()) == "3:1 3:0e");
  worker.pass(seconds(6));  // since it has read last
  worker.pass(seconds(6));
  CHECK(words_of(client.take()) == "1:3=8");
  CHECK(slow->end() != FakePeer::End::kOpen);
}

TEST_CASE("ABodyThatDoesNotComeIsWaitedForAsLongAsTheListenerSays") {
  FakeWorker worker(
      [](GatewayConfig& config) { config.listeners[0].timeouts.request_body_idle = seconds(5); });
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "POST", "/", {}, kEndHeaders) + h2_frame(kData, 0, 1, "some"));
  worker.pass(seconds(4));
  CHECK(words_of(client.take()).empty());
  worker.pass(seconds(2));
  CHECK(words_of(client.take()) == "1:1 1:0e 1:3=0");
  CHECK(worker.log.wait_for(1).status == 408);
}

TEST_CASE("ABackendThatDoesNotReadClosesTheWindowOfItsStreamOnly") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  backend->stop_reading();
  H2Client client(worker);
  client.send(h2_request(1, "POST", "/", {}, kEndHeaders));
  std::size_t stream_window = 64 * 1024, connection_window = 1024 * 1024, num_sent = 0;
  const auto take_windows = [&] {
    for (const H2Frame& frame : h2_frames(client.take())) {
      if (frame.type != kWindowUpdate) continue;
      (frame.stream == 0 ? connection_window : stream_window) += h2_number_of(frame.payload);
    }
  };
  while (stream_window >= 16'000 && num_sent < 1'000'000) {
    client.send(h2_frame(kData, 0, 1, std::string(16'000, 'x')));
    num_sent += 16'000, stream_window -= 16'000, connection_window -= 16'000;
    take_windows();
  }
  CHECK(num_sent < 200'000);
  CHECK(connection_window > 900'000);
  backend->read_all();
  worker.turn();
  take_windows();
  CHECK(stream_window > 32'000);
}

TEST_CASE("IdleConnectionsAreToldAndClosed") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(h2_request(1, "GET", "/"));
  backend->send(answer_of(1));
  client.take();
  worker.pass(seconds(70));
  CHECK_FALSE(has_goaway(client.take()));
  worker.pass(seconds(10));
  CHECK(has_goaway(client.take()));
  worker.pass(seconds(2));  // for the answer to the PING
  client.take();
  worker.pass(seconds(3));
  CHECK(worker.num_closed == 1);
}

TEST_CASE("AHeadThatDoesNotEndEndsTheConnection") {
  FakeWorker worker;
  H2Client client(worker);
  const std::string request = h2_request(1, "GET", "/");
  client.send(request.substr(0, request.size() - 2));
  worker.pass(seconds(11));
  CHECK(has_goaway(client.take()));
}

std::string websocket_request(std::uint32_t stream) {
  return h2_frame(kHeaders, kEndHeaders, stream,
                  hpack({{":method", "CONNECT"},
                         {":protocol", "websocket"},
                         {":scheme", "https"},
                         {":path", "/chat"},
                         {":authority", "x"},
                         {"sec-websocket-version", "13"}}));
}

TEST_CASE("AWebSocketBecomesAnUpgradeAndItsBytesPassBothWays") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(websocket_request(1) + h2_frame(kData, 0, 1, "early"));
  const std::string request = backend->take_received();
  CHECK(request.starts_with("GET /chat HTTP/1.1\r\nHost: x\r\n"));
  CHECK(request.find("Upgrade: websocket\r\n") != request.npos);
  CHECK(request.find("Connection: Upgrade\r\n") != request.npos);
  const std::size_t key = request.find("Sec-WebSocket-Key: ");
  REQUIRE(key != request.npos);
  CHECK(request.substr(key + 19 + 22, 4) == "==\r\n");
  backend->send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: abc\r\n\r\nhi");
  CHECK(words_of(client.take()) == "1:1 1:0");
  CHECK(backend->take_received() == "early");
  client.send(h2_frame(kData, 0, 1, "more"));
  CHECK(backend->take_received() == "more");
  backend->send("back");
  CHECK(words_of(client.take()) == "1:0");
  client.send(h2_frame(kData, kEndStream, 1, ""));
  worker.turn();
  CHECK(backend->has_write_ended());
  backend->end_sending();
  CHECK(words_of(client.take()) == "1:0e");
  CHECK(worker.log.wait_for(1).why == "tunnel");
}

TEST_CASE("ABackendMayEndItsHalfOfATunnelFirst") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  H2Client client(worker);
  client.send(websocket_request(1));
  backend->take_received();
  backend->send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  client.take();
  backend->end_sending();
  CHECK(words_of(client.take()) == "1:0e");
  client.send(h2_frame(kData, 0, 1, "bye"));
  CHECK(backend->take_received() == "bye");
  client.send(h2_frame(kData, kEndStream, 1, ""));
  client.take();
  CHECK(worker.log.wait_for(1).detail == "backend_closed");
}

TEST_CASE("AWebSocketThatIsRefusedIsNoTunnel") {
  for (const bool is_ok : {true, false}) {
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    H2Client client(worker);
    client.send(websocket_request(1));
    backend->send(is_ok ? answer_of(3) : "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    const std::string out = client.take();
    CHECK(words_of(out) == (is_ok ? "1:1 1:0e 1:3=0" : "1:1e 1:3=0"));
    CHECK(out.find("200") == out.npos);
  }
}

}  // namespace
}  // namespace ingress::test
