// Datagrams through the whole server: who gets them, from where answers come, when sessions end.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <map>
#include <set>

#include "proxy/udp_fixture.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;

TEST_CASE("DatagramsGoThereAndBackWhole") {
  const DatagramBackend backend;
  RunningServer running(udp_config({backend.port()}));
  const DatagramClient client(running.port("udp"));
  for (const std::string& bytes : {std::string("a"), std::string(), std::string(65'507, 'l')})
    CHECK(client.ask(bytes) == bytes);
  wait_metric(running.server(), "udp_backend_datagrams_total", {}, 3);
  CHECK(metric(running.server(), "udp_client_datagrams_total") == 3);
  CHECK(metric(running.server(), "udp_client_bytes_total") == 65'508);
  CHECK(metric(running.server(), "udp_backend_bytes_total") == 65'508);
  CHECK(metric(running.server(), "udp_sessions_total") == 1);
  CHECK(metric(running.server(), "udp_sessions_open") == 1);
}

TEST_CASE("ABurstOfManyClientsIsAnsweredToEachItsOwn") {
  const DatagramBackend backend;
  RunningServer running(udp_config({backend.port()}), {.workers = 2});
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(running.port("udp"));
  for (int round = 0; round < 3; ++round)  // interleaved
    for (std::size_t i = 0; i < clients.size(); ++i)
      REQUIRE(clients[i].send(std::to_string(i) + "." + std::to_string(round)));
  for (std::size_t i = 0; i < clients.size(); ++i)
    for (int round = 0; round < 3; ++round)
      CHECK(clients[i].receive() == std::to_string(i) + "." + std::to_string(round));
  CHECK(metric(running.server(), "udp_sessions_total") == 40);
}

TEST_CASE("ASessionStaysWithItsBackendWhicheverWorkerHasIt") {
  const DatagramBackend a(DatagramBackend::named("a")), b(DatagramBackend::named("b"));
  RunningServer running(udp_config({a.port(), b.port()}), {.workers = 3});
  std::map<std::string, int> sessions;
  std::vector<DatagramClient> clients;  // all kept: a port that is given anew would find an old session
  for (int i = 0; i < 30; ++i) {
    const DatagramClient& client = clients.emplace_back(running.port("udp"));
    const std::string first = client.ask("x").value_or("none");
    for (int round = 0; round < 10; ++round) CHECK(client.ask("x") == first);
    ++sessions[first];
  }
  CHECK(sessions["a:x"] + sessions["b:x"] == 30);
  CHECK(sessions["a:x"] > 0);
  CHECK(sessions["b:x"] > 0);
  CHECK(metric(running.server(), "udp_sessions_total") == 30);
}

TEST_CASE("SessionsAreSharedByWeightExactly") {
  const DatagramBackend a(DatagramBackend::named("a")), b(DatagramBackend::named("b"));
  GatewayConfig config = udp_config({a.port()});
  config.clusters.push_back({.name = "other", .endpoints = {{"127.0.0.1", b.port()}}});
  config.udp_listeners[0].backends = {{.cluster = "backend", .weight = 3},
                                      {.cluster = "other", .weight = 1},
                                      {.cluster = "nowhere", .weight = 0, .failure = FixedReply{}}};
  RunningServer running(config);
  std::map<std::string, int> sessions;
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 40; ++i)
    ++sessions[clients.emplace_back(running.port("udp")).ask("x").value_or("none")];
  CHECK(sessions == std::map<std::string, int>{{"a:x", 30}, {"b:x", 10}});
}

TEST_CASE("AShareWithAFailureIsDropped") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({backend.port()});
  config.udp_listeners[0].backends.push_back({.weight = 1, .failure = FixedReply{}});
  RunningServer running(config);
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(running.port("udp"));
    REQUIRE(clients.back().send("x"));
  }
  wait_metric(running.server(), "udp_datagrams_dropped_total", "no_backend", 10);
  wait_metric(running.server(), "udp_sessions_total", {}, 10);
}

TEST_CASE("AnAddressKeepsItsEndpointByConsistentHash") {
  const DatagramBackend a(DatagramBackend::named("a")), b(DatagramBackend::named("b"));
  GatewayConfig config = udp_config({a.port(), b.port()});
  config.clusters[0].load_balancing = LoadBalancing::kConsistentHash;
  RunningServer running(config, {.workers = 2});
  for (const char* address : {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"}) {
    std::set<std::string> answers;
    for (int i = 0; i < 8; ++i)
      answers.insert(DatagramClient("127.0.0.1", running.port("udp"), address).ask("x").value_or("none"));
    CHECK(answers.size() == 1);
    CHECK_FALSE(answers.contains("none"));
  }
}

TEST_CASE("OnAWildcardAddressEachOfOursAnswersForItself") {
  const DatagramBackend backend;
  RunningServer running(udp_config({backend.port()}, "0.0.0.0"), {.workers = 2});
  for (const char* server : {"127.0.0.1", "127.0.0.2", "127.1.2.3"}) {
    const DatagramClient client(server, running.port("udp"));  // takes nothing from elsewhere
    for (int round = 0; round < 3; ++round) CHECK(client.ask("x") == "x");
  }
}

TEST_CASE("NothingButTheBackendsAnswersReachesTheClient") {
  std::atomic<const DatagramBackend*> self = nullptr;  // set when its thread runs already
  const DatagramBackend backend([&self](std::string_view bytes) {
    // The port of the session is no secret: somebody else's datagram is there first.
    const DatagramClient stranger("127.0.0.1", self.load()->last_peer_port(), "127.0.0.2");
    stranger.send("forged");
    return std::string(bytes);
  });
  self = &backend;
  RunningServer running(udp_config({backend.port()}));
  const DatagramClient client(running.port("udp"));
  for (int round = 0; round < 3; ++round) CHECK(client.ask("x") == "x");
  CHECK_FALSE(client.receive(0));
}

TEST_CASE("AnIdleSessionEndsAndIsWrittenDown") {
  const DatagramBackend backend(DatagramBackend::named("long"));
  GatewayConfig config = udp_config({backend.port()});
  RunningServer running(config);
  const DatagramClient client(running.port("udp"));
  CHECK(client.ask("x") == "long:x");
  config.udp_listeners[0].idle_timeout = milliseconds(10);
  running.publish(config);
  const RecordingLog::Stream record = running.log().wait_for_stream(1);
  CHECK(record.why == "idle_timeout");
  CHECK(record.client == "127.0.0.1");
  CHECK(record.client_port != 0);
  CHECK(record.listener == "udp");
  CHECK(record.protocol == "udp");
  CHECK(record.upstream == "127.0.0.1:" + std::to_string(backend.port()));
  CHECK(record.cluster == "backend");
  CHECK(record.client_bytes == 1);
  CHECK(record.backend_bytes == 6);
  CHECK(record.client_datagrams == 1);
  CHECK(record.backend_datagrams == 1);
  wait_metric(running.server(), "udp_sessions_open", {}, 0);
  config.udp_listeners[0].idle_timeout = milliseconds(60'000);
  running.publish(config);
  CHECK(client.ask("y") == "long:y");  // another one
  CHECK(metric(running.server(), "udp_sessions_total") == 2);
}

TEST_CASE("SessionsBeyondTheLimitsAreNotBegun") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({backend.port()});
  config.udp_listeners[0].max_sessions = 3;
  config.udp_listeners[0].max_sessions_per_source = 2;
  RunningServer running(config);
  const std::uint16_t port = running.port("udp");
  const DatagramClient first(port), second(port), third(port);
  CHECK(first.ask("x") == "x");
  CHECK(second.ask("x") == "x");
  third.send("x");
  wait_metric(running.server(), "udp_datagrams_dropped_total", "max_sessions_per_source", 1);
  const DatagramClient other("127.0.0.1", port, "127.0.0.2"), another("127.0.0.1", port, "127.0.0.2");
  CHECK(other.ask("x") == "x");
  another.send("x");
  wait_metric(running.server(), "udp_datagrams_dropped_total", "max_sessions", 1);
  CHECK(first.ask("y") == "y");
  CHECK(metric(running.server(), "udp_sessions_open") == 3);
}

TEST_CASE("SessionsLeaveHalfOfTheDescriptorsToOthers") {
  const DatagramBackend backend;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 64;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  RunningServer running(udp_config({backend.port()}), {.workers = 2});
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  std::vector<DatagramClient> clients;
  for (int i = 0; i < 80; ++i) {
    clients.emplace_back(running.port("udp"));
    REQUIRE(clients.back().send("x"));
  }
  const Server& server = running.server();
  const auto dropped = [&] { return metric(server, "udp_datagrams_dropped_total", "no_descriptors"); };
  while (dropped() + metric(server, "udp_sessions_open") < 80) std::this_thread::yield();
  CHECK(metric(server, "udp_sessions_open") <= 32);
  CHECK(metric(server, "udp_sessions_open") >= 16);  // as the kernel shares them among the two workers
}

TEST_CASE("ABackendThatIsNotThereEndsTheSession") {
  const std::uint16_t nobody = DatagramBackend().port();
  RunningServer running(udp_config({nobody}));
  const DatagramClient client(running.port("udp"));
  client.send("x");
  const RecordingLog::Stream record = running.log().wait_for_stream(1);
  CHECK(record.why == "connect_failed");
  CHECK(record.detail == "refused");
  CHECK(record.upstream == "127.0.0.1:" + std::to_string(nobody));
  CHECK(record.backend_datagrams == 0);
  CHECK_FALSE(client.receive(0));
}

TEST_CASE("WhatFollowsARefusalMayFindAnotherEndpoint") {
  const DatagramBackend backend;
  const std::uint16_t nobody = DatagramBackend().port();
  RunningServer running(udp_config({nobody, backend.port()}));
  const DatagramClient client(running.port("udp"));
  CHECK(ask_until_answered(client, "x") == "x");
}

TEST_CASE("AHostNameIsResolvedAndItsOtherAddressesTried") {
  const DatagramBackend backend;
  GatewayConfig config = udp_config({});
  // ::1 as well on many machines, where nobody listens.
  config.clusters[0].endpoints = {{"localhost", backend.port()}};
  RunningServer running(config, {.workers = 2});
  const DatagramClient client(running.port("udp"));
  CHECK(ask_until_answered(client, "x") == "x");
}

TEST_CASE("WithoutAnEndpointDatagramsAreDropped") {
  RunningServer running(udp_config({}));
  const DatagramClient client(running.port("udp"));
  client.send("x");
  wait_metric(running.server(), "udp_datagrams_dropped_total", "no_endpoints", 1);
  CHECK(running.log().num_streams() == 0);
}

TEST_CASE("ALocalBackendIsRefusedUnlessAllowed") {
  const DatagramBackend backend;
  auto log = std::make_shared<RecordingLog>();
  auto server = Server::create({.access_log = log, .local_backends = LocalBackends::kRefused});
  REQUIRE(server);
  REQUIRE(server->publish(udp_config({backend.port()})));
  const DatagramClient client(server->status().listeners.at(0).port);
  client.send("x");
  const RecordingLog::Stream record = log->wait_for_stream(1);
  CHECK(record.why == "address_refused");
  CHECK(record.detail == "loopback");
  CHECK(record.upstream.empty());
  wait_metric(*server, "udp_datagrams_dropped_total", "address_refused", 1);
  CHECK(backend.num_received() == 0);
}

}  // namespace
}  // namespace ingress::test
