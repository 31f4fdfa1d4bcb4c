// Statuses on their way: what is written, how often, and what becomes of what the server does not take.
#include "proxyd/kube/status_writer.h"

#include <doctest/doctest.h>

#include "kube_fakes.h"

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::controller::StatusChange;
using test::status_text;

StatusChange change(const std::string& name, const std::string& ip = "192.0.2.1",
                    const std::string& namespace_ = "shop") {
  return {.ingress = {namespace_, name}, .before = {}, .after = {{.ip = ip, .hostname = {}}}};
}

struct Bench {
  test::FakeKubeClock clock;
  test::FakeKubeTransport transport;
  int num_told = 0;
  StatusWriter writer{transport, clock, "example.dev/us", [this] { ++num_told; }};

  std::string waiting() const { return transport.last() ? transport.last()->request.path : ""; }
  void answer(std::uint16_t status, std::string body = "{}") {
    REQUIRE(transport.last());
    transport.answer(transport.last(), status, std::move(body));
  }
  // Answers everything for so long; returns the names of what was written.
  std::string run(std::chrono::milliseconds time, std::uint16_t status = 200) {
    std::string names;
    for (; time >= 0ms; time -= 10ms) {
      while (transport.last()) {
        const std::string path = waiting();
        const std::size_t at = path.find("ingresses/") + 10;
        names += path.substr(at, path.find('/', at) - at) + " ";
        answer(status, status_text(status, "Some"));
      }
      clock.pass(10ms);
    }
    return names;
  }
};

TEST_CASE("AStatusIsAppliedUnderOurName") {
  Bench bench;
  bench.writer.want({change("a")});
  REQUIRE(bench.transport.last());
  const KubeRequest& request = bench.transport.last()->request;
  CHECK(request.method == "PATCH");
  CHECK(request.path ==
        "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/a/"
        "status?fieldManager=example.dev%2Fus&force=true");
  CHECK(request.content_type == "application/apply-patch+yaml");
  CHECK(request.body == ingress::controller::write_status(change("a")));
  bench.answer(200);
  CHECK(bench.writer.counters().written == 1);
  CHECK(bench.writer.counters().waiting == 1);  // until the watch has told it
  bench.writer.want({});
  CHECK(bench.writer.counters().waiting == 0);
  bench.writer.want(
      {{.ingress = {"shop", "a"}, .before = {{.ip = "192.0.2.1", .hostname = {}}}, .after = {}}});
  bench.run(200ms);
  CHECK(bench.writer.counters().removed == 1);
}

TEST_CASE("TenASecondAtMost") {
  Bench bench;
  std::vector<StatusChange> changes;
  for (int i = 100; i < 200; ++i) changes.push_back(change("i" + std::to_string(i)));
  bench.writer.want(changes);
  bench.run(1s);
  CHECK(bench.writer.counters().written <= 11);
  CHECK(bench.writer.counters().written >= 9);
  bench.writer.want(changes);
  bench.run(11s);
  CHECK(bench.writer.counters().written >= 100);
}

TEST_CASE("NothingIsWrittenTwiceUnlessItIsUndone") {
  Bench bench;
  bench.writer.want({change("a")});
  CHECK(bench.run(1s) == "a ");
  // Other objects change before the watch has told of this one.
  for (int i = 0; i < 20; ++i) bench.writer.want({change("a")});
  CHECK(bench.run(1s).empty());
  bench.writer.want({change("a", "192.0.2.2")});
  CHECK(bench.run(1s) == "a ");
  // Somebody has taken it away again.
  bench.writer.want({});
  bench.writer.want({change("a", "192.0.2.2")});
  CHECK(bench.run(1s) == "a ");
  // The server said yes, and it has not come about.
  CHECK(bench.run(11s) == "a ");
}

TEST_CASE("WhatIsNotNeededAnyMoreIsGivenUp") {
  Bench bench;
  bench.writer.want({change("a"), change("b")});
  CHECK(bench.transport.num_open() == 1);
  bench.writer.want({});
  CHECK(bench.transport.num_open() == 0);
  CHECK(bench.run(1min).empty());
}

TEST_CASE("AServerThatIsAwayIsTriedAgainMoreAndMoreSeldom") {
  Bench bench;
  bench.writer.want({change("a"), change("b")});
  int num_tries = 0;
  for (auto left = 30s * 1000; left > 0s; left -= 100s) {
    while (bench.transport.last()) {
      ++num_tries;
      bench.transport.fail(bench.transport.last());
    }
    bench.clock.pass(100ms);
  }
  CHECK(num_tries > 5);
  CHECK(num_tries < 30);
  CHECK(bench.writer.counters().failed == static_cast<unsigned>(num_tries));
  CHECK(bench.run(5s).size() == 4);
  CHECK(bench.writer.counters().written == 2);
  CHECK(bench.writer.problems().empty());
}

TEST_CASE("WhatTheServerAsksToWaitIsWaited") {
  Bench bench;
  bench.writer.want({change("a")});
  bench.transport.answer(bench.transport.last(), KubeAnswer{.status = 429, .body = "", .retry_after = 20s});
  CHECK(bench.run(19s).empty());
  CHECK(bench.run(2s) == "a ");
}

TEST_CASE("OneThatTheServerDoesNotTakeHoldsUpNobody") {
  for (const std::uint16_t status : {404, 422}) {
    Bench bench;
    bench.writer.want({change("a"), change("b")});
    bench.answer(status, status_text(status, "Invalid"));
    CHECK(bench.run(5s) == "b ");
    CHECK(bench.writer.problems().empty());
    CHECK(bench.run(60s) == "b b b b b a b ");  // `b` because its effect never shows
  }
}

TEST_CASE("AMissingRightIsNamedAndAskedForSeldom") {
  Bench bench;
  bench.writer.want({change("a"), change("b"), change("c", "192.0.2.1", "zoo")});
  bench.answer(403, status_text(403, "Forbidden", "you may not"));
  REQUIRE(bench.writer.problems().size() == 1);
  const ingress::Problem problem = bench.writer.problems().front();
  CHECK(problem.source == "cluster");
  CHECK(problem.object.name == "shop");
  CHECK(problem.why.find("(you may not)") != std::string::npos);
  CHECK(problem.fix.find("patch on ingresses/status") != std::string::npos);
  CHECK(bench.num_told == 1);
  CHECK(bench.run(5s) == "c ");
  bench.writer.want({change("a"), change("b")});
  CHECK(bench.run(50s).empty());
  CHECK(bench.run(10s) == "a b ");
  CHECK(bench.writer.problems().empty());
  CHECK(bench.num_told == 2);
}

}  // namespace
}  // namespace proxyd
