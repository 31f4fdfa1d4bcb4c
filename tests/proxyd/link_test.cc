// What the two ends of the link do together.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "net/tcp.h"
#include "proxyd/link_fixture.h"
#include "proxyd/temp_folder.h"
#include "tls/test_authority.h"

namespace proxyd {

using ingress::GatewayConfig;

TEST_CASE("WhatIsPublishedIsServedAndAcknowledged") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  CHECK(controller.server.publish(config_of(3)).value() == 1);
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.served == config_of(3));
  CHECK(plane.client.sequence() == 1);
  CHECK(plane.client.is_connected());
  CHECK(controller.server.apply({.upsert_routes = {route("new")}}).value() == 2);
  CHECK(controller.server.apply({.remove_routes = {"r100000"}}).value() == 3);
  loop.run_until([&] { return controller.all_have(3); });
  CHECK(plane.fake.served.routes.size() == 3);
  CHECK(plane.fake.num_publishes == 1);
  CHECK(plane.fake.num_applies == 2);
  CHECK(plane.good == ingress::to_wire(plane.fake.served));
  const auto peers = controller.server.peers();
  CHECK(peers[0].version == "1.0");
  CHECK(peers[0].sent_bytes > 0);
  CHECK(plane.states == std::vector<std::string>{""});
  CHECK(controller.peers == std::vector<std::string>{""});
}

TEST_CASE("TheFirstConfigurationMayBeEmpty") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  CHECK(controller.server.publish({}).value() == 1);
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.num_publishes == 1);
}

TEST_CASE("WhatChangesNothingIsNotSent") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  CHECK(controller.server.publish(config_of(3)).value() == 1);
  CHECK(controller.server.publish(config_of(3)).value() == 1);
  CHECK(controller.server.apply({.upsert_routes = {route("r100001")}}).value() == 1);
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.num_publishes == 1);
  CHECK(plane.fake.num_applies == 0);
}

TEST_CASE("WhatIsWrongIsNeverSent") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  REQUIRE(controller.server.publish(config_of(1)));
  CHECK_FALSE(controller.server.apply(
      {.upsert_routes = {{.name = "r", .rules = {{.backends = {{.cluster = "absent"}}}}}}}));
  CHECK_FALSE(
      controller.server.apply({.upsert_certificates = {{.name = "c", .chain = "no PEM", .key = {"x"}}}}));
  CHECK_FALSE(controller.server.publish({.routes = {{.name = ""}}}));
  CHECK(controller.server.sequence() == 1);
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.served == config_of(1));
}

TEST_CASE("AnAcknowledgementWaitsForTheWorkers") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  plane.may_adopt = 0;
  join(loop, controller, plane);
  REQUIRE(controller.server.publish(config_of(1)));
  loop.run_until([&] { return plane.fake.generation == 1; });
  loop.run_turns(5);
  CHECK(controller.acks.empty());
  CHECK(plane.client.sequence() == 0);
  plane.may_adopt = 1;
  loop.run_until([&] { return controller.all_have(1); });
}

TEST_CASE("OneControllerHasManyDataPlanes") {
  LinkLoop loop;
  Controller controller(loop);
  std::vector<std::unique_ptr<DataPlane>> planes;
  for (int i = 0; i < 10; ++i) {
    planes.push_back(std::make_unique<DataPlane>(loop));
    join(loop, controller, *planes.back());
    if (i == 5) REQUIRE(controller.server.publish(config_of(50)));
  }
  REQUIRE(controller.server.apply({.upsert_routes = {route("late")}}));
  loop.run_until([&] { return controller.all_have(2); });
  for (const auto& plane : planes) CHECK(plane->fake.served.routes.size() == 51);
}

TEST_CASE("ARefusedConfigurationIsToldAndTheOneBeforeKept") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  REQUIRE(controller.server.publish(config_of(1)));
  loop.run_until([&] { return controller.all_have(1); });
  plane.fake.refuses = true;
  REQUIRE(controller.server.apply({.upsert_routes = {route("new")}}));
  loop.run_until([&] { return !controller.server.peers()[0].problems.empty(); });
  CHECK(controller.server.peers()[0].problems == FakeServer::problems());
  CHECK(controller.server.peers()[0].acked == 1);
  CHECK(plane.num_refused == 1);
  CHECK(plane.client.config_bytes() == ingress::to_wire(config_of(1)));
  // What comes next brings both.
  plane.fake.refuses = false;
  REQUIRE(controller.server.apply({.upsert_routes = {route("newer")}}));
  loop.run_until([&] { return controller.all_have(3); });
  CHECK(plane.fake.served.routes.size() == 3);
  CHECK(controller.server.peers()[0].problems.empty());
  CHECK(plane.client.config_bytes() == ingress::to_wire(plane.fake.served));
}

TEST_CASE("ARefusedConfigurationIsTriedAgainByItself") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  plane.fake.refuses = true;
  join(loop, controller, plane);
  REQUIRE(controller.server.publish(config_of(1)));
  loop.run_until([&] { return plane.num_refused == 1; });
  plane.fake.refuses = false;
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.served == config_of(1));
}

TEST_CASE("AControllerThatIsBackSendsOnlyWhatChanged") {
  LinkLoop loop;
  DataPlane plane(loop);
  const GatewayConfig before = config_of(1'000);
  {
    Controller controller(loop);
    join(loop, controller, plane);
    REQUIRE(controller.server.publish(before));
    loop.run_until([&] { return controller.all_have(1); });
  }
  loop.run_until([&] { return plane.states.size() == 2; });
  CHECK(plane.states[1] == "the other end closed the link");
  CHECK(plane.fake.served == before);
  Controller controller(loop);
  join(loop, controller, plane);
  loop.run_until([&] { return plane.client.is_connected(); });
  loop.run_turns(3);
  CHECK(plane.fake.served == before);  // it has nothing to say yet
  GatewayConfig after = before;
  after.routes[7] = route(after.routes[7].name, 503);
  after.routes.erase(after.routes.begin() + 8);
  after.routes.push_back(route("z"));
  REQUIRE(controller.server.publish(after));
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.served == after);
  CHECK(plane.fake.num_publishes == 1);
  CHECK(plane.fake.num_parts_sent == 3);
  CHECK(controller.server.peers()[0].sent_bytes < 10'000);
}

TEST_CASE("ADataPlaneThatIsBackGetsOnlyWhatChanged") {
  LinkLoop loop;
  Controller controller(loop);
  REQUIRE(controller.server.publish(config_of(1'000)));
  std::string kept;
  {
    DataPlane plane(loop);
    join(loop, controller, plane);
    loop.run_until([&] { return controller.all_have(1); });
    kept = plane.good;
  }
  loop.run_until([&] { return controller.server.peers().empty(); });
  REQUIRE(controller.server.apply({.upsert_routes = {route("new")}}));
  DataPlane plane(loop);
  REQUIRE(plane.client.restore(kept));
  CHECK(plane.fake.served == config_of(1'000));
  join(loop, controller, plane);
  loop.run_until([&] { return controller.all_have(2); });
  CHECK(plane.fake.served.routes.size() == 1'001);
  CHECK(plane.fake.num_parts_sent == 1);
}

TEST_CASE("WhatCannotBeRestoredIsRefused") {
  LinkLoop loop;
  DataPlane plane(loop);
  CHECK_FALSE(plane.client.restore(""));
  CHECK_FALSE(plane.client.restore("{\"version\": 1}"));
  plane.fake.refuses = true;
  const auto restored = plane.client.restore(ingress::to_wire(config_of(2)));
  REQUIRE_FALSE(restored);
  CHECK(restored.error() == FakeServer::problems());
  CHECK(plane.client.config_bytes().empty());
  // The controller then sends it all.
  plane.fake.refuses = false;
  Controller controller(loop);
  REQUIRE(controller.server.publish(config_of(2)));
  join(loop, controller, plane);
  loop.run_until([&] { return controller.all_have(1); });
  CHECK(plane.fake.served == config_of(2));
}

TEST_CASE("ReportsReachThoseThatAreThereAndThoseThatCome") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane first(loop), second(loop);
  join(loop, controller, first);
  loop.run_until([&] { return first.client.is_connected(); });
  const ControllerReport report{.problems = FakeServer::problems(),
                                .num_ignored = 4,
                                .reloads_ok = 5,
                                .reloads_failed = 6,
                                .metrics_text = std::string(200'000, 'm')};
  controller.server.report(report);
  controller.server.report(report);  // nothing new
  join(loop, controller, second);
  loop.run_until([&] { return !first.reports.empty() && !second.reports.empty(); });
  loop.run_turns(3);
  CHECK(first.reports == std::vector{report});
  CHECK(second.reports == std::vector{report});
}

TEST_CASE("ALargeConfigurationGoesInPieces") {
  LinkLoop loop;
  Controller controller(loop);
  DataPlane plane(loop);
  join(loop, controller, plane);
  GatewayConfig config = config_of(20'000);
  REQUIRE(controller.server.publish(config));
  controller.server.report({.metrics_text = "m"});
  loop.run_until([&] { return controller.all_have(1) && !plane.reports.empty(); });
  CHECK(plane.fake.served == config);
}

TEST_CASE("TheLinkIsMadeAgainOverMutualTls") {
  LinkLoop loop;
  const ingress::test::TestAuthority ca("Link CA");
  const auto issue = [&](const char* name, const char* other) {
    const auto issued = ca.issue({.dns_names = {name}});
    return ingress::StreamIdentity{issued.chain, {issued.key}, ca.pem(), {other}};
  };
  const ingress::StreamIdentity ours = issue("controller", "data-plane");
  std::uint16_t port = 0;
  const auto listen = [&](Controller& controller) {
    auto bound = ingress::net::bind_listening("127.0.0.1", port, 1);
    REQUIRE(bound);
    port = bound->port;
    auto accepting = ingress::accept_streams(
        *loop.loop, bound->fds[0], &ours,
        [&controller](std::unique_ptr<ingress::Stream> stream) {
          std::string name = stream->peer();
          controller.server.add_peer(std::move(stream), std::move(name));
        },
        [](const ingress::Error&) {});
    REQUIRE(accepting);
    return std::move(*accepting);
  };
  auto controller = std::make_unique<Controller>(loop);
  auto accepting = listen(*controller);
  DataPlane plane(loop, {.times = fast_times(),
                         .from = ingress::StreamAddress{"127.0.0.1", port},
                         .tls = issue("data-plane", "controller")});
  plane.client.start();
  REQUIRE(controller->server.publish(config_of(10)));
  loop.run_until([&] { return controller->all_have(1); });
  CHECK(controller->server.peers()[0].name.starts_with("127.0.0.1:"));
  accepting.reset();
  controller.reset();
  loop.run_until([&] { return plane.states.size() >= 3; });
  CHECK(plane.states[2].starts_with("cannot connect: "));
  controller = std::make_unique<Controller>(loop);
  accepting = listen(*controller);
  REQUIRE(controller->server.publish(config_of(11)));
  loop.run_until([&] { return controller->all_have(1); });
  CHECK(plane.fake.num_publishes == 1);
  CHECK(plane.fake.num_parts_sent == 1);
}

TEST_CASE("AUnixSocketIsALinkToo") {
  LinkLoop loop;
  const TempFolder folder;
  const std::string address = "unix:" + folder.path() + "/link";
  DataPlane plane(loop, {.times = fast_times(), .from = ingress::StreamAddress{address}});
  plane.client.start();
  loop.run_until([&] { return plane.states.size() == 1; });
  auto bound = ingress::net::bind_listening(address, 0, 1);
  REQUIRE(bound);
  Controller controller(loop);
  auto accepting = ingress::accept_streams(
      *loop.loop, bound->fds[0], nullptr,
      [&](std::unique_ptr<ingress::Stream> stream) { controller.server.add_peer(std::move(stream), "unix"); },
      [](const ingress::Error&) {});
  REQUIRE(accepting);
  REQUIRE(controller.server.publish(config_of(1)));
  loop.run_until([&] { return controller.all_have(1); });
}

}  // namespace proxyd
