// Events on their way: which problems are told, how often, and what becomes of what the server does not take.
#include "proxyd/kube/event_writer.h"

#include <doctest/doctest.h>

#include "kube_fakes.h"

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::Problem;
using test::status_text;

Problem problem(const std::string& name, const std::string& why = "is wrong") {
  return {.source = "cluster", .object = {"Ingress", "shop", name}, .why = why, .fix = "mend it"};
}

struct Bench {
  test::FakeKubeClock clock;
  test::FakeKubeTransport transport;
  int num_told = 0;
  EventWriter writer{{.transport = transport,
                      .clock = clock,
                      .reporter = {.controller = "example.dev/us", .instance = "host_1"},
                      .find_uid = [](const ingress::Origin& object) { return "uid-" + object.name; },
                      .on_problems = [this] { ++num_told; },
                      .wall_clock = [] { return std::chrono::system_clock::time_point(1'700'000'000s); }}};

  void answer(std::uint16_t status) {
    REQUIRE(transport.last());
    transport.answer(transport.last(), status, status_text(status, "Some", "you may not"));
  }
  // Answers everything for so long; how much there was.
  int run(std::chrono::milliseconds time, std::uint16_t status = 201) {
    int num = 0;
    for (; time >= 0ms; time -= 50ms) {
      for (; transport.last(); ++num) answer(status);
      clock.pass(50ms);
    }
    return num;
  }
};

TEST_CASE("AProblemIsToldOnceAndCountedWhenItComesAgain") {
  Bench bench;
  bench.writer.show({problem("a")});
  REQUIRE(bench.transport.last());
  const KubeRequest created = bench.transport.last()->request;
  CHECK(created.method == "POST");
  CHECK(created.path == "/apis/events.k8s.io/v1/namespaces/shop/events");
  CHECK(created.content_type == "application/json");
  CHECK(created.body.find(R"("uid":"uid-a")") != std::string::npos);
  CHECK(created.body.find(R"("eventTime":"2023-11-14T22:13:20.000000Z")") != std::string::npos);
  bench.answer(201);
  for (int i = 0; i < 10; ++i) bench.writer.show({problem("a")});
  CHECK(bench.run(1s) == 0);
  bench.writer.show({});
  bench.writer.show({problem("a")});
  REQUIRE(bench.transport.last());
  const KubeRequest counted = bench.transport.last()->request;
  CHECK(counted.method == "PATCH");
  CHECK(counted.path.starts_with("/apis/events.k8s.io/v1/namespaces/shop/events/a."));
  CHECK(counted.content_type == "application/merge-patch+json");
  CHECK(counted.body == R"({"series":{"count":2,"lastObservedTime":"2023-11-14T22:13:20.000000Z"}})");
  // The server has forgotten it.
  bench.answer(404);
  REQUIRE(bench.transport.last());
  CHECK(bench.transport.last()->request.method == "POST");
  bench.answer(201);
  CHECK(bench.writer.counters().written == 2);
  // After an hour it is a new one.
  bench.writer.show({});
  bench.clock.pass(1h);
  bench.writer.show({problem("a")});
  CHECK(bench.transport.last()->request.method == "POST");
}

TEST_CASE("OnlyWhatTheClusterCanMendIsToldThere") {
  Bench bench;
  Problem of_file = problem("a");
  of_file.source = "a.yaml";
  Problem of_nobody = problem("a");
  of_nobody.object = {};
  bench.writer.show({of_file, of_nobody});
  CHECK(bench.transport.num_open() == 0);
}

TEST_CASE("WhatAnotherHasToldIsNotToldAgain") {
  Bench bench;
  bench.writer.show({problem("a"), problem("b")});
  bench.answer(409);
  CHECK(bench.writer.counters().failed == 0);
  CHECK(bench.run(1s) == 1);
}

TEST_CASE("AllOfItIsBounded") {
  Bench bench;
  std::vector<Problem> many;
  for (int i = 0; i < 3'000; ++i) many.push_back(problem("i" + std::to_string(i)));
  bench.writer.show(many);
  CHECK(bench.writer.counters().left_out >= 1'900);
  const int at_once = bench.run(0ms);
  CHECK(at_once >= 45);
  CHECK(at_once <= 55);
  CHECK(bench.run(10s) <= 55);
  CHECK(bench.run(20min) + at_once >= 900);
  CHECK(bench.run(1s) == 0);

  Bench flapping;
  for (int i = 0; i < 100; ++i) {
    flapping.writer.show({problem("a", "wrong in way " + std::to_string(i))});
    flapping.run(1s);
  }
  CHECK(flapping.writer.counters().written == EventWriter::kPerObject);
}

TEST_CASE("AMissingRightIsNamedAndAskedForSeldom") {
  Bench bench;
  bench.writer.show({problem("a"), problem("b"), problem("c")});
  bench.answer(403);
  REQUIRE(bench.writer.problems().size() == 1);
  CHECK(bench.writer.problems()[0].why.find("(you may not)") != std::string::npos);
  CHECK(bench.num_told == 1);
  bench.writer.show({problem("a"), problem("b"), problem("c"), bench.writer.problems()[0]});
  CHECK(bench.run(4min) == 0);
  bench.clock.pass(1min);
  bench.answer(403);
  CHECK(bench.num_told == 1);
  bench.clock.pass(5min);
  bench.answer(201);
  CHECK(bench.writer.problems().empty());
  CHECK(bench.num_told == 2);
}

TEST_CASE("WhatFailsIsTriedSomeTimesAndHoldsUpNobodyForLong") {
  Bench bench;
  bench.writer.show({problem("a"), problem("b")});
  int num_tries = 0;
  for (int i = 0; i < 100; ++i) {
    for (; bench.transport.last(); ++num_tries) bench.answer(500);
    bench.clock.pass(100ms);
  }
  CHECK(num_tries == 8);
  CHECK(bench.writer.counters().left_out == 2);
  // What the server will never take is not tried again.
  bench.writer.show({problem("c")});
  CHECK(bench.run(5s, 422) == 1);
}

TEST_CASE("AfterAStopNothingIsWritten") {
  Bench bench;
  bench.writer.show({problem("a"), problem("b")});
  bench.writer.stop();
  CHECK(bench.transport.num_open() == 0);
  CHECK(bench.run(1min) == 0);
  bench.writer.show({problem("a")});
  CHECK(bench.run(1s) == 1);
}

}  // namespace
}  // namespace proxyd
