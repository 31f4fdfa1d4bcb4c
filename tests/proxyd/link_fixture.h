// Both ends of the link on one loop, and what stands behind them.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingress/loop.h"
#include "ingress/stream.h"
#include "proxyd/link/link_client.h"
#include "proxyd/link/link_server.h"
#include "support/loop_waits.h"

namespace proxyd {

using std::chrono::milliseconds;

// A server that keeps what it was given, refuses what it is told to refuse, and adopts when it may.
class FakeServer final : public Publisher {
 public:
  Outcome publish(ingress::GatewayConfig config) override {
    ++num_publishes;
    if (refuses) return std::unexpected(problems());
    served = std::move(config);
    return ++generation;
  }
  Outcome apply(ingress::ConfigDelta delta) override {
    ++num_applies;
    num_parts_sent += delta.upsert_routes.size() + delta.remove_routes.size() + delta.upsert_clusters.size() +
                      delta.remove_clusters.size();
    if (refuses) return std::unexpected(problems());
    ingress::apply(served, delta);
    return ++generation;
  }
  static std::vector<ingress::Problem> problems() {
    return {{.object = {"Listener", "", "http"}, .why = "address in use", .fix = "free it"}};
  }

  ingress::GatewayConfig served;
  ingress::Generation generation = 0;
  bool refuses = false;
  int num_publishes = 0, num_applies = 0;
  std::size_t num_parts_sent = 0;
};

struct LinkLoop {
  LinkLoop() : loop(ingress::Loop::create().value()) {}
  void run_until(const std::function<bool()>& done) { ingress::test::run_until(*loop, done); }
  void run_turns(int num) {
    int turns = 0;
    const auto count = loop->every(milliseconds(10), [&] { ++turns; });
    run_until([&] { return turns >= num; });
  }
  std::pair<std::unique_ptr<ingress::Stream>, std::unique_ptr<ingress::Stream>> make_pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    auto first = ingress::adopt_stream(*loop, fds[0]);
    auto second = ingress::adopt_stream(*loop, fds[1]);
    REQUIRE(first);
    REQUIRE(second);
    return {std::move(*first), std::move(*second)};
  }
  std::unique_ptr<ingress::Loop> loop;
};

inline LinkTimes fast_times() {
  return {.beat = milliseconds(50),
          .max_silent_beats = 100,
          .first_wait = milliseconds(10),
          .retry = milliseconds(50)};
}

// A controller's end and what it tells.
struct Controller {
  explicit Controller(LinkLoop& loop, LinkTimes times = fast_times())
      : server(*loop.loop,
               {.version = "1.0",
                .times = times,
                .on_ack = [this](const LinkPeer& peer, std::uint64_t) { acks.push_back(peer); },
                .on_peer = [this](const LinkPeer&, const std::string& why) { peers.push_back(why); }}) {}
  std::vector<LinkPeer> acks;
  std::vector<std::string> peers;
  LinkServer server;
  bool all_have(std::uint64_t sequence) const {
    for (const LinkPeer& peer : server.peers())
      if (peer.acked != sequence) return false;
    return !server.peers().empty();
  }
};

// A data plane's end.
struct DataPlane {
  explicit DataPlane(LinkLoop& loop, LinkClientOptions options = {.times = fast_times()})
      : client(*loop.loop, fake, complete(std::move(options))) {}
  LinkClientOptions complete(LinkClientOptions options) {
    options.version = "1.0";
    options.is_adopted = [this](ingress::Generation generation) { return generation <= may_adopt; };
    options.on_adopted = [this](std::uint64_t) { good = client.config_bytes(); };
    options.on_refused = [this](const auto&) { ++num_refused; };
    options.on_report = [this](const ControllerReport& report) { reports.push_back(report); };
    options.on_state = [this](const std::string& why) { states.push_back(why); };
    return options;
  }
  FakeServer fake;
  ingress::Generation may_adopt = 1'000'000;
  std::string good;
  int num_refused = 0;
  std::vector<ControllerReport> reports;
  std::vector<std::string> states;
  LinkClient client;
};

inline void join(LinkLoop& loop, Controller& controller, DataPlane& plane) {
  auto [first, second] = loop.make_pair();
  controller.server.add_peer(std::move(first), "test");
  plane.client.adopt(std::move(second));
}

inline ingress::Route route(const std::string& name, std::uint16_t status = 404) {
  return {.name = name,
          .hosts = {name + ".example"},
          .rules = {{.reply = ingress::FixedReply{.status = status}}}};
}
inline ingress::GatewayConfig config_of(std::size_t num_routes) {
  ingress::GatewayConfig config;
  for (std::size_t i = 0; i < num_routes; ++i)
    config.routes.push_back(route("r" + std::to_string(100'000 + i)));
  return config;
}

}  // namespace proxyd
