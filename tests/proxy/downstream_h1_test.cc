// A client's connection between fakes: how it waits, how much it holds, and how it ends.
#include "proxy/downstream_h1.h"

#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

std::string answer_of(std::size_t size) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
}

TEST_CASE("AClientThatAsksAndAsksButDoesNotReadIsHeldBack") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->stop_reading();
  int num_asked = 0;
  for (int i = 0; i < 20; ++i) {
    client.peer->send(kGet);
    if (backend->take_received().empty()) continue;
    ++num_asked;
    backend->send(answer_of(40'000));
    worker.turn();
  }
  CHECK(num_asked == 2);  // 64 KB are reached
  CHECK(client.peer->queued_bytes() < 200'000);
  // It reads again, and gets the answers to everything.
  for (int i = 0; i < 30 && num_asked < 20; ++i) {
    client.peer->read_all();
    client.peer->turn();
    if (backend->take_received().empty()) continue;
    ++num_asked;
    backend->send(answer_of(40'000));
    worker.turn();
  }
  CHECK(num_asked == 20);
  CHECK(client.peer->received().size() > 20 * 40'000);
}

TEST_CASE("AConnectionThatRestsHasNothingThatOnlyARequestNeeds") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient first(worker), second(worker);
  first.peer->send("\r\n");  // may still become a request
  CHECK(worker.free_messages.empty());
  for (FakeClient* client : {&first, &second, &first}) {
    client->peer->send(kGet);
    backend->send(answer_of(10));
    worker.turn();
    CHECK(client->peer->received().ends_with("xxxxxxxxxx"));
    CHECK(worker.free_messages.size() == 1);
  }
  SUBCASE("nor when its client leaves within a head") {
    first.peer->send("GET /a");
    CHECK(worker.free_messages.empty());
    first.peer->break_with();
    CHECK(worker.free_messages.size() == 1);
  }
  SUBCASE("nor when it lingers after a request that was refused") {
    first.peer->send("bad\r\n\r\n");
    worker.turn();
    CHECK(worker.free_messages.size() == 1);
  }
}

TEST_CASE("TheLastAnswerReachesAClientThatEndsItsHalfBeforeItHasReadAll") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->stop_reading();
  client.peer->send(kGet);
  backend->send(answer_of(40'000));
  worker.turn();
  client.peer->end_sending();
  CHECK(client.peer->end() == FakePeer::End::kOpen);
  client.peer->read_all();
  CHECK(client.peer->received().size() > 40'000);
  CHECK(client.peer->end() == FakePeer::End::kClosed);
  CHECK(worker.num_closed == 1);
}

TEST_CASE("AClientThatReadsLateAndNeverClosesIsNotKeptForEver") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->stop_reading();
  client.peer->send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  backend->send(answer_of(40'000));
  worker.turn();
  worker.pass(seconds(5));
  CHECK(worker.num_closed == 0);
  client.peer->read_all();
  worker.pass(seconds(5));
  CHECK(worker.num_closed == 1);
}

TEST_CASE("ASlowReaderIsCutOnlyWhenItStopsReading") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->stop_reading();
  client.peer->send(kGet);
  backend->send(answer_of(40'000));
  worker.turn();
  for (int i = 0; i < 3; ++i) {
    client.peer->read_some(5'000);
    worker.pass(seconds(61));
    CHECK(worker.num_closed == 0);
  }
  worker.pass(seconds(61));
  CHECK(worker.num_closed == 1);
  CHECK(client.peer->end() == FakePeer::End::kReset);
}

TEST_CASE("ABodyThatDribblesIsRefusedHoweverSteadily") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  int num_sent = 0;
  for (; client.peer->received().empty() && num_sent < 100; ++num_sent) {
    client.peer->send("x");
    worker.pass(seconds(1));
  }
  CHECK(num_sent >= 10);  // the grace
  CHECK(num_sent <= 12);
  CHECK(client.peer->received().starts_with("HTTP/1.1 408 "));
  CHECK(worker.log.wait_for(1).detail == "body_rate");
}

TEST_CASE("ABodyThatIsFastEnoughOnTheWholeIsTakenHoweverLong") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  worker.pass(seconds(20));  // as one that waits for "100 Continue"
  for (int i = 0; i < 100; ++i) {
    client.peer->send("1f4\r\n" + std::string(500, 'x') + "\r\n");
    worker.pass(seconds(2));
    REQUIRE(client.peer->received().empty());
  }
  client.peer->send("0\r\n\r\n");
  backend->send(answer_of(3));
  worker.turn();
  CHECK(client.peer->received().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("TimeInWhichWeDoNotReadIsNotHeldAgainstABody") {
  FakeWorker worker;
  worker.listener.settings.limits.min_body_rate = 1'000'000;
  const auto backend = worker.add_idle_backend();
  backend->stop_reading();
  FakeClient client(worker);
  client.peer->send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n");
  for (int i = 0; i < 4; ++i) client.peer->send(std::string(40'000, 'x'));
  CHECK(client.peer->is_paused());
  worker.pass(seconds(50));
  CHECK(client.peer->received().empty());
  backend->read_all();
  client.peer->turn();
  CHECK(!client.peer->is_paused());
  worker.pass(seconds(9));
  CHECK(client.peer->received().empty());
  worker.pass(seconds(2));
  CHECK(client.peer->received().starts_with("HTTP/1.1 408 "));
}

// Its end is the only sign of the body's end (RFC 9112 8).
TEST_CASE("AnAnswerThatIsCutByAStopDoesNotLookWhole") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send("GET /a HTTP/1.0\r\nHost: x\r\n\r\n");
  backend->send("HTTP/1.1 200 OK\r\n\r\npart");
  CHECK(client.peer->received().ends_with("\r\n\r\npart"));
  client.connection.close_now();
  CHECK(client.peer->end() == FakePeer::End::kReset);
}

TEST_CASE("DrainingServesTheFirstRequestOfAConnectionThatHasJustCome") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker), silent(worker);
  worker.is_draining = true;
  client.connection.drain();
  silent.connection.drain();
  client.peer->send(kGet);
  backend->send(answer_of(3));
  worker.turn();
  CHECK(client.peer->received().find("Connection: close\r\n") != std::string::npos);
  CHECK(client.peer->received().ends_with("\r\n\r\nxxx"));
  CHECK(client.peer->has_write_ended());
  CHECK(!silent.peer->has_write_ended());
  worker.pass(milliseconds(1500));
  CHECK(silent.peer->has_write_ended());
}

TEST_CASE("DrainingEndsAnIdleConnectionAtOnceAndABusyOneAfterItsAnswer") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient idle(worker), busy(worker);
  idle.peer->send(kGet);
  backend->send(answer_of(3));
  worker.turn();
  busy.peer->send(kGet);
  worker.is_draining = true;
  idle.connection.drain();
  busy.connection.drain();
  CHECK(idle.peer->has_write_ended());
  CHECK(!busy.peer->has_write_ended());
  backend->send(answer_of(3));
  worker.turn();
  CHECK(busy.peer->received().find("Connection: close\r\n") != std::string::npos);
  CHECK(busy.peer->has_write_ended());
}

TEST_CASE("PipelinedRequestsAreAnsweredInOrderAlsoWhenCutAnywhere") {
  const std::string requests =
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 0; cut <= requests.size(); ++cut) {
    CAPTURE(cut);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(requests.substr(0, cut));
    client.peer->send(requests.substr(cut));
    for (const char* path : {"/1 ", "/2 ", "/3 ", "/4 "}) {
      CAPTURE(path);
      CHECK(backend->take_received().find(path) != std::string::npos);
      backend->send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::string(path).substr(1, 1));
      worker.turn();
      client.peer->turn();
    }
    const std::string answers = client.peer->take_received();
    std::size_t at = 0;
    for (const char* body : {"\r\n\r\n1HTTP", "\r\n\r\n2HTTP", "\r\n\r\n3HTTP", "\r\n\r\n4"}) {
      at = answers.find(body, at);
      CHECK(at != std::string::npos);
    }
  }
}

TEST_CASE("TheLogOfAHeadThatCannotBeReadNamesNoProtocol") {
  FakeWorker worker;
  FakeClient client(worker);
  client.peer->send("GET / HTTP/1.1\r\nbad header\r\n\r\n");
  CHECK(client.peer->received().starts_with("HTTP/1.1 400 "));
  CHECK(worker.log.wait_for(1).protocol.empty());
}

}  // namespace
}  // namespace ingress::test
