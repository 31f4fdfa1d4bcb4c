// An Exchange, or a client's connection, without a single socket: the loop is real, both ends are fakes.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/body_decoder.h"
#include "http/h1_parser.h"
#include "proxy/downstream_h1.h"
#include "proxy/listener_state.h"
#include "proxy/publisher.h"
#include "proxy/running_server.h"
#include "support/fake_transport.h"
#include "support/socketless_worker.h"

namespace ingress::test {

// Keeps what an exchange does to its client, as one line of words.
class FakeStream final : public proxy::DownstreamStream {
 public:
  void send_interim(const ResponseHead& head) override { say("interim " + std::to_string(head.status())); }
  void begin_tunnel(const ResponseHead& head) override { say("tunnel " + std::to_string(head.status())); }
  void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept) override {
    static constexpr const char* kKinds[] = {"none", "length", "chunked", "open"};
    say("head " + std::to_string(head.status()) + " " + kKinds[static_cast<std::size_t>(framing.kind)]);
    length = framing.kind == http::BodyKind::kLength ? static_cast<std::int64_t>(framing.length) : kept;
    fields = lines(head.headers());
  }
  void send_body(base::Chain&& piece) override {
    body += piece.to_string();
    piece.clear();
  }
  void send_end(const Headers& sent) override {
    say("end");
    trailers = lines(sent);
  }
  std::size_t flush() override { return queued; }
  void set_reading(proxy::Reading wanted) override { reading = wanted; }
  const net::PeerAddress& local_address() const override { return local; }
  void finish(proxy::Finish how) override { say(how == proxy::Finish::kComplete ? "complete" : "cut"); }

  std::string log, body;
  std::string fields, trailers;  // "name: value\n"
  std::int64_t length = -1;      // of the answer; -1 = not told
  std::size_t queued = 0;        // what flush() says
  net::PeerAddress local{"198.51.100.1", 443};
  proxy::Reading reading = proxy::Reading::kOn;

 private:
  static std::string lines(const Headers& headers) {
    std::string text;
    for (const HeaderField& field : headers) text.append(field.name).append(": ").append(field.value) += '\n';
    return text;
  }
  void say(const std::string& what) { log += (log.empty() ? "" : ", ") + what; }
};

// With a route to one backend, which nobody listens for, and a log that can be asked.
class FakeWorker : public SocketlessWorker {
 public:
  explicit FakeWorker(std::chrono::milliseconds request_limit = {})
      : FakeWorker(
            [&](GatewayConfig& config) { config.routes[0].rules[0].timeouts.request = request_limit; }) {}
  // `change` adapts the configuration of one_backend() before it is served.
  explicit FakeWorker(const std::function<void(GatewayConfig&)>& change)
      : SocketlessWorker(make_config(change), [](net::EventLoop& on) {
          return std::make_unique<upstream::Connector>(on, nullptr, LocalBackends::kAllowed);
        }) {
    set_log(log);
  }

  RecordingLog log;

 private:
  static GatewayConfig make_config(const std::function<void(GatewayConfig&)>& change) {
    GatewayConfig config = one_backend(9);
    change(config);
    return config;
  }
};

// One exchange over a FakeStream, fed with a request's text.
class FakeRequest {
 public:
  explicit FakeRequest(SocketlessWorker& worker, std::string_view text,
                       HttpVersion version = HttpVersion::kHttp11)
      : worker_(worker), exchange(worker.take_exchange()) {
    const auto fed = parser_.feed(text);
    REQUIRE(fed);
    REQUIRE(fed->is_complete);
    parser_.head().set_version(version);
    const auto framing = http::request_framing(parser_.head());
    REQUIRE(framing);
    const auto expects = http::expects_continue(parser_.head());
    REQUIRE(expects);
    exchange->start(stream, {.head = parser_.head(),
                             .framing = *framing,
                             .expects_continue = *expects && framing->kind != http::BodyKind::kNone,
                             .client = client_,
                             .listener_port = 80,
                             .listener = worker.listener.settings});
    decoder_.start(*framing, ErrorCode::kBadRequest, 0);
    if (framing->kind == http::BodyKind::kNone) exchange->on_request_end(no_trailers_);
    text.remove_prefix(fed->consumed);
    read(text);
  }
  ~FakeRequest() {
    if (exchange->phase() != proxy::Phase::kDone) exchange->on_client_gone({.what = "test over"});
    worker_.put_back_exchange(std::move(exchange));
  }
  // More of the body, as one read.
  void read(std::string_view text) {
    while (!text.empty() && exchange->phase() != proxy::Phase::kDone) {
      const auto step = decoder_.next(text);
      REQUIRE(step);
      base::Chain piece;
      piece.append(worker_.loop->buffers().copy(text.substr(step->piece_offset, step->piece_size)));
      exchange->on_request_body(std::move(piece));
      if (step->is_end) exchange->on_request_end(decoder_.trailers());
      text.remove_prefix(step->consumed);
    }
    if (exchange->phase() != proxy::Phase::kDone) exchange->on_request_read_done();
  }

 private:
  SocketlessWorker& worker_;
  http::RequestParser parser_{{}};
  http::BodyDecoder decoder_;
  Headers no_trailers_;
  net::PeerAddress client_{.text = "192.0.2.7", .port = 1234};

 public:
  FakeStream stream;
  std::unique_ptr<proxy::Exchange> exchange;
};

// A connection of a client, which the test plays.
class FakeClient {
 public:
  explicit FakeClient(SocketlessWorker& worker)
      : worker_(worker),
        peer(FakePeer::make(&worker.loop->buffers())),
        connection(worker, worker.listener, peer->take_transport()) {
    connection.start();
  }
  ~FakeClient() {
    connection.close_now();
    worker_.close_http2();
  }

 private:
  SocketlessWorker& worker_;

 public:
  std::shared_ptr<FakePeer> peer;
  proxy::DownstreamH1 connection;
};

}  // namespace ingress::test
