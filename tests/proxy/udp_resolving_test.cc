// Sessions whose endpoint has a host name: what waits for its address, and what becomes of it.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/net_fixture.h"
#include "proxy/publisher.h"
#include "proxy/udp_listeners.h"
#include "support/datagrams.h"

namespace ingress::test {
namespace {

using Addresses = std::expected<std::vector<std::string>, Error>;

// Answers when the test says so.
class FakeResolver final : public net::Resolver {
 public:
  void resolve(const std::string& host, OnResolved on_resolved) override {
    hosts.push_back(host);
    waiting.push_back(std::move(on_resolved));
  }
  void answer(const Addresses& addresses) {
    for (auto& call : std::exchange(waiting, {})) call(addresses);
  }
  std::vector<std::string> hosts;
  std::vector<OnResolved> waiting;
};

class StreamLog final : public AccessLog {
 public:
  void write(unsigned, const ExchangeRecord&) override {}
  void write_stream(unsigned, const StreamRecord& record) override {
    lines.push_back(std::string(record.why) + ":" + std::string(record.why_detail) + " " +
                    std::string(record.upstream_address));
  }
  std::vector<std::string> lines;
};

// The listeners of a worker, driven by the test.
struct NamedBackend {
  explicit NamedBackend(std::uint16_t backend_port) {
    config.clusters = {{.name = "named", .endpoints = {{"backend.test", backend_port}}}};
    config.udp_listeners = {{.name = "udp", .address = "127.0.0.1", .backends = {{.cluster = "named"}}}};
    publish();
  }
  ~NamedBackend() {
    listeners.close();
    fixture.run_turns();
  }
  void publish() {
    const auto snapshot = publisher.publish(config);
    REQUIRE(snapshot);
    clusters.adopt(*(*snapshot)->clusters);
    listeners.adopt(**snapshot);
    views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
    if (!(*snapshot)->udp_listeners.empty()) port = (*snapshot)->udp_listeners[0].bound->port;
  }
  std::uint64_t dropped(proxy::UdpDrop why) const {
    return counters.dropped[static_cast<std::size_t>(why)].get();
  }

  GatewayConfig config;
  std::uint16_t port = 0;
  LoopFixture fixture;
  FakeResolver resolver;
  StreamLog log;
  proxy::Publisher publisher{
      [](const Listener&) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> { return nullptr; },
      [](const UdpListener& listener) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> {
        auto sockets = net::bind_datagrams(listener.address, listener.port, 1);
        REQUIRE(sockets);
        return std::make_shared<proxy::BoundListener>(std::move(sockets->fds), sockets->port);
      }};
  proxy::Views views{[](std::unique_ptr<proxy::SnapshotPtr>) {}};
  upstream::ClusterStates clusters{{.seed = 1}};
  proxy::UdpCounters counters;
  std::function<void(std::string_view)> no_log;
  int num_quiet = 0;
  proxy::UdpListeners listeners{{.worker_index = 0,
                                 .loop = fixture.loop(),
                                 .resolver = resolver,
                                 .views = views,
                                 .clusters = clusters,
                                 .local_backends = LocalBackends::kAllowed,
                                 .max_sessions = 100,
                                 .counters = counters,
                                 .access_log = &log,
                                 .log = no_log},
                                [this] { ++num_quiet; }};
};

TEST_CASE("WhatWaitsForAnAddressGoesThereInOrder") {
  const DatagramBackend backend;
  NamedBackend worker(backend.port());
  const DatagramClient client(worker.port);
  for (int i = 0; i < 11; ++i) REQUIRE(client.send(i == 3 ? "" : std::to_string(i)));
  worker.fixture.run_until([&] { return worker.dropped(proxy::UdpDrop::kResolving) == 3; });
  CHECK(worker.resolver.hosts == std::vector<std::string>{"backend.test"});  // once
  CHECK(backend.num_received() == 0);
  worker.resolver.answer(std::vector<std::string>{"127.0.0.1"});
  worker.fixture.run_until([&] { return worker.counters.backend_datagrams.get() == 8; });
  for (int i = 0; i < 8; ++i) CHECK(client.receive() == (i == 3 ? "" : std::to_string(i)));
  CHECK(worker.counters.client_datagrams.get() == 8);
  REQUIRE(client.send("more"));
  worker.fixture.run_until([&] { return worker.counters.backend_datagrams.get() == 9; });
  CHECK(client.receive() == "more");
  CHECK(worker.counters.sessions.get() == 1);
}

TEST_CASE("ANameWithoutAnAddressEndsTheSession") {
  NamedBackend worker(1);
  const DatagramClient client(worker.port);
  for (int i = 0; i < 3; ++i) REQUIRE(client.send("x"));
  worker.fixture.run_until([&] { return worker.resolver.waiting.size() == 1; });
  worker.fixture.run_turns();
  worker.resolver.answer(std::unexpected(Error{.code = ErrorCode::kResolveFailed, .what = "no_such_name"}));
  worker.fixture.run_until([&] { return worker.num_quiet == 1; });
  CHECK(worker.dropped(proxy::UdpDrop::kResolveFailed) == 3);
  CHECK(worker.log.lines == std::vector<std::string>{"resolve_failed:no_such_name "});
  CHECK(worker.listeners.is_empty());
}

TEST_CASE("AnAnswerThatComesTooLateFindsNobody") {
  NamedBackend worker(1);
  const DatagramClient client(worker.port);
  REQUIRE(client.send("x"));
  worker.fixture.run_until([&] { return worker.resolver.waiting.size() == 1; });
  worker.config.udp_listeners.clear();
  worker.publish();
  worker.fixture.run_turns();
  worker.resolver.answer(std::vector<std::string>{"127.0.0.1"});
  worker.fixture.run_turns();
  CHECK(worker.log.lines == std::vector<std::string>{"listener_removed: "});
  CHECK(worker.dropped(proxy::UdpDrop::kResolving) == 1);
  CHECK(worker.counters.sessions_open.get() == 0);
}

TEST_CASE("AnotherAddressOfTheNameIsTriedAfterARefusal") {
  const DatagramBackend backend([](std::string_view bytes) { return std::string(bytes); }, "127.0.0.2");
  NamedBackend worker(backend.port());
  const DatagramClient client(worker.port);
  REQUIRE(client.send("lost"));
  worker.fixture.run_until([&] { return worker.resolver.waiting.size() == 1; });
  worker.resolver.answer(std::vector<std::string>{"127.0.0.1", "127.0.0.3", "127.0.0.2"});
  while (!client.receive(0)) {  // each is lost to a refusal until the third address is asked
    REQUIRE(client.send("again"));
    worker.fixture.run_turns(1);
  }
  CHECK(worker.counters.sessions.get() == 1);
  CHECK(worker.log.lines.empty());
}

}  // namespace
}  // namespace ingress::test
