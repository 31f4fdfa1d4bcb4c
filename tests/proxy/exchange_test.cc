// The exchange by itself, between a fake stream and fake backends: it knows neither sockets nor HTTP/1 below.
#include "proxy/exchange.h"

#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using proxy::Phase;
using proxy::Reading;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kPost = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

bool is_at_rest(FakeWorker& worker) {
  return worker.metrics.exchanges_open.get() == 0 && worker.views.num_alive() == 1;
}

TEST_CASE("ServesARequestOnAKeptConnectionAndGivesItBack") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  {
    FakeRequest request(worker, kGet);
    CHECK(request.exchange->phase() == Phase::kAwaitResponse);
    CHECK(backend->take_received().starts_with("GET /a HTTP/1.1\r\nHost: x\r\n"));
    CHECK(worker.num_idle() == 0);
    backend->send(kOk);
    CHECK(request.stream.log == "head 200 length, end, complete");
    CHECK(request.stream.body == "hello");
    CHECK(worker.num_idle() == 1);
  }
  CHECK(is_at_rest(worker));
  CHECK(backend->num_writes() == 1);
}

TEST_CASE("ARequestBodyGoesOnAsItComesAndTheAnswerMayBeEarly") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeRequest request(worker, kPost);
  CHECK(request.exchange->phase() == Phase::kSendRequest);
  backend->take_received();
  request.read("abc");
  CHECK(backend->take_received() == "abc");
  backend->send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  CHECK(request.stream.log == "head 413 length, end, complete");
  worker.turn();
  CHECK(backend->end() == FakePeer::End::kClosed);  // its request was never finished
  CHECK(worker.num_idle() == 0);
}

TEST_CASE("TrailersThatAHeadWouldLoseAreLeftOut") {
  constexpr const char* kRequest =
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
      "X-Sum: 1\r\nx_forwarded_for: forged\r\nX.Forwarded.For: forged\r\nx_tenant: 2\r\nx.id: 3\r\n\r\n";
  struct Row {
    HeadersWithUnderscores underscores;
    const char* sent;
  };
  const Row rows[] = {
      {HeadersWithUnderscores::kDrop, "0\r\nX-Sum: 1\r\nx.id: 3\r\n\r\n"},
      {HeadersWithUnderscores::kAllow, "0\r\nX-Sum: 1\r\nx_tenant: 2\r\nx.id: 3\r\n\r\n"},
  };
  for (const Row& row : rows) {
    FakeWorker worker;
    worker.listener.settings.headers_with_underscores = row.underscores;
    const auto backend = worker.add_idle_backend();
    FakeRequest request(worker, kRequest);
    const std::string sent = backend->take_received();
    CHECK(sent.substr(sent.find("\r\n\r\n") + 4) == row.sent);
  }
}

TEST_CASE("AStaleKeptConnectionIsRetriedOnAFreshOneOnlyWhenNothingCanHaveHappened") {
  for (const char* text : {kGet, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"}) {
    CAPTURE(text);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    {  // the connection has to have served before to count as stale
      FakeRequest first(worker, kGet);
      backend->send(kOk);
    }
    FakeRequest request(worker, text);
    backend->break_with();
    if (text == kGet) {
      CHECK(request.exchange->phase() == Phase::kConnect);
      CHECK(worker.metrics.upstream_retries.get() == 1);
    } else {
      CHECK(request.stream.log == "head 502 length, end, complete");
    }
  }
}

// Says wait on requests, on responses, or asks for whole bodies, as the path tells.
class AskingFilter final : public Filter {
 public:
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    if (head.path() == "/hold") context.want_request_body(BodyMode::kBuffer);
    if (head.path() == "/hold-answer") context.want_response_body(BodyMode::kBuffer);
    return head.path() == "/wait" ? wait(context) : Verdict::next();
  }
  Verdict on_response(ResponseHead&, ExchangeContext& context) override {
    return context.client_port() != 0 && is_waiting_for_answers ? wait(context) : Verdict::next();
  }
  static Verdict wait(ExchangeContext& context) {
    context.worker().after({}, [resumer = context.suspend()] { resumer.resume(Verdict::next()); });
    return Verdict::wait();
  }
  bool is_waiting_for_answers = false;
};

struct AbortRow {
  const char* name;
  const char* text;
  const char* answer;
  bool filters_answers;
  bool has_backend;
  Phase phase;
};

TEST_CASE("AClientMayGoInEveryPhase") {
  const AbortRow rows[] = {
      {"request filters", "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", "", false, true, Phase::kRequestFilters},
      {"hold request", "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc", "", false, true,
       Phase::kHoldRequest},
      {"connect", kGet, "", false, false, Phase::kConnect},
      {"send request", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc", "", false, true,
       Phase::kSendRequest},
      {"await response", kGet, "HTTP/1.1 2", false, true, Phase::kAwaitResponse},
      {"response filters", kGet, kOk, true, true, Phase::kResponseFilters},
      {"hold response", "GET /hold-answer HTTP/1.1\r\nHost: x\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", false, true, Phase::kHoldResponse},
      {"relay", kGet, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", false, true, Phase::kRelay},
  };
  // 0: the client goes, 1: its body breaks, 2: the backend breaks, 3: time is up.
  for (int how = 0; how < 4; ++how) {
    for (const AbortRow& row : rows) {
      CAPTURE(row.name);
      CAPTURE(how);
      FakeWorker worker(std::chrono::seconds(1));
      auto filter = std::make_unique<AskingFilter>();
      filter->is_waiting_for_answers = row.filters_answers;
      worker.filters.push_back(std::move(filter));
      const auto backend = row.has_backend ? worker.add_idle_backend() : nullptr;
      {
        FakeRequest request(worker, row.text);
        if (*row.answer != '\0') backend->send(row.answer);
        CHECK(request.exchange->phase() == row.phase);
        if (how == 0) request.exchange->on_client_gone({.what = "reset"});
        if (how == 1) {
          request.exchange->on_request_failed({.code = ErrorCode::kBadRequest, .what = "truncated_body"});
        }
        if (how == 2 && backend) backend->break_with();
        if (how == 3) worker.pass(std::chrono::milliseconds(1500));
        if (how != 2) {
          CHECK(request.exchange->phase() == Phase::kDone);
          CHECK(request.stream.log.ends_with(how == 0 || row.phase == Phase::kRelay ? "cut" : "complete"));
          CHECK(worker.metrics.exchanges_open.get() == 0);
        }
        worker.run_calls();  // resumers of what has ended
      }
      worker.turn();
      CHECK(is_at_rest(worker));
    }
  }
}

// The next user of the connection would wait for an answer that nobody reads.
TEST_CASE("AConnectionWhoseReadingIsPausedIsNotKept") {
  FakeWorker worker(std::chrono::seconds(1));
  auto filter = std::make_unique<AskingFilter>();
  filter->is_waiting_for_answers = true;
  worker.filters.push_back(std::move(filter));
  const auto backend = worker.add_idle_backend();
  {
    FakeRequest request(worker, kGet);
    backend->send(kOk);
    CHECK(backend->is_paused());
    worker.pass(std::chrono::milliseconds(1500));
    CHECK(request.stream.log == "head 504 length, end, complete");
  }
  CHECK(worker.num_idle() == 0);
}

TEST_CASE("AFilterThatHoldsAfterItWaitedGetsTheWholeBody") {
  class WaitThenHold final : public Filter {
   public:
    Verdict on_request(RequestHead&, ExchangeContext& context) override {
      context.want_request_body(BodyMode::kBuffer);
      return AskingFilter::wait(context);
    }
  };
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<WaitThenHold>());
  const auto backend = worker.add_idle_backend();
  const std::string half(64 * 1024, 'x');
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 131072\r\n\r\n");
  request.read(half);
  CHECK(request.stream.reading == Reading::kPaused);
  worker.run_calls();
  CHECK(request.stream.reading == Reading::kOn);
  request.read(half);
  CHECK(backend->take_received().ends_with(half + half));
}

TEST_CASE("ABackendThatStallsAfterAFilterWaitedIsNotWaitedForWithoutEnd") {
  FakeWorker worker;
  auto filter = std::make_unique<AskingFilter>();
  filter->is_waiting_for_answers = true;
  worker.filters.push_back(std::move(filter));
  const auto backend = worker.add_idle_backend();
  FakeRequest request(worker, kGet);
  backend->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  worker.run_calls();
  CHECK(request.stream.log == "head 200 length");
  worker.pass(std::chrono::seconds(61));
  CHECK(request.stream.log == "head 200 length, cut");
}

TEST_CASE("AStallWhileTheAnswerIsHeldEndsAlsoWhenTheExchangeBeforeWasPaused") {
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<AskingFilter>());
  const auto first = worker.add_idle_backend();
  {
    FakeRequest slow(worker, kGet);
    slow.stream.queued = 1 << 20;
    first->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    CHECK(first->is_paused());
  }
  const auto second = worker.add_idle_backend();
  FakeRequest request(worker, "GET /hold-answer HTTP/1.1\r\nHost: x\r\n\r\n");
  second->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  worker.pass(std::chrono::seconds(61));
  CHECK(request.stream.log == "head 504 length, end, complete");
}

TEST_CASE("ASlowBackendGetsTheBodyAsLongAsItReadsAtAll") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  backend->stop_reading();
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n");
  request.read(std::string(40000, 'x'));
  for (int i = 0; i < 3; ++i) {
    backend->read_some(5000);
    worker.pass(std::chrono::seconds(61));
    CHECK(request.stream.log.empty());
  }
  worker.pass(std::chrono::seconds(61));
  CHECK(request.stream.log == "head 504 length, end, complete");
}

TEST_CASE("AHeadThatDribblesInDoesNotStretchItsLimit") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeRequest request(worker, kGet);
  worker.pass(std::chrono::seconds(40));
  backend->send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2");
  worker.pass(std::chrono::seconds(30));
  CHECK(request.stream.log == "interim 103, head 504 length, end, complete");
}

// Or a client that goes would not be noticed until the backend has answered.
TEST_CASE("ABodyThatIsAllThereDoesNotPauseItsClient") {
  FakeWorker worker;
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
  request.read(std::string(65536, 'x'));
  CHECK(request.exchange->phase() == Phase::kConnect);
  CHECK(request.stream.reading == Reading::kOn);
}

// A byte here and a byte there must not keep a block of 64 KB each.
TEST_CASE("ABodyThatDribblesWhileNobodyTakesItHoldsLittleMemory") {
  FakeWorker worker;
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  CHECK(request.exchange->phase() == Phase::kConnect);
  base::BufferPool& pool = worker.loop->buffers();
  for (int i = 0; i < 500; ++i) {
    base::Chain piece;
    piece.append(base::Slice(pool.take_block(base::BufferPool::kLargeBytes), 0, 1));
    request.exchange->on_request_body(std::move(piece));
    request.exchange->on_request_read_done();
  }
  CHECK(pool.live_bytes() < 256 * 1024);
}

TEST_CASE("AnExchangeInThePoolHoldsNothingOfTheOneBefore") {
  class Stateful final : public Filter {
   public:
    explicit Stateful(std::shared_ptr<int> permit) : permit_(std::move(permit)) {}
    Verdict on_request(RequestHead&, ExchangeContext& context) override {
      context.state() = permit_;
      return Verdict::next();
    }

   private:
    std::shared_ptr<int> permit_;
  };
  FakeWorker worker;
  const auto permit = std::make_shared<int>(1);
  worker.filters.push_back(std::make_unique<Stateful>(permit));
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  CHECK(permit.use_count() == 3);
  request.exchange->on_client_gone({.what = "reset"});
  CHECK(permit.use_count() == 2);
  CHECK(worker.loop->buffers().live_bytes() == 0);
}

// A handle made while the exchange ends must not wake whoever uses the object next.
TEST_CASE("AResumerTakenOutsideOfHeadsWakesNobody") {
  class Late final : public Filter {
   public:
    Verdict on_request(RequestHead& head, ExchangeContext& context) override {
      if (head.path() != "/wait") return Verdict::next();
      own = context.suspend();
      kept.resume(Verdict::reply(418, "somebody else's\n"));
      return Verdict::wait();
    }
    void on_log(const ExchangeRecord&, ExchangeContext& context) override { kept = context.suspend(); }
    Resumer own, kept;
  };
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<Late>());
  const auto backend = worker.add_idle_backend();
  {
    FakeRequest first(worker, kGet);
    backend->send(kOk);
  }
  FakeRequest second(worker, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(second.stream.log.empty());
  CHECK(second.exchange->phase() == Phase::kRequestFilters);
}

}  // namespace
}  // namespace ingress::test
