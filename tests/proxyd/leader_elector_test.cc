// Who leads when: controllers that share a Lease, an API server that is slow, away or says no.
#include "proxyd/kube/leader_elector.h"

#include <doctest/doctest.h>

#include "kube_fakes.h"

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::controller::Lease;
using test::FakeKubeClock;
using test::FakeKubeTransport;

constexpr const char* kPath = "/apis/coordination.k8s.io/v1/namespaces/ingress/leases";

// Keeps one Lease as an API server does.
struct LeaseServer {
  std::optional<Lease> lease;
  int version = 0;
  std::vector<std::string> methods;

  void serve(FakeKubeTransport& transport) {
    while (const auto request = transport.last()) {
      methods.push_back(request->request.method);
      const auto [status, body] = answer(request->request);
      transport.answer(request, status, body);
    }
  }

 private:
  std::pair<std::uint16_t, std::string> store(const std::string& body) {
    // A new one has no version yet.
    const std::size_t at = body.find("\"metadata\":{") + 12;
    const std::string mark = "\"resourceVersion\":\"" + std::to_string(++version) + "\"";
    std::string stored = body;
    if (const std::size_t old = stored.find("\"resourceVersion\":\""); old != std::string::npos)
      stored.replace(old, stored.find('"', old + 19) + 1 - old, mark);
    else
      stored.insert(at, mark + ",");
    lease = ingress::controller::read_lease(stored).value();
    return {static_cast<std::uint16_t>(version == 1 ? 201 : 200), stored};
  }
  std::pair<std::uint16_t, std::string> answer(const KubeRequest& request) {
    if (request.method == "GET") {
      CHECK(request.path == std::string(kPath) + "/proxyd");
      if (!lease) return {404, test::status_text(404, "NotFound")};
      return {200, ingress::controller::write_lease(*lease)};
    }
    CHECK(request.content_type == "application/json");
    if (request.method == "POST") {
      CHECK(request.path == kPath);
      if (lease) return {409, test::status_text(409, "AlreadyExists")};
      return store(request.body);
    }
    CHECK(request.path == std::string(kPath) + "/proxyd");
    const std::string mark = "\"resourceVersion\":\"" + (lease ? lease->resource_version : "") + "\"";
    if (request.body.find(mark) == std::string::npos) return {409, test::status_text(409, "Conflict")};
    return store(request.body);
  }
};

struct Controller {
  Controller(FakeKubeClock& clock_in, std::string name, std::chrono::hours skew = {})
      : clock(clock_in),
        elector(
            transport, clock, {.namespace_ = "ingress", .name = "proxyd", .identity = std::move(name)},
            [this] { ++num_changes; },
            [this, skew] {
              // The fake starts at one hour.
              const auto passed = clock.now().time_since_epoch() - 1h;
              return std::chrono::system_clock::time_point(1'700'000'000s) + skew +
                     std::chrono::duration_cast<std::chrono::microseconds>(passed);
            }) {
    elector.start();
  }
  bool leads() const { return elector.leadership() == Leadership::kLeading; }
  FakeKubeClock& clock;
  FakeKubeTransport transport;
  int num_changes = 0;
  LeaderElector elector;
};

struct Bench {
  FakeKubeClock clock;
  LeaseServer server;
  // In steps, each with what the server has to answer.
  void pass(std::chrono::milliseconds time, std::initializer_list<Controller*> controllers) {
    for (; time > 0ms; time -= 100ms) {
      clock.pass(100ms);
      for (Controller* controller : controllers) server.serve(controller->transport);
    }
  }
};

TEST_CASE("TheFirstLeadsAndGoesOnRenewing") {
  Bench bench;
  Controller a(bench.clock, "a");
  CHECK_FALSE(a.leads());
  bench.pass(100ms, {&a});
  CHECK(a.leads());
  CHECK(a.num_changes == 1);
  CHECK(bench.server.methods == std::vector<std::string>{"GET", "POST"});
  REQUIRE(bench.server.lease);
  CHECK(bench.server.lease->record.holder == "a");
  CHECK(bench.server.lease->record.duration_s == 15);
  CHECK(bench.server.lease->record.num_transitions == 0);
  CHECK(bench.server.lease->record.renewed_at == "2023-11-14T22:13:20.100000Z");
  bench.server.methods.clear();
  bench.pass(60s, {&a});
  CHECK(a.leads());
  CHECK(a.num_changes == 1);
  CHECK(bench.server.methods == std::vector<std::string>(30, "PUT"));  // every 2 s, with no GET in between
}

TEST_CASE("OfTwoOneLeads") {
  Bench bench;
  Controller a(bench.clock, "a"), b(bench.clock, "b");
  bench.pass(5min, {&a, &b});
  CHECK(a.leads());
  CHECK_FALSE(b.leads());
  CHECK(b.num_changes == 0);
  CHECK(b.elector.holder() == "a");
}

TEST_CASE("WhoIsGoneIsFollowedWhenTheLeaseIsOverAndNotBefore") {
  Bench bench;
  Controller b(bench.clock, "b");
  {
    Controller a(bench.clock, "a");
    bench.pass(100ms, {&a});
    bench.pass(10s, {&a, &b});
    CHECK(a.leads());
  }
  const int before = bench.server.version;
  bench.pass(12'900ms, {&b});  // renewed up to 2 s before
  CHECK_FALSE(b.leads());
  CHECK(bench.server.version == before);
  bench.pass(9s, {&b});  // seen up to a period after that, and looked at a period later
  CHECK(b.leads());
  CHECK(bench.server.lease->record.holder == "b");
  CHECK(bench.server.lease->record.num_transitions == 1);
}

TEST_CASE("ClocksThatShowOtherTimesChangeNothing") {
  for (const std::chrono::hours skew : {-1000h, 1000h}) {
    Bench bench;
    Controller a(bench.clock, "a", skew);
    bench.pass(100ms, {&a});
    Controller b(bench.clock, "b");
    bench.pass(5min, {&a, &b});
    CHECK(a.leads());
    CHECK_FALSE(b.leads());
  }
}

TEST_CASE("AReleaseHandsOverAtOnce") {
  Bench bench;
  Controller a(bench.clock, "a"), b(bench.clock, "b");
  bench.pass(10s, {&a, &b});
  REQUIRE(a.leads());
  bool is_done = false;
  a.elector.release([&] { is_done = true; });
  CHECK_FALSE(a.leads());
  CHECK_FALSE(is_done);
  bench.server.serve(a.transport);
  CHECK(is_done);
  CHECK(bench.server.lease->record.holder.empty());
  CHECK(bench.server.lease->record.duration_s == 1);
  bench.pass(4'500ms, {&a, &b});  // the longest period of who waits
  CHECK(b.leads());
  CHECK_FALSE(a.leads());
}

TEST_CASE("AReleaseDuringARenewalIsOneAllTheSame") {
  Bench bench;
  Controller a(bench.clock, "a");
  bench.pass(100ms, {&a});
  bench.clock.pass(2s);
  const auto renewal = a.transport.find("/proxyd");
  REQUIRE(renewal);
  // The server has it, but its answer does not come any more.
  FakeKubeTransport other;
  const auto kept = other.send(renewal->request, [](auto) {});
  bench.server.serve(other);
  bool is_done = false;
  a.elector.release([&] { is_done = true; });
  bench.server.serve(a.transport);
  CHECK(is_done);
  CHECK(bench.server.lease->record.holder.empty());
}

TEST_CASE("AReleaseEndsWhenTheServerSaysNothingAndIsNothingForWhoFollows") {
  Bench bench;
  Controller a(bench.clock, "a");
  bool is_done = false;
  a.elector.release([&] { is_done = true; });
  CHECK(is_done);
  Controller b(bench.clock, "b");
  bench.pass(100ms, {&b});
  is_done = false;
  b.elector.release([&] { is_done = true; });
  bench.clock.pass(1'999ms);
  CHECK_FALSE(is_done);
  bench.clock.pass(1ms);
  CHECK(is_done);
  CHECK(b.transport.num_open() == 0);
  bench.pass(1min, {&a, &b});
  CHECK_FALSE(a.leads());
  CHECK_FALSE(b.leads());
}

TEST_CASE("WhoCannotRenewStopsBeforeAnybodyElseBegins") {
  Bench bench;
  Controller a(bench.clock, "a"), b(bench.clock, "b");
  bench.pass(10s, {&a, &b});
  REQUIRE(a.leads());
  // The server is not to be reached by `a` any more.
  bool has_stopped = false;
  for (int i = 0; i < 300 && !b.leads(); ++i) {
    bench.pass(100ms, {&b});
    while (const auto request = a.transport.last()) a.transport.fail(request);
    has_stopped = has_stopped || !a.leads();
    if (b.leads()) CHECK(has_stopped);
  }
  CHECK(b.leads());
  CHECK(has_stopped);
  // And follows when it is back.
  bench.pass(10s, {&a, &b});
  CHECK_FALSE(a.leads());
  CHECK(a.elector.holder() == "b");
}

TEST_CASE("AServerThatSaysNothingCostsTheLeadAndComesBack") {
  Bench bench;
  Controller a(bench.clock, "a");
  bench.pass(100ms, {&a});
  bench.clock.pass(9'900ms);
  CHECK(a.leads());
  bench.clock.pass(200ms);
  CHECK_FALSE(a.leads());
  CHECK(a.transport.num_open() == 0);
  bench.pass(5s, {&a});
  CHECK(a.leads());
  CHECK(bench.server.lease->record.num_transitions == 0);  // it was ours all the time
}

TEST_CASE("AConflictIsNoLossWhileTheLeaseIsOurs") {
  Bench bench;
  Controller a(bench.clock, "a");
  bench.pass(100ms, {&a});
  bench.server.lease->resource_version = "999";  // somebody has put a label on it
  bench.server.methods.clear();
  bench.pass(2s, {&a});
  CHECK(bench.server.methods == std::vector<std::string>{"PUT", "GET", "PUT"});
  CHECK(a.leads());
  bench.server.lease->resource_version = "1000";
  bench.server.lease->record.holder = "thief";
  bench.pass(2s, {&a});
  CHECK_FALSE(a.leads());
}

TEST_CASE("AMissingRightIsNamedUntilItIsThere") {
  Bench bench;
  Controller a(bench.clock, "a");
  bench.clock.pass(100ms);
  a.transport.answer(a.transport.last(), 403, test::status_text(403, "Forbidden", "you may not"));
  REQUIRE(a.elector.problems().size() == 1);
  CHECK(a.elector.problems()[0].object.kind == "Lease");
  CHECK(a.elector.problems()[0].source == "cluster");
  CHECK(a.elector.problems()[0].why.find("get Leases in ingress (you may not)") != std::string::npos);
  CHECK(a.num_changes == 1);
  bench.pass(5s, {&a});
  CHECK(a.elector.problems().empty());
  CHECK(a.leads());
}

TEST_CASE("NonsenseIsAskedForAgain") {
  Bench bench;
  Controller a(bench.clock, "a");
  bench.clock.pass(100ms);
  a.transport.answer(a.transport.last(), 200, "nonsense");
  CHECK_FALSE(a.leads());
  bench.pass(5s, {&a});
  CHECK(a.leads());
}

}  // namespace
}  // namespace proxyd
