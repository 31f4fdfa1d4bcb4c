// An Exchange, or a client's connection, without a single socket: the loop is real, both ends are fakes.
#pragma once

#include <doctest/doctest.h>

#include <deque>
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

namespace ingress::test {

// Keeps what an exchange does to its client, as one line of words.
class FakeStream final : public proxy::DownstreamStream {
 public:
  void send_interim(const ResponseHead& head) override { say("interim " + std::to_string(head.status())); }
  void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept) override {
    static constexpr const char* kKinds[] = {"none", "length", "chunked", "open"};
    say("head " + std::to_string(head.status()) + " " + kKinds[static_cast<std::size_t>(framing.kind)]);
    length = framing.kind == http::BodyKind::kLength ? static_cast<std::int64_t>(framing.length) : kept;
  }
  void send_body(base::Chain&& piece) override {
    body += piece.to_string();
    piece.clear();
  }
  void send_end(const Headers&) override { say("end"); }
  std::size_t flush() override { return queued; }
  void set_reading(proxy::Reading wanted) override { reading = wanted; }
  void finish(proxy::Finish how) override { say(how == proxy::Finish::kComplete ? "complete" : "cut"); }

  std::string log, body;
  std::int64_t length = -1;  // of the answer; -1 = not told
  std::size_t queued = 0;    // what flush() says
  proxy::Reading reading = proxy::Reading::kOn;

 private:
  void say(const std::string& what) { log += (log.empty() ? "" : ", ") + what; }
};

// All that a worker lends, with calls of filters kept until the test runs them.
class FakeWorker : public WorkerContext, public proxy::DownstreamHost {
 public:
  explicit FakeWorker(std::chrono::milliseconds request_limit = {}) {
    auto made = net::EventLoop::create();
    REQUIRE(made);
    loop = std::move(*made);
    loop->timers().set_clock(
        [](const void* self) {
          const auto* worker = static_cast<const FakeWorker*>(self);
          return worker->loop->now() + worker->passed;
        },
        this);
    connector.emplace(*loop, nullptr);
    services_.emplace(proxy::Services{.worker_index = 0,
                                      .loop = *loop,
                                      .views = views,
                                      .clusters = clusters,
                                      .connector = *connector,
                                      .filters = filters,
                                      .context = *this,
                                      .metrics = metrics,
                                      .access_log = &log});
    GatewayConfig config = one_backend(9);
    config.routes[0].rules[0].timeouts.request = request_limit;
    const auto snapshot = publisher.publish(config);
    REQUIRE(snapshot);
    clusters.adopt(*(*snapshot)->clusters);
    views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
    listener.settings = config.listeners[0];
    listener.bound = (*snapshot)->listeners[0].bound;
  }
  ~FakeWorker() override {
    calls.clear();
    free_exchanges.clear();
    clusters.adopt(upstream::ClusterTable());
    filters.clear();
    turn();
  }

  // A connection in the pool of the one endpoint.
  std::shared_ptr<FakePeer> add_idle_backend() {
    const proxy::Snapshot& snapshot = views.newest()->snapshot();
    std::shared_ptr<FakePeer> peer = FakePeer::make(&loop->buffers());
    snapshot.clusters->entries().for_each([&](std::size_t, const upstream::ClusterEntry& entry) {
      clusters.pick(entry, {})->idle.put_back(upstream::ClientConnPtr(new upstream::H1ClientConn(
                                                  *loop, peer->take_transport(), entry.cluster.limits)),
                                              64, std::chrono::seconds(60));
    });
    return peer;
  }
  std::size_t num_idle() {
    std::size_t count = 0;
    views.newest()->snapshot().clusters->entries().for_each(
        [&](std::size_t, const upstream::ClusterEntry& entry) {
          count += clusters.pick(entry, {})->idle.size();
        });
    return count;
  }
  // Runs what is deferred and what sockets have to say.
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  // As if so much time had gone by.
  void pass(std::chrono::milliseconds time) {
    loop->post([this, time] {
      passed += time;
      loop->timers().advance(loop->now() + passed);
    });
    turn();
  }

  unsigned index() const override { return 0; }
  void post(std::move_only_function<void()> call) override { calls.push_back(std::move(call)); }
  void after(std::chrono::milliseconds, std::move_only_function<void()> call) override {
    calls.push_back(std::move(call));
  }
  void run_calls() {
    while (!calls.empty()) {
      auto call = std::move(calls.front());
      calls.pop_front();
      call();
    }
  }

  proxy::Services& services() override { return *services_; }
  std::unique_ptr<proxy::Exchange> take_exchange() override {
    if (free_exchanges.empty()) return std::make_unique<proxy::Exchange>(*services_);
    auto exchange = std::move(free_exchanges.back());
    free_exchanges.pop_back();
    return exchange;
  }
  void put_back_exchange(std::unique_ptr<proxy::Exchange> exchange) override {
    free_exchanges.push_back(std::move(exchange));
  }
  bool is_closing(const proxy::ListenerState&) const override { return is_draining; }
  void on_connection_closed(proxy::DownstreamH1&) override { ++num_closed; }

  std::unique_ptr<net::EventLoop> loop;
  proxy::Publisher publisher{
      [](const Listener&) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> {
        return std::make_shared<proxy::BoundListener>(std::vector<int>{}, std::uint16_t{80});
      }};
  proxy::Views views{[](std::unique_ptr<proxy::SnapshotPtr>) {}};
  upstream::ClusterStates clusters{1};
  std::optional<upstream::Connector> connector;
  FilterList filters;
  proxy::WorkerMetrics metrics;
  RecordingLog log;
  proxy::ListenerState listener;
  std::deque<std::move_only_function<void()>> calls;
  std::vector<std::unique_ptr<proxy::Exchange>> free_exchanges;
  std::chrono::milliseconds passed{0};
  int num_closed = 0;
  bool is_draining = false;

 private:
  std::optional<proxy::Services> services_;
};

// One exchange over a FakeStream, fed with a request's text.
class FakeRequest {
 public:
  explicit FakeRequest(FakeWorker& worker, std::string_view text)
      : worker_(worker), exchange(worker.take_exchange()) {
    const auto fed = parser_.feed(text);
    REQUIRE(fed);
    REQUIRE(fed->is_complete);
    const auto framing = http::request_framing(parser_.head());
    REQUIRE(framing);
    const auto expects = http::expects_continue(parser_.head());
    REQUIRE(expects);
    exchange->start(stream, {.head = parser_.head(),
                             .framing = *framing,
                             .expects_continue = *expects,
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
  FakeWorker& worker_;
  http::RequestParser parser_{{}};
  http::BodyDecoder decoder_;
  Headers no_trailers_;
  net::PeerAddress client_{.text = "192.0.2.7", .port = 1234};

 public:
  FakeStream stream;
  std::unique_ptr<proxy::Exchange> exchange;
};

}  // namespace ingress::test
