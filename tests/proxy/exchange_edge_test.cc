// Unusual but legal exchanges, byte for byte over real sockets, and backends that break the rules.
#include <doctest/doctest.h>

#include <atomic>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

// A backend that answers every head with the same bytes, without looking at bodies.
std::function<void(Socket&)> says(std::string answer, bool ends = false) {
  return [answer = std::move(answer), ends](Socket& socket) {
    while (!socket.read_until("\r\n\r\n").empty()) {
      socket.send(answer);
      if (ends) return;
    }
  };
}

std::string body_of(const std::string& message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

struct Row {
  const char* name;
  const char* request;
  const char* answer;
  const char* start;  // of what the client gets
  const char* field;  // in its head
  const char* body;
};

TEST_CASE("WhatBackendsSayIsFramedForTheClientAtHand") {
  constexpr const char* kChunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
  constexpr const char* kHints =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  const Row rows[] = {
      {"chunked", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", kChunked, "HTTP/1.1 200 ",
       "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"},
      {"chunked for 1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", kChunked, "HTTP/1.1 200 ",
       "Connection: close\r\n", "abc"},
      {"until close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nabc",
       "HTTP/1.1 200 ", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"},
      {"hints", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", kHints,
       "HTTP/1.1 103 Early Hints\r\n", "Link: </a>\r\n", nullptr},
      {"hints for 1.0", "GET / HTTP/1.0\r\n\r\n", kHints, "HTTP/1.1 200 ", "Content-Length: 1\r\n", "x"},
      {"101 unasked", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 502 ", "Connection: close\r\n",
       nullptr},
      {"204", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
       "HTTP/1.1 204 ", "Connection: close\r\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    Backend backend(says(row.answer, true));
    RunningServer running(one_backend(backend.port()));
    Socket client = Socket::connect(running.port());
    client.send(row.request);
    const std::string got = client.read_to_end();
    CHECK(got.starts_with(row.start));
    CHECK(got.substr(0, got.find("\r\n\r\n") + 2).find(row.field) != std::string::npos);
    if (row.body != nullptr) CHECK(body_of(got) == row.body);
  }
}

TEST_CASE("AnExpectingClientHearsWhatTheBackendSays") {
  Backend backend([](Socket& socket) {
    for (;;) {
      const std::string head = socket.read_until("\r\n\r\n");
      if (head.empty()) return;
      if (head.starts_with("POST /no")) {
        socket.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      socket.send("HTTP/1.1 100 Continue\r\n\r\n");
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + socket.read_bytes(5));
    }
  });
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  for (int round = 0; round < 2; ++round) {
    client.send("POST /yes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
    client.send("hello");
    CHECK(body_of(client.read_message()) == "hello");
  }
  client.send("POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const std::string refused = client.read_message();
  CHECK(refused.starts_with("HTTP/1.1 417 "));
  CHECK(refused.find("Connection: close\r\n") != std::string::npos);
  client.send(kGet);  // what it takes for the body, or not: nothing is interpreted
  CHECK(client.is_ended());
}

// RFC 9110 10.1.1: where we do not heed an expectation, a backend must not get to heed it either.
TEST_CASE("OnlyAnExpectationThatWeHeedGoesToTheBackend") {
  const struct {
    const char* request;
    bool is_forwarded;
  } rows[] = {
      {"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", true},
      {"PUT / HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", false},
      {"PUT / HTTP/1.0\r\nHost: x\r\nExpect: 100-kontinue\r\nContent-Length: 2\r\n\r\nhi", false},
      {"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", false},
  };
  Backend backend([](Socket& socket) {
    std::string head;
    while (!(head = socket.read_until("\r\n\r\n")).empty()) {
      if (head.find("Content-Length: 2\r\n") != std::string::npos) socket.read_bytes(2);
      const bool is_forwarded = head.find("\r\nExpect: ") != std::string::npos;
      socket.send(std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n") + (is_forwarded ? "y" : "n"));
    }
  });
  RunningServer running(one_backend(backend.port()));
  for (const auto& row : rows) {
    CAPTURE(std::string(row.request));
    Socket client = Socket::connect(running.port());
    client.send(row.request);
    CHECK(body_of(client.read_message()) == (row.is_forwarded ? "y" : "n"));
  }
}

TEST_CASE("HeadersOfAHeadAnswerPromiseNothingToTheNextRequest") {
  Backend backend([](Socket& socket) {
    for (;;) {
      const std::string head = socket.read_until("\r\n\r\n");
      if (head.empty()) return;
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
      if (!head.starts_with("HEAD")) socket.send("get");
    }
  });
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet));
  CHECK(client.read_until("\r\n\r\n").find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(body_of(client.read_message()) == "get");
}

// Response queue poisoning: the second answer would be the next client's.
TEST_CASE("AnAnswerThatNobodyAskedForReachesNobody") {
  std::atomic<int> num_served = 0;
  Backend backend([&](Socket& socket) {
    while (!socket.read_until("\r\n\r\n").empty()) {
      const std::string number = std::to_string(num_served.fetch_add(1));
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number +
                  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    }
  });
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  for (int i = 0; i < 5; ++i) {
    client.send(kGet);
    CHECK(body_of(client.read_message()) == std::to_string(i));
  }
}

TEST_CASE("ABrokenBodyNeverLooksWhole") {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    CAPTURE(std::string(answer));
    Backend backend(says(answer, true));
    RunningServer running(one_backend(backend.port()));
    Socket client = Socket::connect(running.port());
    client.send(kGet);
    const std::string got = client.read_to_end();
    CHECK(got.find("\r\n0\r\n") == std::string::npos);
    CHECK(body_of(got).size() < 10);
    const auto line = running.log().wait_for(1);
    CHECK(line.status == 200);
    CHECK(!line.why.empty());
  }
}

TEST_CASE("ARequestThatMayHaveHappenedIsNotSentTwice") {
  std::atomic<int> num_seen = 0;
  Backend backend([&](Socket& socket) {
    if (!socket.read_until("\r\n\r\n").empty()) ++num_seen;
  });
  RunningServer running(one_backend(backend.port()));
  for (const char* request : {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", kGet}) {
    Socket client = Socket::connect(running.port());
    num_seen = 0;
    client.send(request);
    CHECK(client.read_message().starts_with("HTTP/1.1 502 "));
    CHECK(num_seen == 1);
  }
}

TEST_CASE("AClientThatEndedItsHalfGetsItsAnswers") {
  Backend backend(serve_echo);
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  client.send(std::string(kGet) + "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nend");
  client.end_sending();
  const std::string got = client.read_to_end();
  CHECK(got.find("X-Seen: GET /a ") != std::string::npos);
  CHECK(got.ends_with("\r\n\r\nend"));
}

// Both directions are larger than all buffers on the way, and both peers are slow in turn.
TEST_CASE("LargeBodiesPassWholeWhileBothSidesPause") {
  Backend backend(serve_echo);
  RunningServer running(one_backend(backend.port()));
  std::string body;
  for (int i = 0; body.size() < 12'000'000; ++i) body += std::to_string(i) + ",";
  Socket client = Socket::connect(running.port());
  const std::string head =
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    client.send(head);
    client.send(body);
    CHECK(body_of(client.read_message()) == body);
  }
}

}  // namespace
}  // namespace ingress::test
