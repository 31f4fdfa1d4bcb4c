// The link with ends that are slow, silent, of another version, or not of this program at all.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "proxyd/link/link_frames.h"
#include "proxyd/link_fixture.h"

namespace proxyd {
namespace {

// An end that says what the test says.
struct RawEnd final : ingress::StreamEvents {
  explicit RawEnd(std::unique_ptr<ingress::Stream> its_stream) : stream(std::move(its_stream)) {
    stream->start(*this);
  }
  RawEnd(const RawEnd&) = delete;
  RawEnd& operator=(const RawEnd&) = delete;
  void on_bytes(std::string_view bytes) override {
    while (true) {
      auto message = reader.next(bytes);
      REQUIRE(message);
      if (!*message) return;
      got.push_back(std::move(**message));
    }
  }
  void on_closed(std::expected<void, ingress::Error>) override { is_closed = true; }
  void send(MessageType type, std::string bytes) {
    FrameQueue queue;
    queue.push(type, std::make_shared<const std::string>(std::move(bytes)));
    while (!queue.is_empty()) stream->write(queue.take_frame());
  }
  const Message* find(MessageType type) const {
    const auto found = std::ranges::find(got, type, &Message::type);
    return found == got.end() ? nullptr : &*found;
  }
  std::unique_ptr<ingress::Stream> stream;
  FrameReader reader;
  std::vector<Message> got;
  bool is_closed = false;
};

struct HostileDataPlane {
  explicit HostileDataPlane(LinkTimes times = fast_times()) : controller(loop, times) {
    auto [first, second] = loop.make_pair();
    controller.server.add_peer(std::move(first), "test");
    end.emplace(std::move(second));
  }
  // Until the controller has given it up; why, as it says.
  std::string end_reason() {
    loop.run_until([&] { return controller.server.peers().empty(); });
    return controller.peers.back();
  }
  LinkLoop loop;
  Controller controller;
  std::optional<RawEnd> end;
};

const Hello kHello{.program = "0.9"};

}  // namespace

TEST_CASE("VersionsThatDifferAreNamedAtBothEnds") {
  for (const bool is_schema : {false, true}) {
    HostileDataPlane world;
    Hello other = kHello;
    (is_schema ? other.schema : other.link_version) += 1;
    world.end->send(MessageType::kHello, to_bytes(other));
    CHECK(world.end_reason() ==
          "versions 1.0 and 0.9 do not understand each other: run the same at both ends");
    const Message* refusal = world.end->find(MessageType::kRefusal);
    REQUIRE(refusal != nullptr);
    CHECK(read_refusal(refusal->bytes)->why == world.controller.peers.back());
  }
}

TEST_CASE("WhatTheOtherEndRefusesForIsShown") {
  LinkLoop loop;
  DataPlane plane(loop);
  auto [first, second] = loop.make_pair();
  plane.client.adopt(std::move(second));
  RawEnd end(std::move(first));
  end.send(MessageType::kRefusal, to_bytes(Refusal{"versions 2.0 and 1.0"}));
  loop.run_until([&] { return !plane.states.empty(); });
  CHECK(plane.states[0] == "the other end refused the link: versions 2.0 and 1.0");
  CHECK_FALSE(plane.client.is_connected());
}

TEST_CASE("NonsenseEndsTheLinkAndNothingElse") {
  using Say = void (*)(RawEnd&);
  const struct {
    Say say;
    const char* why;
  } rows[] = {
      {[](RawEnd& end) { end.stream->write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); },
       "not the protocol of the link: "},
      {[](RawEnd& end) { end.stream->write(std::string(100'000, '\xff')); },
       "not the protocol of the link: "},
      {[](RawEnd& end) { end.stream->write(ping_frame()); }, "not the protocol of the link: no hello first"},
      {[](RawEnd& end) { end.send(MessageType::kHello, "hello"); }, "not the protocol of the link: no hello"},
      {[](RawEnd& end) {
         end.send(MessageType::kHello, to_bytes(kHello));
         end.send(MessageType::kHello, to_bytes(kHello));
       },
       "not the protocol of the link: a second hello"},
      {[](RawEnd& end) {
         end.send(MessageType::kHello, to_bytes(kHello));
         end.send(MessageType::kUpdate, to_bytes(Update{.sequence = 1}));
       },
       "not the protocol of the link: a message that a data plane"},
      {[](RawEnd& end) {
         end.send(MessageType::kHello, to_bytes(kHello));
         end.send(MessageType::kInventory, "unasked");
       },
       "not the protocol of the link: a message that a data plane"},
      {[](RawEnd& end) {
         end.send(MessageType::kHello, to_bytes(kHello));
         end.send(MessageType::kAck, to_bytes(Ack{.sequence = 99}));
       },
       "an acknowledgement of what was not sent"},
      {[](RawEnd& end) {
         end.send(MessageType::kHello, to_bytes(kHello));
         end.send(MessageType::kAck, "x");
       },
       "an acknowledgement of what was not sent"},
      {[](RawEnd& end) { end.stream.reset(); }, "the "},  // closed, or reset for what it did not read
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    CAPTURE(i);
    HostileDataPlane world;
    REQUIRE(world.controller.server.publish(config_of(1)));
    DataPlane good(world.loop);
    rows[i].say(*world.end);
    world.loop.run_until([&] {
      return std::ranges::any_of(world.controller.peers, [](const std::string& why) { return !why.empty(); });
    });
    CHECK(world.controller.peers.back().starts_with(rows[i].why));
    join(world.loop, world.controller, good);
    world.loop.run_until([&] { return world.controller.all_have(1); });
  }
}

TEST_CASE("AnInventoryOfNonsenseIsRefused") {
  HostileDataPlane world;
  REQUIRE(world.controller.server.publish(config_of(1)));
  Hello hello = kHello;
  hello.num_parts = 5;
  world.end->send(MessageType::kHello, to_bytes(hello));
  world.loop.run_until([&] { return world.end->find(MessageType::kInventoryRequest) != nullptr; });
  world.end->send(MessageType::kInventory, "nonsense");
  CHECK(world.end_reason() == "an inventory is not in wire form");
}

TEST_CASE("UpdatesOfNonsenseChangeNothing") {
  const std::string delta = ingress::to_wire(ingress::ConfigDelta{.remove_routes = {"r100000"}});
  const struct {
    MessageType type;
    std::string bytes;
  } rows[] = {
      {MessageType::kUpdate, ""},
      {MessageType::kUpdate, to_bytes(Update{.epoch = 7, .sequence = 2, .base = 1, .delta = "nonsense"})},
      {MessageType::kUpdate, to_bytes(Update{.epoch = 7, .sequence = 3, .base = 2, .delta = delta})},
      {MessageType::kUpdate, to_bytes(Update{.epoch = 8, .sequence = 2, .base = 1, .delta = delta})},
      {MessageType::kReport, "nonsense"},
      {MessageType::kInventoryRequest, "nonsense"},
      {MessageType::kAck, to_bytes(Ack{})},
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    CAPTURE(i);
    LinkLoop loop;
    DataPlane plane(loop);
    auto [first, second] = loop.make_pair();
    plane.client.adopt(std::move(second));
    RawEnd end(std::move(first));
    Hello hello = kHello;
    hello.epoch = 7;
    end.send(MessageType::kHello, to_bytes(hello));
    end.send(MessageType::kUpdate,
             to_bytes(Update{.epoch = 7, .sequence = 1, .delta = ingress::to_wire(diff({}, config_of(1)))}));
    loop.run_until([&] { return end.find(MessageType::kAck) != nullptr; });
    end.send(rows[i].type, rows[i].bytes);
    loop.run_until([&] { return plane.states.size() == 2; });
    CHECK(plane.fake.served == config_of(1));
    CHECK(end.find(MessageType::kRefusal) != nullptr);
  }
}

TEST_CASE("ASilentEndIsNoticed") {
  const LinkTimes quick{.beat = milliseconds(10), .max_silent_beats = 3};
  SUBCASE("before its hello") {
    HostileDataPlane world(quick);
    CHECK(world.end_reason() == "the other end said no hello");
  }
  SUBCASE("after it") {
    HostileDataPlane world(quick);
    world.end->send(MessageType::kHello, to_bytes(kHello));
    CHECK(world.end_reason() == "nothing was heard from the other end for 30 ms");
    CHECK(world.end->find(MessageType::kPing) != nullptr);
  }
  SUBCASE("while it sends the front of a hello for ever") {
    HostileDataPlane world(quick);
    const auto dribble = world.loop.loop->every(milliseconds(10), [&] {
      if (world.end->got.size() < 1'000) world.end->stream->write(std::string(1, '\0'));
    });
    CHECK_FALSE(world.end_reason().empty());
  }
}

TEST_CASE("EndsThatHaveNothingToSayKeepTheLink") {
  const LinkTimes quick{.beat = milliseconds(10), .max_silent_beats = 20};
  LinkLoop loop;
  Controller controller(loop, quick);
  DataPlane plane(loop, {.times = quick});
  join(loop, controller, plane);
  loop.run_turns(60);
  CHECK(plane.client.is_connected());
  CHECK(plane.states == std::vector<std::string>{""});
}

TEST_CASE("ADataPlaneThatDoesNotReadIsSentTheDifferenceLater") {
  HostileDataPlane world({.max_silent_beats = 1'000});
  LinkServer& server = world.controller.server;
  world.end->send(MessageType::kHello, to_bytes(kHello));
  world.loop.run_until([&] { return !world.controller.peers.empty(); });
  world.end->stream->pause();
  REQUIRE(server.publish(config_of(5'000)));
  ingress::Route large = route("large");
  for (int i = 0; i < 100; ++i) large.hosts.push_back("a-rather-long-name-" + std::to_string(i) + ".example");
  for (int i = 0; i < 1'000; ++i) {
    large.created_at = i;
    REQUIRE(server.apply({.upsert_routes = {large}}));
    if (i % 100 == 0) world.loop.run_turns(1);
  }
  CHECK(server.peers()[0].queued_bytes < 1'000'000);
  world.end->stream->resume();
  world.loop.run_until([&] { return world.end->find(MessageType::kInventoryRequest) != nullptr; });
  const auto num_updates = std::ranges::count(world.end->got, MessageType::kUpdate, &Message::type);
  CHECK(num_updates < 500);
  // It answers with what it has got by then.
  ingress::WireConfig held;
  for (const Message& message : world.end->got) {
    if (message.type != MessageType::kUpdate) continue;
    held.apply(ingress::delta_from_wire(read_update(message.bytes)->delta).value());
  }
  const Message request = *world.end->find(MessageType::kInventoryRequest);
  REQUIRE(server.apply({.upsert_routes = {route("last")}}));
  world.end->got.clear();
  world.end->send(MessageType::kInventory, held.inventory(read_inventory_request(request.bytes)->key));
  world.loop.run_until([&] { return world.end->find(MessageType::kUpdate) != nullptr; });
  const Update update = read_update(world.end->find(MessageType::kUpdate)->bytes).value();
  CHECK(update.sequence == server.sequence());
  CHECK(update.base == 0);
  if (!update.delta.empty()) held.apply(ingress::delta_from_wire(update.delta).value());
  ingress::GatewayConfig wanted = config_of(5'000);
  ingress::apply(wanted, {.upsert_routes = {large, route("last")}});
  CHECK(held.config() == wanted);
}

TEST_CASE("MoreDataPlanesThanThereMayBeAreClosed") {
  LinkLoop loop;
  std::vector<std::string> reasons;
  LinkServer server(*loop.loop,
                    {.max_peers = 1, .on_peer = [&](const LinkPeer& peer, const std::string& why) {
                       reasons.push_back(peer.name + ": " + why);
                     }});
  auto [first, second] = loop.make_pair();
  auto [third, fourth] = loop.make_pair();
  server.add_peer(std::move(first), "one");
  server.add_peer(std::move(third), "two");
  CHECK(reasons == std::vector<std::string>{"two: there are 1 data planes already"});
  RawEnd end(std::move(fourth));
  loop.run_until([&] { return end.is_closed; });
  CHECK(server.peers().size() == 1);
}

}  // namespace proxyd
