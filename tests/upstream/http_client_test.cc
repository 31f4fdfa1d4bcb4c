// Requests of the public client to real servers: kept connections, streams, what fails, who is destroyed
// when.
#include "ingress/client.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "upstream/http_client_fixture.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("RequestsGoOutAsTheyAreAndShareAConnection") {
  Counting counting;
  ClientBench bench(service_at(counting.backend.port()), "api.example:6443");
  CHECK(bench.get({.target = "/a/b%20c?d=e&f", .fields = {{"Accept", "text/plain"}, {"X-A", "1"}}}).text ==
        "200+1.1|end");
  CHECK(bench.get({.method = "PATCH", .fields = {{"Content-Type", "text/x"}}, .body = "four"}).text ==
        "200+1.2|end");
  CHECK(bench.get({.method = "HEAD"}).text == "200+|end");
  REQUIRE(counting.requests.size() == 3);
  CHECK(counting.requests[0] ==
        "GET /a/b%20c?d=e&f HTTP/1.1\r\nHost: api.example:6443\r\nAccept: text/plain\r\nX-A: 1\r\n\r\n");
  CHECK(
      counting.requests[1] ==
      "PATCH / HTTP/1.1\r\nHost: api.example:6443\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nfour");
}

TEST_CASE("TheAuthorityIsTheFirstEndpointsWhenNoneIsGiven") {
  Counting counting;
  ClientBench bench(service_at(counting.backend.port()));
  bench.get();
  CHECK(counting.requests.at(0).find("Host: 127.0.0.1:" + std::to_string(counting.backend.port()) + "\r\n") !=
        std::string::npos);
}

TEST_CASE("WhatCannotBeWrittenIsNotSent") {
  Counting counting;
  ClientBench bench(service_at(counting.backend.port()));
  for (const ClientRequest& request :
       std::vector<ClientRequest>{{.method = ""},
                                  {.method = "G T"},
                                  {.method = "CONNECT"},
                                  {.target = ""},
                                  {.target = "a"},
                                  {.target = "/a b"},
                                  {.target = "/a#b"},
                                  {.target = "/\r\n"},
                                  {.target = "/\xc3\xa4"},
                                  {.fields = {{"", "x"}}},
                                  {.fields = {{"A:", "x"}}},
                                  {.fields = {{"A", "x\r\nB: y"}}},
                                  {.fields = {{"Host", "x"}}},
                                  {.fields = {{"content-length", "0"}}},
                                  {.fields = {{"Connection", "close"}}},
                                  {.fields = {{"Transfer-Encoding", "chunked"}}},
                                  {.fields = {{"Upgrade", "h2c"}}}}) {
    CAPTURE(request.method);
    CAPTURE(request.target);
    CHECK(bench.get(request).text == "failed invalid_argument");
  }
  CHECK(counting.num_connections == 0);
}

TEST_CASE("AServiceThatIsNoneIsRefused") {
  const auto loop = Loop::create().value();
  const auto refusal = [&](const Cluster& service, const std::string& authority = {}) {
    const auto made = Client::create(*loop, service, authority);
    CHECK_FALSE(made);
    return made ? "" : std::string(to_string(made.error().code)) + " " + made.error().detail;
  };
  CHECK(refusal({.name = "a"}).starts_with("invalid_argument service.endpoints"));
  CHECK(refusal({.endpoints = {{"127.0.0.1", 0}}}).starts_with("invalid_argument service.endpoints[0].port"));
  CHECK(refusal(service_at(1), "a b").starts_with("invalid_argument authority"));
  Cluster broken = service_at(1);
  broken.tls = BackendTls{.ca_bundle = "no certificate"};
  CHECK(refusal(broken).starts_with("invalid_argument ca_bundle"));
}

TEST_CASE("PiecesOfABodyComeAsTheyAreSent") {
  std::promise<void> first_read, second_read;
  Backend backend([&](Socket& socket) {
    socket.read_message();
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4\r\none\n\r\n");
    first_read.get_future().wait();
    socket.send("4\r\ntwo\n\r\n");
    second_read.get_future().wait();
    socket.send("0\r\n\r\n");
    socket.read_message();
  });
  ClientBench bench(service_at(backend.port()));
  Answer& watch = bench.ask();
  bench.run_until([&] { return watch.text == "200+one\n"; });
  CHECK(watch.fields == std::vector<ClientField>{{"Transfer-Encoding", "chunked"}, {"X-A", "b"}});
  first_read.set_value();
  bench.run_until([&] { return watch.text == "200+one\ntwo\n"; });
  second_read.set_value();
  bench.run_until([&] { return watch.is_over; });
  CHECK(watch.text == "200+one\ntwo\n|end");
}

TEST_CASE("AnAnswerThatIsCutIsAnError") {
  for (const bool is_reset : {false, true}) {
    std::promise<void> read;
    Backend backend([&](Socket& socket) {
      socket.read_message();
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour");
      read.get_future().wait();
      if (is_reset) socket.reset();
      socket.close();
    });
    ClientBench bench(service_at(backend.port()));
    Answer& answer = bench.ask();
    answer.at_body = [&] { read.set_value(); };
    bench.run_until([&] { return answer.is_over; });
    CHECK(answer.text == "200+fourfailed response_truncated");
    CHECK(answer.error->retry == RetrySafety::kNotSafe);
  }
}

TEST_CASE("WhoBreaksTheProtocolOrItsLimitsIsABadResponse") {
  for (const std::string& answer :
       {std::string("nonsense\r\n\r\n"), "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n",
        std::string("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n" +
            [] {
              std::string fields;
              for (int i = 0; i < 201; ++i) fields += "A: b\r\n";
              return fields;
            }() +
            "\r\n"}) {
    Backend backend([&](Socket& socket) {
      socket.read_message();
      socket.send(answer);
      socket.read_to_end();
    });
    ClientBench bench(service_at(backend.port()));
    CHECK(bench.get().text == "failed bad_response");
  }
}

TEST_CASE("TimeLimitsAreThoseOfTheRequestAlone") {
  std::promise<void> asked;
  Backend backend([&](Socket& socket) {
    socket.read_message();
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    socket.read_to_end();
  });
  Backend silent([&](Socket& socket) {
    socket.read_message();
    asked.set_value();
    socket.read_to_end();
  });
  SUBCASE("a watch lives for hours") {
    ClientBench bench(service_at(backend.port()));
    Answer& watch = bench.ask({.body_idle_timeout = 0ms});
    bench.run_until([&] { return watch.text == "200+a"; });
    bench.pass(5h);
    bench.turns();
    CHECK_FALSE(watch.is_over);
  }
  SUBCASE("silence in the body") {
    ClientBench bench(service_at(backend.port()));
    Answer& watch = bench.ask({.body_idle_timeout = 40s});
    bench.run_until([&] { return watch.text == "200+a"; });
    bench.pass(39s);
    CHECK_FALSE(watch.is_over);
    bench.pass(41s);
    CHECK(watch.text == "200+afailed timeout");
  }
  SUBCASE("paused time does not count") {
    ClientBench bench(service_at(backend.port()));
    Answer& watch = bench.ask();
    watch.at_body = [&] { watch.call->pause(); };
    bench.run_until([&] { return watch.text == "200+a"; });
    bench.pass(5h);
    bench.turns();
    CHECK_FALSE(watch.is_over);
  }
  SUBCASE("no head") {
    ClientBench bench(service_at(silent.port()));
    Answer& answer = bench.ask();
    auto was_asked = asked.get_future();
    bench.run_until([&] { return was_asked.wait_for(0s) == std::future_status::ready; });
    bench.pass(29s);
    CHECK_FALSE(answer.is_over);
    bench.pass(31s);
    CHECK(answer.text == "failed timeout");
    CHECK(answer.error->retry == RetrySafety::kIfIdempotent);
  }
  SUBCASE("no connection") {
    ClientBench bench(service_at(silent.port()));
    Answer& answer = bench.ask({.head_timeout = 3s});  // less than for connecting
    bench.pass(4s);
    CHECK(answer.text == "failed timeout");
    CHECK(answer.error->retry == RetrySafety::kSafe);
  }
}

TEST_CASE("PausedNothingIsToldAndNothingIsLost") {
  const std::string many(300'000, 'm');
  std::atomic<bool> is_sent = false;
  Backend backend([&](Socket& socket) {
    while (true) {
      const std::string request = socket.read_message();
      if (request.empty()) return;
      if (request.starts_with("GET /many ")) {
        socket.send(with_length(many));
      } else {
        socket.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
        is_sent = true;
      }
    }
  });
  ClientBench bench(service_at(backend.port()));
  Answer& answer = bench.ask();
  answer.call->pause();
  bench.run_until([&] { return !answer.text.empty() && is_sent; });
  bench.turns();
  CHECK(answer.text == "200+");
  answer.at_body = [&] { answer.call->pause(); };  // and once for each piece
  for (int i = 0; i < 10 && !answer.is_over; ++i) {
    const std::string before = answer.text;
    answer.call->resume();
    CHECK(answer.text == before);
    bench.run_until([&] { return answer.text != before; });
    bench.turns();
  }
  CHECK(answer.text == "200+abc|end");
  // Paused or not, a large body is whole.
  Answer& large = bench.ask({.target = "/many"});
  large.at_body = [&] {
    large.call->pause();
    bench.loop->post([&] { large.call->resume(); });
  };
  bench.run_until([&] { return large.is_over; });
  CHECK(large.text == "200+" + many + "|end");
  CHECK(large.num_pieces > 1);
}

TEST_CASE("AConnectionThatTheServerHasClosedIsNotUsedAgain") {
  std::atomic<int> num_connections = 0, num_closed = 0;
  Backend backend([&](Socket& socket) {
    ++num_connections;
    socket.read_message();
    socket.send(with_length("x"));
    socket.close();
    ++num_closed;
  });
  ClientBench bench(service_at(backend.port()));
  for (int i = 1; i <= 3; ++i) {
    CHECK(bench.get().text == "200+x|end");
    bench.run_until([&] { return num_closed == i; });
    bench.turns();  // the end is seen
  }
  CHECK(num_connections == 3);
}

TEST_CASE("ARequestThatMayHaveBeenDeliveredIsNotSentTwice") {
  std::atomic<int> num_requests = 0;
  Backend backend([&](Socket& socket) {
    if (socket.read_message().empty()) return;
    ++num_requests;
    socket.send(with_length("x"));
    if (!socket.read_message().empty()) ++num_requests;  // and goes without a word
  });
  ClientBench bench(service_at(backend.port()));
  CHECK(bench.get().text == "200+x|end");
  Answer& lost = bench.get();
  CHECK(lost.text == "failed upstream_reset");
  CHECK(lost.error->retry == RetrySafety::kIfIdempotent);
  CHECK(num_requests == 2);
}

TEST_CASE("EndpointsAreTriedInTurnFromTheOneThatWorkedLast") {
  Counting counting;
  std::uint16_t closed = 0;
  {
    ListeningSocket gone;
    closed = gone.port();
  }
  Cluster service = service_at(closed);
  service.endpoints.push_back({"127.0.0.1", counting.backend.port()});
  {
    ClientBench bench(service);
    CHECK(bench.get().text == "200+1.1|end");
    CHECK(bench.get().text == "200+1.2|end");
  }
  service.endpoints.pop_back();
  ClientBench bench(service);
  Answer& answer = bench.get();
  CHECK(answer.text == "failed connect_failed");
  CHECK(answer.error->retry == RetrySafety::kSafe);
}

TEST_CASE("ACallThatIsGivenUpBeforeAnythingCameTellsNobody") {
  Counting counting;
  ClientBench bench(service_at(counting.backend.port()));
  Answer& at_once = bench.ask();
  at_once.call.reset();
  Answer& bad = bench.ask({.target = "x"});
  bad.call.reset();
  bench.turns();
  CHECK(at_once.text.empty());
  CHECK(bad.text.empty());
  CHECK(bench.get().text.ends_with("|end"));
}

TEST_CASE("TheNextRequestMayBeSentFromInsideAnEvent") {
  Counting counting;
  ClientBench bench(service_at(counting.backend.port()));
  Answer& first = bench.ask();
  Answer second;
  first.at_end = [&] { second.call = bench.client->send({}, second); };
  bench.run_until([&] { return second.is_over; });
  CHECK(second.text == "200+1.2|end");
  CHECK(counting.num_connections == 1);
}

}  // namespace
}  // namespace ingress::test
