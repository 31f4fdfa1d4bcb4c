// Statuses and Events together: who writes, and not before it is served.
#include "proxyd/kube/cluster_status.h"

#include <doctest/doctest.h>

#include "kube_fakes.h"

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::controller::Ingress;
using ingress::controller::Object;
using ingress::controller::Reconciler;
using ingress::controller::Service;

struct Bench {
  test::FakeKubeClock clock;
  test::FakeKubeTransport transport;
  ingress::controller::Store store;
  int num_told = 0;
  ClusterStatus status{{.transport = transport,
                        .clock = clock,
                        .store = store,
                        .controller_name = "example.dev/us",
                        .is_ours = [](const Ingress&, const std::string&) { return true; },
                        .on_problems = [this] { ++num_told; }},
                       {.service_namespace = "infra", .service_name = "edge", .election_namespace = "infra"}};

  Bench() {
    Ingress ingress;
    ingress.meta = {.namespace_ = "shop", .name = "web", .uid = "uid-web"};
    store.upsert(Reconciler::kCluster, Object(ingress));
    set_address("192.0.2.1");
    status.start();
    clock.pass(1ms);
  }
  void set_address(const std::string& ip) {
    Service edge;
    edge.meta = {.namespace_ = "infra", .name = "edge"};
    edge.type = "LoadBalancer";
    edge.status = {{.ip = ip, .hostname = {}}};
    store.upsert(Reconciler::kCluster, Object(edge));
  }
  void lead() {
    transport.answer(transport.find("leases"), 404, test::status_text(404, "NotFound"));
    const auto create = transport.find("leases");
    REQUIRE(create);
    std::string lease = create->request.body;
    lease.insert(lease.find("\"namespace\""), R"("resourceVersion":"1",)");
    transport.answer(create, 201, lease);
    REQUIRE(status.metrics().at(0).samples.at(0).value == 1);
  }
  std::shared_ptr<test::FakeKubeTransport::Request> written() const { return transport.find("/status?"); }
};

TEST_CASE("NobodyButTheLeaderWrites") {
  Bench bench;
  bench.status.note_reconciled(1);
  bench.status.note_adopted(1);
  bench.status.show({{.source = "cluster", .object = {"Ingress", "shop", "web"}, .why = "is wrong"}});
  CHECK_FALSE(bench.written());
  CHECK_FALSE(bench.transport.find("/events"));
  CHECK(bench.status.metrics().at(0).name == "leader");
  CHECK(bench.status.metrics().at(0).samples.at(0).value == 0);
  bench.lead();
  REQUIRE(bench.written());
  CHECK(bench.written()->request.body.find(R"("ip":"192.0.2.1")") != std::string::npos);
  REQUIRE(bench.transport.find("/events"));
  CHECK(bench.transport.find("/events")->request.body.find("uid-web") != std::string::npos);
}

TEST_CASE("AStatusIsWrittenOnceItIsServedAndNotBefore") {
  Bench bench;
  bench.lead();
  CHECK_FALSE(bench.written());
  bench.status.note_reconciled(1);
  CHECK_FALSE(bench.written());
  bench.status.note_adopted(1);
  REQUIRE(bench.written());
  bench.transport.answer(bench.written(), 200, "{}");
  bench.clock.pass(1s);
  bench.set_address("192.0.2.2");
  bench.status.note_reconciled(3);
  bench.status.note_adopted(2);
  CHECK_FALSE(bench.written());
  bench.status.note_adopted(3);
  REQUIRE(bench.written());
  CHECK(bench.written()->request.body.find(R"("ip":"192.0.2.2")") != std::string::npos);
  // What is served stays the same: another reading of the store is enough.
  bench.transport.answer(bench.written(), 200, "{}");
  bench.clock.pass(1s);
  bench.set_address("192.0.2.3");
  bench.status.note_reconciled(3);
  CHECK(bench.written());
}

TEST_CASE("WhoDoesNotLeadAnyMoreWritesNothing") {
  Bench bench;
  bench.lead();
  bench.status.note_reconciled(1);
  bench.status.note_adopted(1);
  CHECK(bench.written());
  bool is_done = false;
  bench.status.release([&] { is_done = true; });
  CHECK_FALSE(bench.written());
  REQUIRE(bench.transport.find("leases"));
  CHECK(bench.transport.find("leases")->request.method == "PUT");
  bench.transport.answer(bench.transport.find("leases"), 200, "{}");
  CHECK(is_done);
  bench.set_address("192.0.2.2");
  bench.status.note_reconciled(1);
  CHECK(bench.transport.num_open() == 0);
}

TEST_CASE("WhatIsMissingForWritingIsAProblem") {
  Bench bench;
  bench.transport.answer(bench.transport.find("leases"), 403, test::status_text(403, "Forbidden"));
  REQUIRE(bench.status.problems().size() == 1);
  CHECK(bench.num_told == 1);
}

}  // namespace
}  // namespace proxyd
