// What filters can do to an exchange: wait, answer, change and re-frame bodies; and what they cannot break.
#include <doctest/doctest.h>

#include <atomic>
#include <cctype>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

// Waits on a timer before it lets a request go on, or answers it for the path /reply.
class LateFilter final : public Filter {
 public:
  explicit LateFilter(std::atomic<int>* logged) : logged_(logged) {}
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    const bool replies = head.path() == "/reply";
    context.worker().after(std::chrono::milliseconds(20), [replies, resumer = context.suspend()] {
      resumer.resume(replies ? Verdict::reply(403, "late\n") : Verdict::next());
    });
    return Verdict::wait();
  }
  void on_log(const ExchangeRecord&, ExchangeContext&) override { logged_->fetch_add(1); }

 private:
  std::atomic<int>* logged_;
};

class UpperCase final : public Filter {
 public:
  explicit UpperCase(BodyMode mode, std::size_t cap_bytes = 1 << 20) : mode_(mode), cap_bytes_(cap_bytes) {}
  Verdict on_request(RequestHead&, ExchangeContext& context) override {
    context.want_request_body(mode_, cap_bytes_);
    context.want_response_body(mode_, cap_bytes_);
    return Verdict::next();
  }
  Verdict on_request_body(std::string& piece, bool, ExchangeContext&) override { return change(piece); }
  Verdict on_response_body(std::string& piece, bool is_last, ExchangeContext&) override {
    if (is_last) piece += "!";
    return change(piece);
  }

 private:
  static Verdict change(std::string& piece) {
    for (char& c : piece) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return Verdict::next();
  }
  BodyMode mode_;
  std::size_t cap_bytes_;
};

template <typename Make>
ServerOptions with_filter(Make make) {
  return {.make_filters = [make] {
    FilterList list;
    list.push_back(make());
    return list;
  }};
}

// Answers with the request's whole message, so that its framing shows.
void serve_mirror(Socket& socket) {
  for (;;) {
    std::string head = socket.read_until("\r\n\r\n");
    if (head.empty()) return;
    std::string body;
    if (head.find("chunked") != std::string::npos) {
      body = socket.read_until("0\r\n\r\n");
    } else if (const std::size_t at = head.find("Content-Length: "); at != std::string::npos) {
      body = socket.read_bytes(std::strtoull(head.c_str() + at + 16, nullptr, 10));
    }
    const std::string all = head + body;
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(all.size()) + "\r\n\r\n" + all);
  }
}

TEST_CASE("AFilterMayAnswerFromATimerWhileClientsComeAndGo") {
  Backend backend(serve_echo);
  std::atomic<int> logged = 0;
  RunningServer running(one_backend(backend.port()),
                        with_filter([&] { return std::make_unique<LateFilter>(&logged); }));
  int started = 0;
  for (int round = 0; round < 20; ++round) {
    Socket passed = Socket::connect(running.port()), replied = Socket::connect(running.port());
    Socket aborted = Socket::connect(running.port());
    passed.send("POST /pass HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
    replied.send("GET /reply HTTP/1.1\r\nHost: x\r\n\r\n");
    aborted.send("GET /pass HTTP/1.1\r\nHost: x\r\n\r\n");
    if (round % 2 == 0) aborted.reset();
    CHECK(passed.read_message().ends_with("\r\n\r\nok"));
    CHECK(replied.read_message().starts_with("HTTP/1.1 403 "));
    started += 3;
  }
  while (logged < started) std::this_thread::yield();
  CHECK(logged == started);
  for (const WorkerStatus& worker : running.server().status().workers) CHECK(worker.views == 1);
}

TEST_CASE("AStreamingFilterChangesBothBodiesAndSendsThemChunked") {
  Backend backend(serve_mirror);
  RunningServer running(one_backend(backend.port()),
                        with_filter([] { return std::make_unique<UpperCase>(BodyMode::kStream); }));
  Socket client = Socket::connect(running.port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  const std::string head = client.read_until("\r\n\r\n");
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(head.find("Content-Length") == std::string::npos);
  const std::string body = client.read_until("!");
  CHECK(client.read_until("\r\n0\r\n\r\n") == "\r\n0\r\n\r\n");
  CHECK(body.find("TRANSFER-ENCODING: CHUNKED") != std::string::npos);
  CHECK(body.find("HELLO") != std::string::npos);
}

TEST_CASE("AHoldingFilterChangesBothBodiesAndSendsTheirNewLength") {
  Backend backend(serve_mirror);
  RunningServer running(one_backend(backend.port()),
                        with_filter([] { return std::make_unique<UpperCase>(BodyMode::kBuffer); }));
  Socket client = Socket::connect(running.port());
  client.send(
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  const std::string answer = client.read_message();
  CHECK(answer.find("CONTENT-LENGTH: 5\r\n") != std::string::npos);
  CHECK(answer.ends_with("ABCDE!"));
}

TEST_CASE("AHoldingFilterGetsTheBodyOfAClientThatExpectsContinue") {
  Backend backend(serve_mirror);
  RunningServer running(one_backend(backend.port()),
                        with_filter([] { return std::make_unique<UpperCase>(BodyMode::kBuffer); }));
  Socket client = Socket::connect(running.port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
  client.send("hello");
  const std::string answer = client.read_message();
  CHECK(answer.find("EXPECT") == std::string::npos);
  CHECK(answer.ends_with("HELLO!"));
}

TEST_CASE("ABodyBeyondTheCapOfAHoldingFilterIsRefused") {
  Backend backend(serve_mirror);
  RunningServer running(one_backend(backend.port()),
                        with_filter([] { return std::make_unique<UpperCase>(BodyMode::kBuffer, 4); }));
  Socket client = Socket::connect(running.port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(client.read_message().starts_with("HTTP/1.1 413 "));
  Socket other = Socket::connect(running.port());
  other.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");  // the answer is larger than 4 bytes
  CHECK(other.read_message().starts_with("HTTP/1.1 502 "));
}

// Says things at the wrong time.
class RudeFilter final : public Filter {
 public:
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    if (head.path() == "/wait") return Verdict::wait();  // without a resumer
    if (head.path() == "/early") {
      context.suspend().resume(Verdict::next());
      return Verdict::wait();
    }
    head.headers().set("Transfer-Encoding", "chunked");
    head.headers().set("Content-Length", "99");
    head.headers().set("X-Evil", "a\r\nInjected: 1");
    return Verdict::next();
  }
};

TEST_CASE("AFilterCannotBreakFramingNorHangAnExchange") {
  Backend backend(serve_mirror);
  RunningServer running(one_backend(backend.port()),
                        with_filter([] { return std::make_unique<RudeFilter>(); }));
  Socket client = Socket::connect(running.port());
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 500 "));
  client.send("GET /early HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
  client.send("GET /frame HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string seen = client.read_message();
  CHECK(seen.find("chunked") == std::string::npos);
  CHECK(seen.find("Content-Length: 99") == std::string::npos);
  CHECK(seen.find("\nInjected") == std::string::npos);
}

}  // namespace
}  // namespace ingress::test
