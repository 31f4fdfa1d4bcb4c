// What filters do to methods, statuses and bodies cannot put a message out of step with its framing.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kHead = "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kOkHead = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
constexpr const char* kNotModified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";

struct Changes {
  const char* method = nullptr;
  std::uint16_t status = 0;
  bool adds_to_bodies = false;
  BodyMode mode = BodyMode::kStream;
};

class Changing final : public Filter {
 public:
  explicit Changing(Changes changes) : changes_(changes) {}
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    if (changes_.method != nullptr) head.set_method_view(changes_.method);
    if (changes_.adds_to_bodies) {
      context.want_request_body(changes_.mode);
      context.want_response_body(changes_.mode);
    }
    return Verdict::next();
  }
  Verdict on_response(ResponseHead& head, ExchangeContext&) override {
    if (changes_.status != 0) head.set_status(changes_.status);
    return Verdict::next();
  }
  Verdict on_request_body(std::string& piece, bool is_last, ExchangeContext&) override {
    if (is_last) piece += "GET /evil HTTP/1.1\r\n\r\n";
    return Verdict::next();
  }
  Verdict on_response_body(std::string& piece, bool is_last, ExchangeContext&) override {
    if (is_last) piece += "!";
    return Verdict::next();
  }

 private:
  Changes changes_;
};

struct Row {
  const char* name;
  Changes changes;
  const char* request;
  const char* answer;
  const char* log;
  std::int64_t length;
  const char* body;
};

TEST_CASE("TheClientGetsABodyExactlyWhereItExpectsOne") {
  constexpr Changes kAdds{.adds_to_bodies = true};
  constexpr Changes kAddsWhole{.adds_to_bodies = true, .mode = BodyMode::kBuffer};
  const Row rows[] = {
      {"as it is", {}, kGet, kOk, "head 200 length, end, complete", 5, "hello"},
      {"head", {}, kHead, kOkHead, "head 200 none, end, complete", 5, ""},
      {"head of unknown length",
       {},
       kHead,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "head 200 open, end, complete",
       -1,
       ""},
      {"304", {}, kGet, kNotModified, "head 304 none, end, complete", 5, ""},
      {"more after get", kAdds, kGet, kOk, "head 200 chunked, end, complete", -1, "hello!"},
      {"more after get, held", kAddsWhole, kGet, kOk, "head 200 length, end, complete", 6, "hello!"},
      {"more after head", kAdds, kHead, kOkHead, "head 200 open, end, complete", -1, ""},
      {"more after head, held", kAddsWhole, kHead, kOkHead, "head 200 open, end, complete", -1, ""},
      {"more after 304", kAdds, kGet, kNotModified, "head 304 none, end, complete", -1, ""},
      {"204 for a body", {.status = 204}, kGet, kOk, "head 204 none, end, complete", 5, ""},
      {"304 for a body", {.status = 304}, kGet, kOk, "head 304 none, end, complete", 5, ""},
      {"304 for a changed body",
       {.status = 304, .adds_to_bodies = true},
       kGet,
       kOk,
       "head 304 none, end, complete",
       -1,
       ""},
      {"200 for a 304", {.status = 200}, kGet, kNotModified, "head 200 length, end, complete", 0, ""},
      {"an interim status", {.status = 101}, kGet, kOk, "head 500 length, end, complete", 5, "hello"},
      {"no status", {.status = 999}, kGet, kOk, "head 500 length, end, complete", 5, "hello"},
      {"head as get", {.method = "GET"}, kHead, kOk, "head 200 none, end, complete", 5, ""},
      {"get as head", {.method = "HEAD"}, kGet, kOkHead, "head 200 length, end, complete", 0, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    FakeWorker worker;
    worker.filters.push_back(std::make_unique<Changing>(row.changes));
    const auto backend = worker.add_idle_backend();
    FakeRequest request(worker, row.request);
    CHECK(backend->take_received().find("evil") == std::string::npos);
    backend->send(row.answer);
    CHECK(request.stream.log == row.log);
    CHECK(request.stream.length == row.length);
    CHECK(request.stream.body == row.body);
    CHECK(worker.num_idle() == 1);
  }
}

TEST_CASE("ABodyFilterThatWaitsDoesNotPassItsPieceByTheOthers") {
  class Waits final : public Filter {
   public:
    Verdict on_request(RequestHead&, ExchangeContext& context) override {
      context.want_request_body(BodyMode::kStream);
      return Verdict::next();
    }
    Verdict on_request_body(std::string&, bool, ExchangeContext&) override { return Verdict::wait(); }
  };
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<Waits>());
  const auto backend = worker.add_idle_backend();
  FakeRequest request(worker, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecret");
  CHECK(request.stream.log == "head 500 length, end, complete");
  CHECK(worker.log.wait_for(1).detail == "wait_in_body");
  CHECK(backend->received().find("secret") == std::string::npos);
}

TEST_CASE("AFilterThatWaitsButKeepsNoHandleIsNotWaitedFor") {
  class Forgets final : public Filter {
   public:
    Verdict on_request(RequestHead&, ExchangeContext& context) override {
      (void)context.suspend();
      return Verdict::wait();
    }
  };
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<Forgets>());
  FakeRequest request(worker, kGet);
  CHECK(request.stream.log == "head 500 length, end, complete");
  CHECK(worker.log.wait_for(1).detail == "wait_without_resumer");
}

}  // namespace
}  // namespace ingress::test
