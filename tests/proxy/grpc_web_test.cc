// gRPC-Web through an exchange, against fake backends that speak gRPC.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc+proto\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6\r\n\0\0\0\0\1a\r\n"
    "0\r\ngrpc-status: 0\r\nX-Sum: 1\r\n\r\n"sv;
constexpr std::string_view kBinary = "\0\0\0\0\1a\x80\0\0\0\x1agrpc-status: 0\r\nx-sum: 1\r\n"sv;

struct Web : FakeWorker {
  explicit Web(GrpcWeb wanted = GrpcWeb::kTranslate)
      : FakeWorker([wanted](GatewayConfig& config) { config.routes[0].rules[0].grpc_web = wanted; }) {}
  std::shared_ptr<FakePeer> backend = add_idle_backend();
};

std::string call(const std::string& type, const std::string& body, const std::string& more = "") {
  return "POST /a.B/C HTTP/1.1\r\nHost: x\r\nX-Grpc-Web: 1\r\nContent-Type: " + type + "\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string plain_of(const std::string& text) {
  http::Base64Decoder decoder;
  base::BufferPool pool;
  base::Chain out;
  CHECK(decoder.feed(text, out, pool));
  CHECK(decoder.is_complete());
  return out.to_string();
}

TEST_CASE("ABinaryCallIsOneOfGrpcForTheBackend") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web+proto", std::string("\0\0\0\0\1q", 6)));
  const std::string got = proxy.backend->take_received();
  CAPTURE(got);
  CHECK(got.find("content-type: application/grpc+proto\r\n") != std::string::npos);
  CHECK(got.find("grpc-web") == std::string::npos);
  CHECK(got.find("Grpc-Web") == std::string::npos);
  CHECK(got.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(got.ends_with("\r\n\r\n\0\0\0\0\1q"sv));
  proxy.backend->send(kAnswer);
  CHECK(request.stream.log == "head 200 chunked, end, complete");
  CHECK(request.stream.fields.find("content-type: application/grpc-web+proto\n") != std::string::npos);
  CHECK(request.stream.body == kBinary);
  CHECK(request.stream.trailers.empty());
  CHECK(proxy.log.wait_for(1).grpc_status == "0");
}

TEST_CASE("ATextCallIsDecodedCutAnywhereAndItsAnswerEncoded") {
  const std::string body = "AAAAAAFx";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    CAPTURE(cut);
    Web proxy;
    std::string text = call("application/grpc-web-text", body);
    const std::string rest = text.substr(text.size() - body.size() + cut);
    text.resize(text.size() - rest.size());
    FakeRequest request(proxy, text);
    if (!rest.empty()) request.read(rest);
    const std::string got = proxy.backend->take_received();
    CAPTURE(got);
    CHECK(got.find("content-type: application/grpc\r\n") != std::string::npos);
    CHECK(got.find("Content-Length") == std::string::npos);
    CHECK(got.ends_with("0\r\n\r\n"));
    proxy.backend->send(kAnswer);
    CHECK(request.stream.log == "head 200 chunked, end, complete");
    CHECK(request.stream.fields.find("content-type: application/grpc-web-text+proto\n") != std::string::npos);
    CHECK(plain_of(request.stream.body) == kBinary);
  }
}

TEST_CASE("EachMessageOfATextAnswerIsReadableWhenItComes") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web-text", "AAAAAAFx"));
  proxy.backend->send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\n\0\0\0\0\1a\r\n"sv);
  CHECK(plain_of(request.stream.body) == "\0\0\0\0\1a"sv);
  request.stream.body.clear();
  proxy.backend->send("7\r\n\0\0\0\0\2bc\r\n"sv);
  CHECK(plain_of(request.stream.body) == "\0\0\0\0\2bc"sv);
}

TEST_CASE("WhatTheClientAcceptsDecidesTheFormOfTheAnswer") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web", "", "Accept: application/grpc-web-text\r\n"));
  CHECK(proxy.backend->take_received().find("ccept") == std::string::npos);
  proxy.backend->send(kAnswer);
  CHECK(plain_of(request.stream.body) == kBinary);
}

TEST_CASE("TextThatIsNoBase64IsRefused") {
  for (const char* body : {"AAAAAAF", "AAAA!AFx", "AA=A"}) {
    CAPTURE(body);
    Web proxy;
    FakeRequest request(proxy, call("application/grpc-web-text", body));
    CHECK(request.stream.log == "head 200 length, end, complete");
    CHECK(request.stream.fields.find("grpc-status: 13\n") != std::string::npos);
    CHECK(proxy.log.wait_for(1).detail == "grpc_web_base64");
  }
}

TEST_CASE("AStatusInTheHeadStaysThere") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web", ""));
  proxy.backend->send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\ngrpc-status: 5\r\nContent-Length: 0\r\n\r\n");
  CHECK(request.stream.log == "head 200 length, end, complete");
  CHECK(request.stream.length == 0);
  CHECK(request.stream.fields.find("grpc-status: 5\n") != std::string::npos);
  CHECK(request.stream.fields.find("content-type: application/grpc-web\n") != std::string::npos);
  CHECK(request.stream.body.empty());
}

TEST_CASE("ABodyBehindAStatusInTheHeadIsTextAllTheSame") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web-text", ""));
  proxy.backend->send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\ngrpc-status: 5\r\nContent-Length: 7\r\n\r\n\0\0\0\0\2bc"sv);
  CHECK(request.stream.log == "head 200 chunked, end, complete");
  CHECK(request.stream.fields.find("grpc-status: 5\n") != std::string::npos);
  CHECK(plain_of(request.stream.body) == "\0\0\0\0\2bc"sv);
}

TEST_CASE("OurOwnAnswersAreOfGrpcWebToo") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web-text", ""));
  proxy.backend->send("HTTP/1.1 nonsense\r\n\r\n");
  CHECK(request.stream.log == "head 200 length, end, complete");
  CHECK(request.stream.fields.find("content-type: application/grpc-web-text\n") != std::string::npos);
  CHECK(request.stream.fields.find("grpc-status: 14\n") != std::string::npos);
}

TEST_CASE("AnAnswerThatIsNotOfGrpcPassesAsItIs") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web-text", ""));
  proxy.backend->send("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\nno!");
  CHECK(request.stream.log == "head 404 length, end, complete");
  CHECK(request.stream.body == "no!");
}

TEST_CASE("ABrokenStreamIsCut") {
  Web proxy;
  FakeRequest request(proxy, call("application/grpc-web", ""));
  proxy.backend->send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\n\0\0\0\0\2a\r\n"sv);
  proxy.backend->break_with();
  CHECK(request.stream.log == "head 200 chunked, cut");
  CHECK(request.stream.body == "\0\0\0\0\2a"sv);
}

TEST_CASE("WithoutTheRulesWishNothingIsTranslated") {
  for (const bool is_post : {true, false}) {
    CAPTURE(is_post);
    Web proxy(is_post ? GrpcWeb::kPass : GrpcWeb::kTranslate);
    std::string text = call("application/grpc-web-text", "AAAAAAFx");
    if (!is_post) text.replace(0, 4, "PUT");
    FakeRequest request(proxy, text);
    const std::string got = proxy.backend->take_received();
    CHECK(got.find("Content-Type: application/grpc-web-text\r\n") != std::string::npos);
    CHECK(got.ends_with("AAAAAAFx"));
    proxy.backend->send(kAnswer);
    CHECK(request.stream.body == "\0\0\0\0\1a"sv);
  }
}

TEST_CASE("TheNextRequestOfAnExchangeIsItsOwn") {
  Web proxy;
  {
    FakeRequest request(proxy, call("application/grpc-web-text", "AAAA!"));
  }
  proxy.backend = proxy.add_idle_backend();
  FakeRequest request(proxy, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n!!");
  CHECK(proxy.backend->take_received().ends_with("\r\n\r\n!!"));
  proxy.backend->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(request.stream.body == "ok");
  CHECK(proxy.log.wait_for(2).grpc_status.empty());
}

}  // namespace
}  // namespace ingress::test
