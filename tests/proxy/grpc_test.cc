// Calls of gRPC through an exchange, against fake backends: what they become when it answers itself, their
// deadlines, and how they break off.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kCall =
    "POST /a.B/C HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc+proto\r\n\r\n";
constexpr const char* kOpen =
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string call_with(const std::string& field) {
  return "POST /a.B/C HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\n" + field + "\r\n\r\n";
}

// The value of a field in lines of "name: value".
std::string field_of(const std::string& lines, const std::string& name) {
  const std::size_t at = ("\n" + lines).find("\n" + name + ": ");
  if (at == std::string::npos) return "(none)";
  const std::size_t from = at + name.size() + 2;
  return lines.substr(from, lines.find('\n', from) - from);
}

struct Call : FakeRequest {
  explicit Call(FakeWorker& worker, const std::string& text = kCall)
      : FakeRequest(worker, text, HttpVersion::kHttp2) {}
  std::string status() const { return field_of(stream.fields, "grpc-status"); }
};

TEST_CASE("AnAnswerOfOursIsOneBlockOfFields") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  Call call(worker);
  backend->send("HTTP/1.1 nonsense\r\n\r\n");
  CHECK(call.stream.log == "head 200 none, end, complete");
  CHECK(call.stream.body.empty());
  CHECK(call.stream.length == -1);
  CHECK(field_of(call.stream.fields, "content-type") == "application/grpc");
  CHECK(call.status() == "14");
  CHECK(field_of(call.stream.fields, "grpc-message") == "Bad Gateway");
  const auto line = worker.log.wait_for(1);
  CHECK(line.status == 200);
  CHECK(line.why == "bad_response");
  CHECK(line.grpc_status == "14");
}

TEST_CASE("OverHttp1ThereAreNoCalls") {
  FakeWorker worker(
      [](GatewayConfig& config) { config.routes[0].rules[0] = {.reply = FixedReply{403, "no"}}; });
  FakeRequest request(worker, kCall);
  CHECK(request.stream.log == "head 403 length, end, complete");
  CHECK(field_of(request.stream.fields, "grpc-status") == "(none)");
  CHECK(worker.log.wait_for(1).grpc_status.empty());
}

TEST_CASE("StatusesAreThoseOfTheConfiguration") {
  struct Row {
    std::uint16_t http;
    const char* grpc;
  };
  static constexpr Row kRows[] = {{401, "16"}, {403, "7"}, {404, "12"}, {429, "14"}, {500, "2"}, {503, "14"}};
  for (const Row& row : kRows) {
    CAPTURE(row.http);
    FakeWorker worker(
        [&](GatewayConfig& config) { config.routes[0].rules[0] = {.reply = FixedReply{row.http, "set"}}; });
    Call call(worker);
    CHECK(call.stream.log == "head 200 none, end, complete");
    CHECK(call.status() == row.grpc);
    CHECK(worker.log.wait_for(1).why == "set");
  }
}

TEST_CASE("ACallWithoutARouteIsUnimplemented") {
  FakeWorker worker([](GatewayConfig& config) { config.routes[0].hosts = {"y"}; });
  Call call(worker);
  CHECK(call.stream.log == "head 200 none, end, complete");
  CHECK(call.status() == "12");
  CHECK(worker.log.wait_for(1).grpc_status == "12");
}

TEST_CASE("OtherRequestsGetTheirStatus") {
  for (const char* type : {"application/json", "application/grpc-web", "application/grpcs"}) {
    CAPTURE(type);
    FakeWorker worker(
        [](GatewayConfig& config) { config.routes[0].rules[0] = {.reply = FixedReply{503, "no"}}; });
    Call call(worker, std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ") + type +
                          "\r\nContent-Length: 0\r\n\r\n");
    CHECK(call.stream.log == "head 503 length, end, complete");
    CHECK(worker.log.wait_for(1).grpc_status.empty());
  }
}

// Answers with a field and a text.
class Refuser final : public Filter {
 public:
  explicit Refuser(std::string type) : type_(std::move(type)) {}
  Verdict on_request(RequestHead&, ExchangeContext&) override {
    Reply reply;
    reply.status = 401;
    reply.content_type = type_;
    reply.headers = {{"www-authenticate", "Bearer"}, {"grpc-status", "0"}, {"grpc-message", "fine"}};
    reply.body = "who are you?\n";
    return Verdict::reply(std::move(reply));
  }

 private:
  std::string type_;
};

TEST_CASE("AFiltersAnswerKeepsItsFieldsAndItsTextIsTheMessage") {
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<Refuser>("text/plain"));
  Call call(worker);
  CHECK(call.stream.log == "head 200 none, end, complete");
  CHECK(call.status() == "16");
  CHECK(field_of(call.stream.fields, "www-authenticate") == "Bearer");
  CHECK(field_of(call.stream.fields, "grpc-message") == "who are you?");
  CHECK(call.stream.fields.find("grpc-status: 0") == std::string::npos);
  CHECK(call.stream.fields.find("fine") == std::string::npos);
  CHECK(field_of(call.stream.fields, "content-type") == "application/grpc");
}

TEST_CASE("AFilterThatSpeaksGrpcItselfIsNotTranslated") {
  FakeWorker worker;
  worker.filters.push_back(std::make_unique<Refuser>("application/grpc"));
  Call call(worker);
  CHECK(call.stream.log == "head 401 length, end, complete");
  CHECK(call.status() == "0");
}

TEST_CASE("TheBackendsStatusIsLogged") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  {
    Call call(worker);
    backend->send(std::string(kOpen) + "5\r\nhello\r\n0\r\ngrpc-status: 5\r\n\r\n");
    CHECK(call.stream.log == "head 200 chunked, end, complete");
    CHECK(call.stream.trailers == "grpc-status: 5\n");
    CHECK(worker.log.wait_for(1).grpc_status == "5");
  }
  Call call(worker);
  backend->send(
      "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 9\r\nContent-Length: 0\r\n\r\n");
  CHECK(call.status() == "9");
  CHECK(worker.log.wait_for(2).grpc_status == "9");
}

TEST_CASE("ADeadlineOfTheClientsEndsTheCallAndIsNotTheBackendsFault") {
  FakeWorker worker(60s);
  const auto backend = worker.add_idle_backend();
  Call call(worker, call_with("grpc-timeout: 2S"));
  CHECK(backend->take_received().find("grpc-timeout: 2S\r\n") != std::string::npos);
  worker.pass(1500ms);
  CHECK(call.stream.log.empty());
  worker.pass(600ms);
  CHECK(call.stream.log == "head 200 none, end, complete");
  CHECK(call.status() == "4");
  const auto line = worker.log.wait_for(1);
  CHECK(line.why == "upstream_timeout");
  CHECK(line.detail == "grpc_timeout");
  CHECK(line.grpc_status == "4");
}

TEST_CASE("OfTwoLimitsTheSmallerCounts") {
  FakeWorker worker(1s);
  const auto backend = worker.add_idle_backend();
  Call call(worker, call_with("grpc-timeout: 1H"));
  // Told what is left of ours.
  const std::string head = backend->take_received();
  const auto told = http::parse_grpc_timeout(field_of(head, "grpc-timeout").substr(0, 5));
  CHECK(head.find("1H") == std::string::npos);
  CHECK((!told || *told <= 1s));
  worker.pass(1100ms);
  CHECK(call.status() == "4");
  CHECK(worker.log.wait_for(1).detail == "request");
}

TEST_CASE("ADeadlineThatIsOverAsksNoBackend") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  Call call(worker, call_with("grpc-timeout: 0n"));
  CHECK(call.stream.log == "head 200 none, end, complete");
  CHECK(call.status() == "4");
  CHECK(backend->num_writes() == 0);
}

TEST_CASE("ADeadlineThatCannotBeReadIsRefused") {
  for (const char* value : {"", "1", "1s", "123456789S", "1S, 2S"}) {
    CAPTURE(value);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    Call call(worker, call_with(std::string("grpc-timeout: ") + value));
    CHECK(call.status() == "13");
    CHECK(worker.log.wait_for(1).detail == "grpc_timeout");
    CHECK(backend->num_writes() == 0);
  }
}

TEST_CASE("OnlyCallsHaveDeadlines") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeRequest request(worker, "GET / HTTP/1.1\r\nHost: x\r\ngrpc-timeout: 0n\r\n\r\n", HttpVersion::kHttp2);
  CHECK(backend->num_writes() == 1);
}

TEST_CASE("AnotherTryIsToldWhatIsLeft") {
  FakeWorker worker([](GatewayConfig& config) {
    config.routes[0].rules[0].retry = RetryPolicy{
        .retry_on = {RetryCondition::kReset}, .methods = RetryMethods::kAny, .backoff = {1ms, 1ms}};
  });
  const auto second = worker.add_idle_backend(), first = worker.add_idle_backend();
  Call call(worker, call_with("grpc-timeout: 7000000u"));
  CHECK(first->take_received().find("grpc-timeout: 7000000u\r\n") != std::string::npos);
  first->break_with();
  worker.pass(300ms);
  const std::string head = second->take_received();
  CAPTURE(head);
  CHECK(head.find("grpc-timeout: ") != std::string::npos);
  CHECK(head.find("7000000u") == std::string::npos);
  CHECK(head.find("m\r\n", head.find("grpc-timeout: ")) != std::string::npos);
}

TEST_CASE("AStreamThatBreaksOffEndsWithAStatus") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  Call call(worker);
  backend->send(std::string(kOpen) + "5\r\nhello\r\n");
  backend->break_with();
  CHECK(call.stream.log == "head 200 chunked, end, complete");
  CHECK(call.stream.body == "hello");
  CHECK(call.stream.trailers == "grpc-status: 14\ngrpc-message: Bad Gateway\n");
  const auto line = worker.log.wait_for(1);
  CHECK(line.why == "response_truncated");
  CHECK(line.grpc_status == "14");
}

TEST_CASE("ADeadlineAmongMessagesIsToldBehindThem") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  Call call(worker, call_with("grpc-timeout: 1S"));
  backend->send(std::string(kOpen) + "5\r\nhello\r\n");
  worker.pass(1100ms);
  CHECK(call.stream.log == "head 200 chunked, end, complete");
  CHECK(field_of(call.stream.trailers, "grpc-status") == "4");
}

TEST_CASE("WhatCannotEndWithAStatusIsCut") {
  struct Row {
    const char* claim;
    HttpVersion version;
    const char* head;
  };
  static constexpr Row kRows[] = {
      {"no call, by HTTP/1.1", HttpVersion::kHttp11, kOpen},
      {"no response of gRPC", HttpVersion::kHttp2,
       "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"a length that was told would not hold", HttpVersion::kHttp2,
       "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 9\r\n\r\n"}};
  for (const Row& row : kRows) {
    CAPTURE(row.claim);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeRequest request(worker, kCall, row.version);
    backend->send(row.head);
    backend->break_with();
    CHECK(request.stream.log.ends_with(", cut"));
    CHECK(request.stream.trailers.empty());
  }
}

}  // namespace
}  // namespace ingress::test
