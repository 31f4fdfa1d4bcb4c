// The whole library over real sockets: requests, changes of configuration, sockets of others, stopping.
#include <doctest/doctest.h>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

constexpr const char* kGet = "GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_CASE("ServesSeveralRequestsOnOneConnectionInOrder") {
  Backend backend(serve_echo);
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  for (int round = 0; round < 3; ++round) {
    client.send(kGet);
    const std::string answer = client.read_message();
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("X-Seen: GET /a?b=1 HTTP/1.1\r\n") != std::string::npos);
  }
  client.send(
      "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().ends_with("\r\n\r\none"));
  CHECK(client.read_message().find("X-Seen: GET /2 ") != std::string::npos);
}

TEST_CASE("AnswersItselfWithTheReasonInTheLog") {
  ListeningSocket silent;
  const std::uint16_t refusing = [] { return ListeningSocket().port(); }();
  GatewayConfig config = one_backend(refusing);
  config.clusters.push_back({.name = "empty"});
  config.clusters.push_back({.name = "silent",
                             .endpoints = {{"127.0.0.1", silent.port()}},
                             .timeouts = {.response_head = std::chrono::milliseconds(50)}});
  config.routes[0].hosts = {"refused"};
  config.routes.push_back(
      {.name = "empty", .hosts = {"empty"}, .rules = {{.backends = {{.cluster = "empty"}}}}});
  config.routes.push_back(
      {.name = "silent", .hosts = {"silent"}, .rules = {{.backends = {{.cluster = "silent"}}}}});
  config.routes.push_back(
      {.name = "fixed", .hosts = {"fixed"}, .rules = {{.reply = FixedReply{418, "teapot"}}}});
  RunningServer running(config);
  struct Row {
    const char* host;
    const char* status_line;
    const char* why;
  };
  std::size_t count = 0;
  for (const Row& row :
       {Row{"nobody", "HTTP/1.1 404 ", "no_route"}, Row{"empty", "HTTP/1.1 503 ", "no_endpoints"},
        Row{"refused", "HTTP/1.1 502 ", "connect_failed"}, Row{"silent", "HTTP/1.1 504 ", "upstream_timeout"},
        Row{"fixed", "HTTP/1.1 418 ", "teapot"}}) {
    CAPTURE(row.host);
    Socket client = Socket::connect(running.port());
    client.send("GET / HTTP/1.1\r\nHost: " + std::string(row.host) + "\r\n\r\n");
    CHECK(client.read_message().starts_with(row.status_line));
    CHECK(running.log().wait_for(++count).why == row.why);
  }
}

TEST_CASE("ALocalBackendIsRefusedUnlessTheOptionsAllowIt") {
  Backend backend(serve_echo);
  auto server = Server::create({});
  REQUIRE(server);
  REQUIRE(server->publish(one_backend(backend.port())));
  std::thread loop([&] { CHECK(server->run()); });
  Socket client = Socket::connect(server->status().listeners.front().port);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 502 "));
  server->stop_now();
  loop.join();
}

TEST_CASE("RefusesABadHeadAndInterpretsNothingBehindIt") {
  Backend backend(serve_echo);
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  client.send(
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nGET /b HTTP/1.1\r\nHost: "
      "x\r\n\r\n");
  const std::string answer = client.read_to_end();
  CHECK(answer.starts_with("HTTP/1.1 400 "));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(running.log().wait_for(1).detail == "two_content_lengths");
}

TEST_CASE("AChangeReachesTheNextRequestAndOldViewsGo") {
  Backend first(serve_echo), second([](Socket& socket) {
    while (!socket.read_message().empty()) socket.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  GatewayConfig config = one_backend(first.port());
  RunningServer running(config, {.workers = 2});
  Socket client = Socket::connect(running.port());
  client.send(kGet);
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));

  config.clusters[0].endpoints[0].port = second.port();
  const auto generation = running.server().apply({.upsert_clusters = config.clusters});
  REQUIRE(generation);
  CHECK(*generation == 2);
  running.wait_until_adopted(2);
  client.send(kGet);
  CHECK(client.read_message().starts_with("HTTP/1.1 201 "));
  for (const WorkerStatus& worker : running.server().status().workers) CHECK(worker.views == 1);
  CHECK(running.server().publish(config) == 2);  // equal: no new generation
}

TEST_CASE("ServesSocketsThatSomebodyElseHasBound") {
  Backend backend(serve_echo);
  ListeningSocket bound;
  const std::uint16_t port = bound.port();
  GatewayConfig config = one_backend(backend.port());
  config.listeners[0].port = port;
  RunningServer running(config, {.sockets = {{.listener = "web", .fds = {bound.release()}}}});
  Socket client = Socket::connect(port);
  client.send(kGet);
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("RemovingAListenerEndsItsIdleConnectionsAndKeepsTheOthers") {
  Backend backend(serve_echo);
  GatewayConfig config = one_backend(backend.port());
  config.listeners.push_back({.name = "second", .address = "127.0.0.1", .port = 0});
  RunningServer running(config);
  Socket kept = Socket::connect(running.port("web")), gone = Socket::connect(running.port("second"));
  for (Socket* client : {&kept, &gone}) {
    client->send(kGet);
    CHECK(client->read_message().starts_with("HTTP/1.1 200 "));
  }
  config.listeners.pop_back();
  running.publish(config);
  CHECK(gone.is_ended());
  kept.send(kGet);
  CHECK(kept.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("AnAddressCanBeGivenUpAndTakenAgainAtOnce") {
  Backend backend(serve_echo);
  RunningServer running(one_backend(backend.port()), {.workers = 2});
  GatewayConfig without = one_backend(backend.port());
  without.listeners.push_back({.name = "again", .address = "127.0.0.1", .port = ListeningSocket().port()});
  const GatewayConfig with = without;
  without.listeners.pop_back();
  for (int round = 0; round < 100; ++round) {
    REQUIRE(running.server().publish(with));
    REQUIRE(running.server().publish(without));
  }
  running.publish(with);
  Socket client = Socket::connect(with.listeners.back().port);
  client.send(kGet);
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("StoppingLetsARunningExchangeEnd") {
  std::mutex mutex;
  std::condition_variable opened;
  bool is_open = false;
  Backend backend([&](Socket& socket) {
    if (socket.read_message().empty()) return;
    std::unique_lock lock(mutex);
    opened.wait(lock, [&] { return is_open; });
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
  RunningServer running(one_backend(backend.port()));
  Socket busy = Socket::connect(running.port()), idle = Socket::connect(running.port());
  busy.send(kGet);
  const auto is_active = [&] {
    for (const MetricFamily& family : running.server().metrics()) {
      if (family.name == "requests_active") return family.samples[0].value == 1;
    }
    return false;
  };
  while (!is_active()) std::this_thread::yield();
  running.server().stop();
  CHECK(idle.is_ended());  // so draining has begun, and the answer must say close
  {
    const std::lock_guard lock(mutex);
    is_open = true;
  }
  opened.notify_all();
  const std::string answer = busy.read_to_end();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("done"));
}

TEST_CASE("AStaleKeptConnectionIsReplacedWithoutTheClientNoticing") {
  Backend backend([](Socket& socket) {
    if (!socket.read_message().empty()) socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });  // closes after one answer without having said so
  RunningServer running(one_backend(backend.port()));
  Socket client = Socket::connect(running.port());
  for (int round = 0; round < 20; ++round) {
    client.send(kGet);
    CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
  }
}

}  // namespace
}  // namespace ingress::test
