// In which state an exchange leaves its two connections: used again only when drained to the byte on both
// sides, and closed otherwise, with nothing behind it interpreted.
#include <doctest/doctest.h>

#include "proxy/connections_left_rows.h"
#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

void take_step(const Step& step, FakeWorker& worker, FakePeer& client, FakePeer& backend) {
  switch (step.what) {
    case Do::kClientSends:
      client.send(step.bytes);
      break;
    case Do::kClientEnds:
      client.end_sending();
      break;
    case Do::kClientBreaks:
      client.break_with();
      break;
    case Do::kBackendSends:
      backend.send(step.bytes);
      break;
    case Do::kBackendEnds:
      backend.end_sending();
      break;
    case Do::kBackendBreaks:
      backend.break_with();
      break;
    case Do::kBackendStopsReading:
      backend.stop_reading();
      break;
  }
  worker.turn();
}

// The next request on the backend's connection is the first thing that comes there, and its answer reaches
// the one who asked.
void check_backend(FakeWorker& worker, FakePeer& backend, bool is_kept) {
  CHECK(worker.num_idle() == (is_kept ? 1u : 0u));
  CHECK(backend.end() == (is_kept ? FakePeer::End::kOpen : FakePeer::End::kClosed));
  if (!is_kept) return;
  backend.take_received();
  FakeClient other(worker);
  other.peer->send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(backend.take_received().starts_with("GET /other HTTP/1.1\r\n"));
  backend.send("HTTP/1.1 299 Other\r\nContent-Length: 0\r\n\r\n");
  worker.turn();
  CHECK(other.peer->received().starts_with("HTTP/1.1 299 "));
}

void check_client(FakeWorker& worker, FakeClient& client, FakePeer& backend, Client expected) {
  client.peer->take_received();
  backend.take_received();
  const auto next = worker.num_idle() == 0 ? worker.add_idle_backend() : nullptr;
  client.peer->send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  worker.turn();
  const std::string asked = next ? next->take_received() : backend.take_received();
  if (expected == Client::kOpen) {
    CHECK(asked.starts_with("GET /next HTTP/1.1\r\n"));
    CHECK(client.peer->end() == FakePeer::End::kOpen);
    CHECK(!client.peer->has_write_ended());
    return;
  }
  CHECK(asked.empty());
  CHECK(client.peer->received().empty());
  const bool is_reset = client.peer->end() == FakePeer::End::kReset;
  CHECK(is_reset == (expected == Client::kReset));
  CHECK((is_reset || client.peer->has_write_ended() || client.peer->end() == FakePeer::End::kClosed));
}

// Answers by itself, whatever else comes.
class Refusing final : public Filter {
 public:
  Verdict on_request(RequestHead& head, ExchangeContext&) override {
    return head.path() == "/none" ? Verdict::reply(404, "none\n") : Verdict::next();
  }
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    FakeWorker worker;
    worker.filters.push_back(std::make_unique<Refusing>());
    const auto backend = worker.add_idle_backend();
    {
      FakeClient client(worker);
      for (const Step& step : row.steps) take_step(step, worker, *client.peer, *backend);
      const std::string received = client.peer->received();
      const std::size_t final = received.starts_with(kContinue) ? kContinue.size() : 0;
      CHECK((received.empty() ? "" : received.substr(final + 9, 3)) == row.status);
      check_backend(worker, *backend, row.is_backend_kept);
      check_client(worker, client, *backend, row.client);
    }
    CHECK(worker.metrics.exchanges_open.get() == 0);
  }
}

TEST_CASE("AnEarlyAnswerLeavesNoConnectionOutOfStep") {
  check_rows(kEarlyRows);
}

TEST_CASE("WhoeverGoesOrSaysMoreLeavesNoConnectionOutOfStep") {
  check_rows(kBrokenRows);
}

TEST_CASE("AConnectionIsKeptWhenTheLastByteOfTheAnswerHasComeAndNotBefore") {
  for (const std::string& answer :
       {kOk,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX: 1\r\n\r\n" +
            std::string(),
        kContinue + kOk, kNoContent + "\r\n"}) {
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
      CAPTURE(answer);
      CAPTURE(cut);
      FakeWorker worker;
      const auto backend = worker.add_idle_backend();
      FakeClient client(worker);
      client.peer->send(kGet);
      if (cut > 0) backend->send(answer.substr(0, cut));
      worker.turn();
      const bool is_whole = cut == answer.size();
      CHECK(worker.num_idle() == (is_whole ? 1u : 0u));
      client.peer->break_with();
      worker.turn();
      check_backend(worker, *backend, is_whole);
    }
  }
}

TEST_CASE("ConnectionsAreKeptWhenTheLastByteOfTheRequestHasGoneAndNotBefore") {
  for (const std::string& request :
       {kPost + "abcdef", kChunked + "3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nX: 1\r\n\r\n"}) {
    for (std::size_t cut = request.find("\r\n\r\n") + 4; cut <= request.size(); ++cut) {
      CAPTURE(request);
      CAPTURE(cut);
      FakeWorker worker;
      const auto backend = worker.add_idle_backend();
      FakeClient client(worker);
      client.peer->send(request.substr(0, cut));
      backend->send(kOk);
      worker.turn();
      const bool is_whole = cut == request.size();
      check_backend(worker, *backend, is_whole);
      check_client(worker, client, *backend, is_whole ? Client::kOpen : Client::kEnded);
    }
  }
}

}  // namespace
}  // namespace ingress::test
