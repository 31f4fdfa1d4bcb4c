// Which connections are kept, which one is taken, and when each of them ends.
#include "upstream/conn_pool.h"

#include <doctest/doctest.h>

#include "support/fake_transport.h"
#include "upstream/cluster_state.h"

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using End = test::FakePeer::End;

class Ignore final : public UpstreamEvents {
 public:
  void on_response_interim(ResponseHead&) override {}
  void on_response_head(ResponseHead&, http::BodyFraming) override {}
  void on_response_body(base::Chain&& piece) override { piece.clear(); }
  void on_response_end(const Headers&) override {}
  void on_response_read_done() override {}
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override { failure = error; }
  std::optional<Error> failure;
};

// A pool whose time the test steps.
struct Bench {
  Bench() {
    loop->timers().set_clock(
        [](const void* self) {
          const auto* bench = static_cast<const Bench*>(self);
          return bench->loop->now() + bench->passed;
        },
        this);
  }
  Bench(const Bench&) = delete;

  std::shared_ptr<test::FakePeer> open(ClientConnPtr& conn) {
    auto peer = test::FakePeer::make(&loop->buffers());
    conn = ClientConnPtr(new H1ClientConn(*loop, peer->take_transport(), {}));
    return peer;
  }
  // A connection that has served `num` requests, and is put back after each but the last.
  std::shared_ptr<test::FakePeer> use(ClientConnPtr& conn, int num, const std::string& headers = {}) {
    auto peer = open(conn);
    for (int i = 0; i < num; ++i) {
      serve(*conn, *peer, headers);
      if (i + 1 == num) break;
      pool.put_back(std::move(conn), {}, {});
      conn = pool.take();
      REQUIRE(conn);
    }
    return peer;
  }
  void serve(H1ClientConn& conn, test::FakePeer& peer, const std::string& headers = {}) {
    conn.begin(events, "GET", {});
    RequestHead head;
    head.set_method_view("GET");
    head.set_target_view("/", "", false);
    conn.send_head(head, {});
    conn.send_end({});
    conn.flush();
    peer.send("HTTP/1.1 200 OK\r\n" + headers + "Content-Length: 0\r\n\r\n");
    REQUIRE(conn.is_reusable());
  }
  void pass(milliseconds time) { loop->timers().advance(loop->now() + (passed += time)); }

  std::unique_ptr<net::EventLoop> loop = net::EventLoop::create().value();
  milliseconds passed{0};
  Ignore events;
  ConnPool pool;
};

TEST_CASE("TheNewestIsTakenFirstAndTheOldestGoesBeyondTheCap") {
  Bench bench;
  std::vector<std::shared_ptr<test::FakePeer>> peers;
  H1ClientConn* newest = nullptr;
  for (int i = 0; i < 3; ++i) {
    ClientConnPtr conn;
    peers.push_back(bench.open(conn));
    newest = conn.get();
    bench.pool.put_back(std::move(conn), {.max_idle_connections = 2}, {});
  }
  CHECK(bench.pool.size() == 2);
  CHECK(peers[0]->end() == End::kClosed);
  CHECK(peers[1]->end() == End::kOpen);
  CHECK(bench.pool.take().get() == newest);
  CHECK(bench.pool.size() == 1);
  ClientConnPtr conn;
  const auto unwanted = bench.open(conn);
  bench.pool.put_back(std::move(conn), {.max_idle_connections = 0}, {});
  CHECK(unwanted->end() == End::kClosed);
}

TEST_CASE("AConnectionWithAProxyHeaderIsTakenForThatHeaderOnly") {
  Bench bench;
  std::vector<std::shared_ptr<test::FakePeer>> peers;
  std::vector<H1ClientConn*> conns;
  for (const char* header : {"", "a", "ab", "", "a"}) {
    ClientConnPtr conn;
    peers.push_back(bench.open(conn));
    conn->set_proxy_header(header);
    conns.push_back(conn.get());
    bench.pool.put_back(std::move(conn), {}, {});
  }
  CHECK(bench.pool.take("b") == nullptr);
  CHECK(bench.pool.take("abc") == nullptr);
  const ClientConnPtr newest = bench.pool.take("a"), older = bench.pool.take("a");
  CHECK(newest.get() == conns[4]);
  CHECK(older.get() == conns[1]);
  CHECK(bench.pool.take("a") == nullptr);
  const ClientConnPtr plain = bench.pool.take();
  CHECK(plain.get() == conns[3]);
  CHECK(bench.pool.size() == 2);
  peers[2]->end_sending();
  CHECK(bench.pool.take("ab") == nullptr);
  const ClientConnPtr last = bench.pool.take();
  CHECK(last.get() == conns[0]);
  CHECK(bench.pool.take() == nullptr);
}

TEST_CASE("AnIdleConnectionLeavesWhenItsBackendTalksOrCloses") {
  for (const bool talks : {true, false}) {
    Bench bench;
    ClientConnPtr conn;
    const auto peer = bench.open(conn);
    bench.pool.put_back(std::move(conn), {}, {});
    CHECK(bench.pool.size() == 1);
    if (talks) {
      peer->send("HTTP/1.1 200 OK\r\n");
    } else {
      peer->end_sending();
    }
    CHECK(bench.pool.size() == 0);
    CHECK(peer->end() == End::kClosed);
  }
}

TEST_CASE("AnIdleConnectionEndsAtTheIdleTimeoutAndBeingUsedStartsItAnew") {
  Bench bench;
  ClientConnPtr conn;
  const auto peer = bench.use(conn, 1);
  const ClusterTimeouts timeouts{.idle_connection = seconds(10)};
  bench.pool.put_back(std::move(conn), {}, timeouts);
  bench.pass(seconds(9));
  CHECK(bench.pool.size() == 1);
  bench.pool.put_back(bench.pool.take(), {}, timeouts);
  bench.pass(seconds(9));
  CHECK(bench.pool.size() == 1);
  bench.pass(seconds(2));
  CHECK(bench.pool.size() == 0);
  CHECK(peer->end() == End::kClosed);
}

TEST_CASE("AConnectionServesNoMoreRequestsThanItMay") {
  for (const std::uint32_t max : {1U, 3U}) {
    CAPTURE(max);
    Bench bench;
    for (std::uint32_t num = 1; num <= max; ++num) {
      ClientConnPtr conn;
      const auto peer = bench.use(conn, static_cast<int>(num));
      bench.pool.put_back(std::move(conn), {.max_requests_per_connection = max}, {});
      CHECK(bench.pool.size() == (num < max ? 1 : 0));
      CHECK((peer->end() == End::kClosed) == (num == max));
      bench.pool.clear();
    }
  }
}

TEST_CASE("AConnectionEndsAtItsAgeHoweverOftenItIsUsed") {
  Bench bench;
  ClientConnPtr conn;
  const auto peer = bench.use(conn, 1);
  const ClusterTimeouts timeouts{.max_connection_duration = seconds(100)};
  for (int i = 0; i < 8; ++i) {
    bench.pool.put_back(std::move(conn), {}, timeouts);
    bench.pass(seconds(11));  // 88 s: below the age, whatever the jitter
    conn = bench.pool.take();
    REQUIRE(conn);
    bench.serve(*conn, *peer);
  }
  // It waits in the pool for what is left, not for the idle timeout.
  bench.pool.put_back(std::move(conn), {}, timeouts);
  bench.pass(seconds(13));
  CHECK(bench.pool.size() == 0);
  CHECK(peer->end() == End::kClosed);
}

TEST_CASE("AConnectionThatGrewTooOldInAnExchangeIsNotKept") {
  Bench bench;
  ClientConnPtr conn;
  const auto peer = bench.use(conn, 1);
  bench.passed += seconds(100);
  bench.pool.put_back(std::move(conn), {}, {.max_connection_duration = seconds(100)});
  CHECK(bench.pool.size() == 0);
  CHECK(peer->end() == End::kClosed);
}

TEST_CASE("ConnectionsOpenedTogetherEndOneByOneWithinTheLastTenth") {
  Bench bench;
  std::vector<std::shared_ptr<test::FakePeer>> peers;
  const ClusterTimeouts timeouts{.idle_connection = seconds(1000), .max_connection_duration = seconds(1000)};
  for (int i = 0; i < 60; ++i) {
    ClientConnPtr conn;
    peers.push_back(bench.open(conn));
    bench.pool.put_back(std::move(conn), {}, timeouts);
  }
  bench.pass(seconds(899));
  CHECK(bench.pool.size() == 60);
  bench.pass(seconds(51));
  CHECK(bench.pool.size() > 10);
  CHECK(bench.pool.size() < 50);
  bench.pass(seconds(51));
  CHECK(bench.pool.size() == 0);
}

TEST_CASE("ABackendThatAnnouncesWhenItClosesIsBelievedWithAMargin") {
  struct Row {
    const char* header;
    int kept_s;  // seconds
  };
  const Row rows[] = {
      {"", 60},
      {"Keep-Alive: timeout=5\r\n", 4},
      {"Keep-Alive: timeout=5, max=100\r\n", 4},
      {"keep-alive: max=3,Timeout=30\r\n", 29},
      {"Keep-Alive: timeout=600\r\n", 60},
      {"Keep-Alive: timeout=4294967295\r\n", 60},
      {"Keep-Alive: timeout=1\r\n", 0},
      {"Keep-Alive: timeout=0\r\n", 0},
      {"Keep-Alive: timeout=-5\r\n", 60},
      {"Keep-Alive: timeout\r\n", 60},
      {"Keep-Alive: max=5\r\n", 60},
  };
  for (const Row& row : rows) {
    CAPTURE(row.header);
    Bench bench;
    ClientConnPtr conn;
    const auto peer = bench.use(conn, 1, row.header);
    bench.pool.put_back(std::move(conn), {}, {});
    CHECK(bench.pool.size() == (row.kept_s > 0 ? 1 : 0));
    if (row.kept_s == 0) continue;
    bench.pass(milliseconds(row.kept_s * 1000 - 500));
    CHECK(bench.pool.size() == 1);
    bench.pass(milliseconds(600));
    CHECK(bench.pool.size() == 0);
  }
}

TEST_CASE("TheLastAnnouncementCounts") {
  Bench bench;
  ClientConnPtr conn;
  const auto peer = bench.use(conn, 1, "Keep-Alive: timeout=5\r\n");
  bench.pool.put_back(std::move(conn), {}, {});
  conn = bench.pool.take();
  REQUIRE(conn);
  bench.serve(*conn, *peer);
  bench.pool.put_back(std::move(conn), {}, {});
  bench.pass(seconds(50));
  CHECK(bench.pool.size() == 1);
}

TEST_CASE("AConnectionThatWasOpenedAheadMayHaveBeenClosedMeanwhileAndOnlyThatOne") {
  for (const Opened opened : {Opened::kAhead, Opened::kForRequest}) {
    Bench bench;
    const auto peer = test::FakePeer::make(&bench.loop->buffers());
    const ClientConnPtr conn(new H1ClientConn(*bench.loop, peer->take_transport(), {}, opened));
    conn->begin(bench.events, "GET", {});
    peer->end_sending();
    REQUIRE(bench.events.failure);
    CHECK((bench.events.failure->code == ErrorCode::kStaleConnection) == (opened == Opened::kAhead));
  }
}

TEST_CASE("ARetiredEndpointHasNoIdleConnections") {
  Bench bench;
  ClusterCompiler compiler{base::SlotRegistry::create()};
  ClusterStates states{{.seed = 1}};
  Cluster cluster{.name = "a", .endpoints = {{"10.0.0.1", 1}, {"10.0.0.1", 2}}};
  const auto before = compiler.apply({&cluster, 1}, {});
  states.adopt(*before);
  REQUIRE(states.endpoints(0).size() == 2);
  std::vector<std::shared_ptr<test::FakePeer>> peers;
  std::vector<EndpointRef> endpoints(states.endpoints(0).begin(), states.endpoints(0).end());
  for (const EndpointRef& endpoint : endpoints) {
    ClientConnPtr conn;
    peers.push_back(bench.open(conn));
    endpoint->idle.put_back(std::move(conn), {}, {});
  }
  cluster.endpoints.pop_back();
  const auto after = compiler.apply({&cluster, 1}, {});
  states.adopt(*after);
  CHECK(states.endpoints(0).size() == 1);
  CHECK(peers[0]->end() == End::kOpen);
  CHECK(peers[1]->end() == End::kClosed);
  CHECK(endpoints[1]->is_retired);
  states.adopt(ClusterTable());
  CHECK(peers[0]->end() == End::kClosed);
  CHECK(states.endpoints(0).empty());
}

}  // namespace
}  // namespace ingress::upstream
