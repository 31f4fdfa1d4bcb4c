// Responses of backends, good and bad, whole and cut at every byte.
#include "upstream/h1_client_conn.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <vector>

#include "support/fake_transport.h"

namespace ingress::upstream {
namespace {

class Recorder final : public UpstreamEvents {
 public:
  void on_response_interim(ResponseHead& head) override {
    log += "interim " + std::to_string(head.status()) + ";";
  }
  void on_response_head(ResponseHead& head, http::BodyFraming) override {
    log += "head " + std::to_string(head.status()) + ";";
  }
  void on_response_body(base::Chain&& piece) override { body += piece.to_string(); }
  void on_response_end(const Headers& trailers) override {
    log += "end" + (trailers.is_empty() ? std::string() : "+" + std::to_string(trailers.size())) + ";";
    is_reusable_at_end = conn->is_reusable();
  }
  void on_response_read_done() override {}
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override {
    log += "failed " + std::string(to_string(error.code)) + ";";
  }

  H1ClientConn* conn = nullptr;
  bool is_reusable_at_end = false;
  std::string log, body;
};

struct Row {
  const char* name;
  const char* method;
  std::string bytes;
  bool ends;  // the backend closes afterwards
  const char* log;
  const char* body;
  bool is_reusable;
};

const std::string kOk = "HTTP/1.1 200 OK\r\n";

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"length", "GET", kOk + "Content-Length: 3\r\n\r\nabc", false, "head 200;end;", "abc", true},
      {"chunked", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", false,
       "head 200;end+1;", "abc", true},
      {"until close", "GET", kOk + "\r\nabc", true, "head 200;end;", "abc", false},
      {"http/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, "head 200;end;", "abc",
       false},
      {"connection close", "GET", kOk + "Connection: close\r\nContent-Length: 0\r\n\r\n", false,
       "head 200;end;", "", false},
      {"head", "HEAD", kOk + "Content-Length: 99\r\n\r\n", false, "head 200;end;", "", true},
      {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, "head 204;end;", "", true},
      {"304 with length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false,
       "head 304;end;", "", true},
      {"interim", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kOk + "Content-Length: 0\r\n\r\n",
       false, "interim 103;head 200;end;", "", true},
      {"interim that is not clear about its body", "GET",
       "HTTP/1.1 103 X\r\nTransfer-Encoding: gzip\r\n\r\n" + kOk + "Content-Length: 0\r\n\r\n", false,
       "failed bad_response;", "", false},
      {"unasked 101", "GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, "failed bad_response;", "",
       false},
      {"two lengths", "GET", kOk + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", false,
       "failed bad_response;", "", false},
      {"length and chunked", "GET", kOk + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false,
       "failed bad_response;", "", false},
      {"bare lf", "GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, "failed bad_response;", "", false},
      {"nul", "GET", kOk + std::string("X: a\0b\r\n\r\n", 10), false, "failed bad_response;", "", false},
      {"space before colon", "GET", kOk + "X : a\r\n\r\n", false, "failed bad_response;", "", false},
      {"garbage", "GET", "SSH-2.0-OpenSSH\r\n", false, "failed bad_response;", "", false},
      {"status 99999", "GET", "HTTP/1.1 99999 X\r\n\r\n", false, "failed bad_response;", "", false},
      {"bad chunk", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n", false,
       "head 200;failed bad_response;", "", false},
      {"short body", "GET", kOk + "Content-Length: 9\r\n\r\nabc", true, "head 200;failed response_truncated;",
       "abc", false},
      {"cut head", "GET", "HTTP/1.1 200 OK\r\nConte", true, "failed upstream_reset;", "", false},
      {"nothing", "GET", "", true, "failed upstream_reset;", "", false},
  };
  return all;
}

std::string run_row(const Row& row, std::size_t cut, bool* is_reusable, std::string* body) {
  auto loop = net::EventLoop::create();
  auto peer = test::FakePeer::make(&(*loop)->buffers());
  Recorder recorder;
  ClientConnPtr conn(new H1ClientConn(**loop, peer->take_transport(), {}));
  recorder.conn = conn.get();
  conn->begin(recorder, row.method, {});
  RequestHead head;
  head.set_method_view(row.method);
  head.set_target_view("/", "", false);
  conn->send_head(head, {});
  conn->send_end({});
  conn->flush();
  if (cut > 0) peer->send(row.bytes.substr(0, cut));
  if (cut < row.bytes.size()) peer->send(row.bytes.substr(cut));
  if (row.ends) peer->end_sending();
  *is_reusable = conn->is_reusable();
  *body = recorder.body;
  return recorder.log;
}

TEST_CASE("ReadsResponsesWholeAndCutAtEveryByte") {
  for (const Row& row : rows()) {
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      CAPTURE(row.name);
      CAPTURE(cut);
      bool is_reusable = false;
      std::string body;
      CHECK(run_row(row, cut, &is_reusable, &body) == row.log);
      CHECK(body == row.body);
      CHECK(is_reusable == row.is_reusable);
    }
  }
}

// What the TLS below tells as a break: a client certificate that was refused, and an end without goodbye.
TEST_CASE("BreaksOfTlsAreNamedAndCutBodies") {
  const Error refused{
      ErrorCode::kUpstreamTls, ErrorSide::kUpstream, RetrySafety::kNotSafe, "client_certificate", {}};
  const Error cut{.code = ErrorCode::kIo, .what = "tls_cut"};
  const std::tuple<const char*, Error, const char*> ends[] = {
      {"", refused, "failed upstream_tls;"},
      {"", cut, "failed upstream_reset;"},
      {"HTTP/1.1 200 OK\r\n\r\nabc", cut, "head 200;failed response_truncated;"}};
  for (const auto& [bytes, error, log] : ends) {
    CAPTURE(log);
    auto loop = net::EventLoop::create();
    auto peer = test::FakePeer::make(&(*loop)->buffers());
    Recorder recorder;
    ClientConnPtr conn(new H1ClientConn(**loop, peer->take_transport(), {}));
    recorder.conn = conn.get();
    conn->begin(recorder, "GET", {});
    if (*bytes != 0) peer->send(bytes);
    peer->break_with(error);
    CHECK(recorder.log == log);
    CHECK_FALSE(conn->is_reusable());
  }
}

// A second response behind the first must never answer the next request (response queue poisoning).
TEST_CASE("BytesBehindAResponseMakeTheConnectionUnfitBeforeItsEndIsTold") {
  for (const std::string& first : {kOk + "Content-Length: 3\r\n\r\nabc", kOk + "Content-Length: 0\r\n\r\n",
                                   std::string("HTTP/1.1 204 No Content\r\n\r\n"),
                                   kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    CAPTURE(first);
    auto loop = net::EventLoop::create();
    auto peer = test::FakePeer::make(&(*loop)->buffers());
    Recorder recorder;
    ClientConnPtr conn(new H1ClientConn(**loop, peer->take_transport(), {}));
    recorder.conn = conn.get();
    conn->begin(recorder, "GET", {});
    RequestHead head;
    head.set_method_view("GET");
    head.set_target_view("/", "", false);
    conn->send_head(head, {});
    conn->send_end({});
    conn->flush();
    peer->send(first + kOk + "Content-Length: 4\r\n\r\nevil");
    CHECK(recorder.log.ends_with("end;"));
    CHECK(!recorder.is_reusable_at_end);
    CHECK(!conn->is_reusable());
  }
}

// A connection whose request has been sent, with an offer of these protocols if there are any.
struct Upgrading {
  explicit Upgrading(std::string_view offered) {
    recorder.conn = conn.get();
    conn->begin(recorder, "GET", {});
    if (!offered.empty()) conn->offer_upgrade(offered);
    RequestHead head;
    head.set_method_view("GET");
    head.set_target_view("/", "", false);
    if (!offered.empty()) head.headers().add("Upgrade", offered);
    conn->send_head(head, {});
    conn->send_end({});
    conn->flush();
  }

  std::unique_ptr<net::EventLoop> loop = std::move(*net::EventLoop::create());
  std::shared_ptr<test::FakePeer> peer = test::FakePeer::make(&loop->buffers());
  Recorder recorder;
  ClientConnPtr conn{new H1ClientConn(*loop, peer->take_transport(), {})};
};

// What came while we did not read would answer the next request (response queue poisoning).
TEST_CASE("AConnectionThatWasPausedIsFitOnlyWhenItHasBeenReadSince") {
  const std::string head = kOk + "Content-Length: 3\r\n\r\n";
  Upgrading between(""), behind("");
  between.peer->send(head + "a");
  between.conn->pause_response();
  between.conn->resume_response();
  between.peer->send("bc");
  CHECK(between.conn->is_reusable());
  behind.peer->send(head + "abc");
  CHECK(behind.conn->is_reusable());
  behind.conn->pause_response();
  CHECK(!behind.conn->is_reusable());
  behind.conn->resume_response();
  CHECK(!behind.conn->is_reusable());
}

TEST_CASE("A101IsAnAnswerOnlyToWhatWasOffered") {
  const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
  struct {
    const char* name;
    const char* offered;
    std::string answer;  // and then "raw\r\n"
    const char* log;
    const char* body;
  } const rows[] = {
      {"offered", "websocket", switching + "Upgrade: websocket\r\n\r\n", "head 101;", "raw\r\n"},
      {"other case", "websocket", switching + "Upgrade: WebSocket\r\n\r\n", "head 101;", "raw\r\n"},
      {"one of several", "a/1, b/2", switching + "Upgrade: b/2\r\n\r\n", "head 101;", "raw\r\n"},
      {"after hints", "websocket", hints + switching + "Upgrade: websocket\r\n\r\n", "interim 103;head 101;",
       "raw\r\n"},
      {"not offered", "", switching + "Upgrade: websocket\r\n\r\n", "failed bad_response;", ""},
      {"another", "websocket", switching + "Upgrade: chat\r\n\r\n", "failed bad_response;", ""},
      {"none named", "websocket", switching + "\r\n", "failed bad_response;", ""},
      {"named twice", "websocket", switching + "Upgrade: websocket\r\nUpgrade: websocket\r\n\r\n",
       "failed bad_response;", ""},
      {"with a body", "websocket", switching + "Upgrade: websocket\r\nContent-Length: 3\r\n\r\n",
       "failed bad_response;", ""},
      {"http/1.0", "websocket", "HTTP/1.0 101 X\r\nUpgrade: websocket\r\n\r\n", "failed bad_response;", ""},
  };
  for (const auto& row : rows) {
    const std::string bytes = row.answer + "raw\r\n";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      CAPTURE(row.name);
      CAPTURE(cut);
      Upgrading upgrading(row.offered);
      if (cut > 0) upgrading.peer->send(bytes.substr(0, cut));
      if (cut < bytes.size()) upgrading.peer->send(bytes.substr(cut));
      CHECK(upgrading.recorder.log == row.log);
      CHECK(upgrading.recorder.body == row.body);
      CHECK(!upgrading.conn->is_reusable());
    }
  }
}

TEST_CASE("AnOfferIsNamedInConnectionAndARefusalLeavesAPlainConnection") {
  Upgrading upgrading("websocket");
  CHECK(upgrading.peer->take_received() ==
        "GET / HTTP/1.1\r\nHost: \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  upgrading.peer->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  CHECK(upgrading.recorder.log == "head 200;end;");
  CHECK(upgrading.conn->is_reusable());
  // The offer goes with its request.
  upgrading.conn->end_message();
  upgrading.conn->begin(upgrading.recorder, "GET", {});
  upgrading.conn->send_head({}, {});
  upgrading.conn->send_end({});
  upgrading.conn->flush();
  CHECK(upgrading.peer->take_received().find("Connection:") == std::string::npos);
  upgrading.peer->send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n");
  CHECK(upgrading.recorder.log.ends_with("failed bad_response;"));
}

TEST_CASE("A101BeforeTheRequestHasLeftIsRefused") {
  auto loop = net::EventLoop::create();
  auto peer = test::FakePeer::make(&(*loop)->buffers());
  Recorder recorder;
  ClientConnPtr conn(new H1ClientConn(**loop, peer->take_transport(), {}));
  recorder.conn = conn.get();
  peer->stop_reading(10);
  conn->begin(recorder, "GET", {});
  conn->offer_upgrade("websocket");
  conn->send_head({}, {});
  conn->send_end({});
  conn->flush();
  peer->send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n");
  CHECK(recorder.log == "failed bad_response;");
}

TEST_CASE("EachDirectionOfATunnelEndsByItself") {
  const char* const switching = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n";
  const auto send = [](H1ClientConn& conn, std::string_view text, net::EventLoop& loop) {
    base::Chain piece;
    piece.append(loop.buffers().copy(text));
    conn.send_body(std::move(piece));
    conn.flush();
  };
  SUBCASE("ours first") {
    Upgrading upgrading("websocket");
    upgrading.peer->send(switching);
    upgrading.peer->take_received();
    send(*upgrading.conn, "ping", *upgrading.loop);
    upgrading.conn->send_end({});
    CHECK(upgrading.peer->take_received() == "ping");
    CHECK(upgrading.peer->has_write_ended());
    upgrading.peer->send("late");
    CHECK(upgrading.recorder.body == "late");
    CHECK(upgrading.recorder.log == "head 101;");
    upgrading.peer->end_sending();
    CHECK(upgrading.recorder.log == "head 101;end;");
    CHECK(!upgrading.conn->is_reusable());
  }
  SUBCASE("the backend's first") {
    Upgrading upgrading("websocket");
    upgrading.peer->send(switching);
    upgrading.peer->take_received();
    upgrading.peer->end_sending();
    CHECK(upgrading.recorder.log == "head 101;end;");
    send(*upgrading.conn, "still", *upgrading.loop);
    CHECK(upgrading.peer->take_received() == "still");
    CHECK(!upgrading.peer->has_write_ended());
  }
  SUBCASE("broken") {
    Upgrading upgrading("websocket");
    upgrading.peer->send(switching);
    upgrading.peer->break_with();
    CHECK(upgrading.recorder.log == "head 101;failed upstream_reset;");
  }
  SUBCASE("reset by us") {
    Upgrading upgrading("websocket");
    upgrading.peer->send(switching);
    upgrading.conn->reset();
    CHECK(upgrading.peer->end() == test::FakePeer::End::kReset);
    CHECK(upgrading.recorder.log == "head 101;");
  }
}

}  // namespace
}  // namespace ingress::upstream
