// Which responders are asked, what they are sent, and what becomes of their answers.
#include "upstream/ocsp_fetch.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>

#include "net/dns_server.h"

namespace ingress::upstream {
namespace {

using namespace std::chrono_literals;
using test::DnsServer;
using test::LoopFixture;
using test::RawSocket;

constexpr const char* kName = "ocsp.ingress.test";

struct Bench {
  LoopFixture fixture;
  DnsServer dns{fixture};
  std::unique_ptr<net::Resolver> resolver =
      net::Resolver::create(fixture.loop(), {.servers = dns.servers()}).value();
  test::Server responder{fixture};
  std::string answer;  // to whoever connects, once a request is complete
  std::string request;

  Bench() {
    dns.records[kName] = {{"127.0.0.1"}};
    responder.on_accept = [this] {
      test::Recorder& conn = *responder.accepted.back();
      conn.on_event = [this, &conn] {
        if (!conn.received.ends_with("question") || !request.empty()) return;
        request = conn.received;
        conn.write(answer, fixture.loop().buffers());
      };
      conn.start();
    };
  }
  std::string url(const std::string& rest = "/") const {
    return "http://" + std::string(kName) + ':' + std::to_string(responder.port) + rest;
  }
  std::expected<std::string, Error> ask(const std::string& url_text,
                                        ResponderAddresses allowed = ResponderAddresses::kAny,
                                        std::chrono::milliseconds limit = 20s) {
    request.clear();
    std::optional<std::expected<std::string, Error>> result;
    std::unique_ptr<OcspFetch> fetch;
    fetch = std::make_unique<OcspFetch>(
        fixture.loop(), *resolver, allowed, OcspQuestion{.url = url_text, .request = "question"},
        [&](std::expected<std::string, Error> response) {
          CHECK_FALSE(result);
          result = std::move(response);
          fetch.reset();
        },
        limit);
    CHECK_FALSE(result);
    fixture.run_until([&] { return result.has_value(); });
    fixture.run_turns();
    return *result;
  }
  ErrorCode refusal(const std::string& url_text, ResponderAddresses allowed = ResponderAddresses::kAny) {
    return ask(url_text, allowed).error().code;
  }
};

std::string with_length(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_CASE("AsksByPostAndHandsOnTheBody") {
  Bench bench;
  bench.answer = with_length("answer");
  CHECK(bench.ask(bench.url("/a/b?c")) == "answer");
  CHECK(bench.request.starts_with("POST /a/b?c HTTP/1.1\r\n"));
  const std::string host =
      "\r\nHost: " + std::string(kName) + ':' + std::to_string(bench.responder.port) + "\r\n";
  CHECK(bench.request.find(host) != std::string::npos);
  CHECK(bench.request.find("Content-Type: application/ocsp-request\r\n") != std::string::npos);
  CHECK(bench.request.ends_with("Content-Length: 8\r\n\r\nquestion"));
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"}) {
    bench.answer = answer;
    CHECK(bench.ask(bench.url("")) == "answer");
    CHECK(bench.request.starts_with("POST / HTTP/1.1\r\n"));
  }
}

TEST_CASE("AddressesThatAreNotPublicAreNotConnectedTo") {
  Bench bench;
  for (const std::string address : {"127.0.0.1", "10.0.0.1", "192.168.0.1", "169.254.169.254", "::1",
                                    "fd00::1", "::ffff:127.0.0.1", "0.0.0.0", "224.0.0.1"}) {
    CAPTURE(address);
    const std::string name = "n" + std::to_string(bench.dns.records.size()) + ".ingress.test";
    bench.dns.records[name] = {{address}};
    const std::string port = std::to_string(bench.responder.port);
    CHECK(bench.refusal("http://" + name + ':' + port + "/", ResponderAddresses::kPublic) ==
          ErrorCode::kAddressRefused);
    const bool is_v6 = address.find(':') != std::string::npos;
    const std::string literal = is_v6 ? '[' + address + ']' : address;
    CHECK(bench.refusal("http://" + literal + ':' + port + "/", ResponderAddresses::kPublic) ==
          ErrorCode::kAddressRefused);
  }
  CHECK(bench.refusal("http://localhost:" + std::to_string(bench.responder.port),
                      ResponderAddresses::kPublic) == ErrorCode::kAddressRefused);
  CHECK(bench.responder.accepted.empty());
}

TEST_CASE("OnlyHttpOnPortsWhereRespondersAreIsAsked") {
  Bench bench;
  for (const char* url : {"https://a.test/",
                          "ftp://a.test/",
                          "http:/a.test/",
                          "http://",
                          "http:///a",
                          "http://u@a.test/",
                          "http://a.test:22/",
                          "http://a.test:443/",
                          "http://a.test:1023/",
                          "http://a.test:0/",
                          "http://a.test:65536/",
                          "http://a.test:x/",
                          "http://a.test/#b",
                          "http://a.test/ b",
                          "http://a.test/\r\nX: y",
                          "http://a_b.test/",
                          "http://-a.test/",
                          "http://a.test./",
                          "http://[::1/",
                          "http://[fe80::1%25eth0]/",
                          "http://\xc3\xa4.test/"}) {
    CAPTURE(url);
    CHECK(bench.refusal(url) == ErrorCode::kInvalidArgument);
  }
  const auto good = parse_responder_url("HTTP://OCSP.Example:8080?x/y");
  REQUIRE(good);
  CHECK(good->host == "ocsp.example");
  CHECK(good->authority == "ocsp.example:8080");
  CHECK(good->port == 8080);
  CHECK(good->path == "/");
  CHECK(good->query == "x/y");
  CHECK(parse_responder_url("http://[2001:DB8::1]/a")->host == "2001:db8::1");
  CHECK(parse_responder_url("http://a.test")->port == 80);
  CHECK(parse_responder_url("http://a.test:80/")->port == 80);
}

TEST_CASE("AnythingButAShortAnswerOf200IsAnError") {
  Bench bench;
  struct Row {
    std::string answer;
    ErrorCode expected;
  };
  for (const Row& row :
       {Row{with_length("moved", "302 Found\r\nLocation: http://127.0.0.1/"), ErrorCode::kBadResponse},
        Row{with_length("none", "500 Error"), ErrorCode::kBadResponse},
        Row{"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", ErrorCode::kTooLarge},
        Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(0x10001, 'x'),
            ErrorCode::kTooLarge},
        Row{"nonsense\r\n\r\n", ErrorCode::kBadResponse}}) {
    CAPTURE(row.answer.substr(0, 80));
    bench.answer = row.answer;
    CHECK(bench.refusal(bench.url()) == row.expected);
  }
  bench.answer = with_length(std::string(65'536, 'x'));
  CHECK(bench.ask(bench.url())->size() == 65'536);
}

TEST_CASE("OneThatIsNotThereOrSaysNothingIsGivenUp") {
  Bench bench;
  CHECK(bench.refusal("http://nobody.ingress.test/") == ErrorCode::kResolveFailed);
  const auto gone = std::make_unique<RawSocket>(RawSocket::listen_on("127.0.0.1"));
  const std::string port = std::to_string(gone->port());
  gone->close();
  CHECK(bench.refusal("http://127.0.0.1:" + port + "/") == ErrorCode::kConnectFailed);
  bench.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
  CHECK(bench.ask(bench.url(), ResponderAddresses::kAny, 50ms).error().code == ErrorCode::kTimeout);
}

TEST_CASE("AQuestionThatIsGivenUpCallsNobody") {
  Bench bench;
  bench.answer = with_length("answer");
  const auto ask = [&] {
    return std::make_unique<OcspFetch>(bench.fixture.loop(), *bench.resolver, ResponderAddresses::kAny,
                                       OcspQuestion{.url = bench.url(), .request = "question"},
                                       [](const auto&) { FAIL("called"); });
  };
  ask().reset();  // at once
  auto resolving = ask();
  bench.fixture.run_until([&] { return bench.dns.num_queries > 0; });
  resolving.reset();
  auto asking = ask();
  bench.fixture.run_until([&] { return !bench.responder.accepted.empty(); });
  asking.reset();
  bench.fixture.run_turns();
}

}  // namespace
}  // namespace ingress::upstream
