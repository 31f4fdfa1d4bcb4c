// Stopping with clients at every stage: nobody who was accepted is forgotten, and it always ends.
#include <doctest/doctest.h>

#include <atomic>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

// Holds its worker's thread while it is told to.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++num_waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  void wait_for_visitor() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return num_waiting_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int num_waiting_ = 0;
  bool is_open_ = false;
};

class GateFilter final : public Filter {
 public:
  explicit GateFilter(Gate& gate) : gate_(gate) {}
  Verdict on_request(RequestHead& head, ExchangeContext&) override {
    if (head.path() == "/gate") gate_.pass();
    return Verdict::next();
  }

 private:
  Gate& gate_;
};

ServerOptions gated(Gate& gate) {
  return {.make_filters = [&gate] {
    FilterList list;
    list.push_back(std::make_unique<GateFilter>(gate));
    return list;
  }};
}

TEST_CASE("ARequestThatWasSentBeforeTheStopIsServed") {
  Backend backend(serve_echo);
  Gate gate;
  RunningServer running(one_backend(backend.port()), gated(gate));
  Socket first = Socket::connect(running.port());
  first.send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
  gate.wait_for_visitor();
  Socket queued = Socket::connect(running.port());  // in the kernel's queue: the worker is busy
  queued.send(kGet);
  running.server().stop();
  while (!running.server().status().is_draining) std::this_thread::yield();
  gate.open();
  CHECK(first.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(queued.read_message().starts_with("HTTP/1.1 200 "));
  CHECK(queued.is_ended());
}

TEST_CASE("ARequestThatWasSentBeforeItsListenerWentIsServed") {
  Backend backend(serve_echo);
  Gate gate;
  GatewayConfig config = one_backend(backend.port());
  config.listeners.push_back({.name = "second", .address = "127.0.0.1", .port = 0});
  RunningServer running(config, gated(gate));
  Socket first = Socket::connect(running.port());
  first.send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
  gate.wait_for_visitor();
  Socket queued = Socket::connect(running.port("second"));
  queued.send(kGet);
  config.listeners.pop_back();
  REQUIRE(running.server().publish(config));
  gate.open();
  CHECK(queued.read_message().starts_with("HTTP/1.1 200 "));
}

// Also with more workers than connections, and when nobody is there at all.
TEST_CASE("DrainingEndsByItselfWhateverTheClientsDo") {
  for (const unsigned workers : {1u, 3u}) {
    Backend backend(serve_echo);
    std::vector<Socket> clients;
    RunningServer running(one_backend(backend.port()),
                          {.workers = workers, .drain_timeout = std::chrono::hours(1)});
    for (const char* sent : {"", "GET / HT", "\r\n", kGet}) {
      if (workers == 3) break;
      clients.push_back(Socket::connect(running.port()));
      clients.back().send(sent);
    }
    if (workers == 1) CHECK(clients.back().read_message().starts_with("HTTP/1.1 200 "));
    running.server().stop();
    clients.erase(clients.begin() + std::min<std::ptrdiff_t>(1, std::ssize(clients)), clients.end());
    running.wait_until_stopped();
    CHECK(running.server().status().workers.empty());
  }
}

TEST_CASE("AnExchangeThatNeverEndsIsCutWhenTheTimeForDrainingIsOver") {
  ListeningSocket silent;
  RunningServer running(one_backend(silent.port()), {.drain_timeout = std::chrono::milliseconds(100)});
  Socket client = Socket::connect(running.port());
  client.send(kGet);
  Socket at_backend = silent.accept();
  CHECK(at_backend.read_until("\r\n\r\n").starts_with("GET /a "));
  running.server().stop();
  running.wait_until_stopped();
  CHECK(client.is_ended());
  CHECK(running.log().wait_for(1).status == 499);
}

// Switches protocols and echoes lines; does not answer anything else.
void serve_upgrades(Socket& socket) {
  const std::string head = socket.read_until("\r\n\r\n");
  if (!head.starts_with("GET /chat ")) return (void)socket.read_to_end();
  socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  for (std::string word; !(word = socket.read_until("\n")).empty();) socket.send(word);
}

Socket open_tunnel(const RunningServer& running) {
  Socket client = Socket::connect(running.port());
  client.send("GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  return client;
}

bool echoes(Socket& tunnel) {
  return tunnel.send("word\n") && tunnel.read_until("\n") == "word\n";
}

TEST_CASE("TunnelsAreClosedWhenTheirTimeIsOverWhileRequestsGoOn") {
  ListeningSocket held;
  Backend upgrading(serve_upgrades);
  GatewayConfig config = one_backend(upgrading.port());
  config.clusters.push_back({.name = "held", .endpoints = {{"127.0.0.1", held.port()}}});
  config.routes[0].rules.push_back(
      {.matches = {{.path = PathMatch::exact("/held")}}, .backends = {{.cluster = "held"}}});
  RunningServer running(config, {.workers = 2,
                                 .drain_timeout = std::chrono::hours(1),
                                 .tunnel_drain_timeout = std::chrono::milliseconds(100)});
  Socket tunnel = open_tunnel(running);
  CHECK(echoes(tunnel));
  Socket busy = Socket::connect(running.port());
  busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  Socket at_backend = held.accept();
  at_backend.read_until("\r\n\r\n");
  running.server().stop();
  CHECK(tunnel.is_ended());
  const auto line = running.log().wait_for(1);
  CHECK(line.status == 101);
  CHECK(line.detail == "drain");
  at_backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(busy.read_message().starts_with("HTTP/1.1 200 "));
  running.wait_until_stopped();
}

TEST_CASE("TunnelsGoOnWhenTheTimeOfRequestsIsOverAndTheirEndIsTheEndOfTheDrain") {
  Backend backend(serve_upgrades);
  RunningServer running(one_backend(backend.port()), {.drain_timeout = std::chrono::milliseconds(100),
                                                      .tunnel_drain_timeout = std::chrono::hours(1)});
  Socket tunnel = open_tunnel(running);
  Socket busy = Socket::connect(running.port());
  busy.send("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n");
  running.server().stop();
  CHECK(busy.is_ended());
  CHECK(echoes(tunnel));
  tunnel.end_sending();
  CHECK(tunnel.is_ended());
  running.wait_until_stopped();
}

TEST_CASE("StoppingAtOnceSaysSoOfItsTunnels") {
  Backend backend(serve_upgrades);
  RunningServer running(one_backend(backend.port()));
  Socket tunnel = open_tunnel(running);
  running.server().stop_now();
  CHECK(tunnel.is_ended());
  CHECK(running.log().wait_for(1).detail == "drain");
}

TEST_CASE("AListenerThatIsPublishedWhileDrainingTakesNobody") {
  ListeningSocket silent;
  RunningServer running(one_backend(silent.port()));
  Socket busy = Socket::connect(running.port());
  busy.send(kGet);
  Socket at_backend = silent.accept();
  at_backend.read_until("\r\n\r\n");
  running.server().stop();
  while (Socket::connect(running.port()).is_open()) std::this_thread::yield();
  GatewayConfig config = one_backend(silent.port());
  config.listeners.push_back({.name = "late", .address = "127.0.0.1", .port = 0});
  running.publish(config);
  CHECK(!Socket::connect(running.port("late")).is_open());
  at_backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(busy.read_message().starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace ingress::test
