#include "controller/reconciler.h"

#include <doctest/doctest.h>

#include "controller/build.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;
using namespace std::chrono_literals;

namespace {

class FakeSink final : public ConfigSink {
 public:
  std::vector<Problem> apply(const ConfigDelta& delta) override {
    ++num_applied;
    ingress::apply(config, delta);
    return answer_with;
  }
  GatewayConfig config;
  int num_applied = 0;
  std::vector<Problem> answer_with;
};

Manifest of(std::vector<Object> objects, std::vector<Problem> problems = {}) {
  return {.objects = std::move(objects), .problems = std::move(problems)};
}

std::vector<Object> web(std::string to = "a:80") {
  return {make_ingress("web", {{"x.y", {{"/", std::move(to)}}}}), make_service("a"),
          make_slice("a", "a", {"10.0.0.1"}), make_service("b"), make_slice("b", "b", {"10.0.0.2"})};
}

const Reconciler::Clock::time_point kStart{1h};

}  // namespace

TEST_CASE("ChangesWaitForQuietButNeverLongerThanTheBound") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  CHECK(!reconciler.due_in(kStart));
  reconciler.update_source("a", of(web()), kStart);
  CHECK(reconciler.due_in(kStart) == 50ms);
  CHECK(reconciler.due_in(kStart + 20ms) == 30ms);
  CHECK(reconciler.due_in(kStart + 20ms + 1us) == 30ms);
  CHECK(reconciler.due_in(kStart + 2s) == 0ms);
  for (auto t = 0ms; t <= 980ms; t += 20ms)
    reconciler.update_source("a", of(web(t % 40ms == 0ms ? "b:80" : "a:80")), kStart + t);
  CHECK(reconciler.due_in(kStart + 980ms) == 20ms);
  reconciler.reconcile();
  CHECK(!reconciler.due_in(kStart + 1s));
}

TEST_CASE("OnlyChangesAreSentOn") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  reconciler.reconcile();
  CHECK(sink.num_applied == 1);  // the first, though empty
  reconciler.reconcile();
  CHECK(sink.num_applied == 1);
  reconciler.update_source("a", of(web()), kStart);
  reconciler.reconcile();
  CHECK(sink.num_applied == 2);
  CHECK(answer(sink.config, "x.y", "/") == "default/a:80");
  CHECK(diff(sink.config, reconciler.config()).is_empty());

  reconciler.update_source("a", of(web()), kStart);
  CHECK(!reconciler.due_in(kStart));
  std::vector<Object> more = web();
  more.emplace_back(make_service("unused"));
  reconciler.update_source("a", of(more), kStart);
  CHECK(reconciler.due_in(kStart));
  reconciler.reconcile();
  CHECK(sink.num_applied == 2);

  reconciler.remove_source("a", kStart);
  reconciler.reconcile();
  CHECK(sink.num_applied == 3);
  CHECK(sink.config.routes.empty());
  CHECK(sink.config.clusters.empty());
}

TEST_CASE("AnUnreadableSourceKeepsItsLastGoodObjects") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  reconciler.update_source("a", of(web()), kStart);
  reconciler.reconcile();
  Manifest broken;
  broken.is_readable = false;
  broken.problems = {{.source = "a", .why = "broken", .fix = "mend"}};
  reconciler.update_source("a", broken, kStart);
  CHECK(!reconciler.due_in(kStart));
  reconciler.reconcile();
  CHECK(answer(sink.config, "x.y", "/") == "default/a:80");
  CHECK(has_problem(reconciler.problems(), "", "broken"));
  reconciler.update_source("a", of(web("b:80")), kStart);
  reconciler.reconcile();
  CHECK(answer(sink.config, "x.y", "/") == "default/b:80");
  CHECK(reconciler.problems().empty());
}

TEST_CASE("AllProblemsAreListedSortedWithTheirSource") {
  FakeSink sink;
  sink.answer_with = {
      {.object = {"Ingress", "default", "web"}, .field = "routes[0]", .why = "sink", .fix = "mend"}};
  Reconciler reconciler({}, sink);
  reconciler.update_source("b.yaml", of(web("zzz:80"), {{.source = "b.yaml", .why = "read", .fix = "mend"}}),
                           kStart);
  reconciler.update_source("c.yaml", of({make_service("a")}), kStart);
  reconciler.reconcile();
  const auto problems = reconciler.problems();
  CAPTURE(text_of(problems));
  CHECK(problems.size() == 4);
  CHECK(std::is_sorted(problems.begin(), problems.end()));
  CHECK(has_problem(problems, "", "read"));
  CHECK(has_problem(problems, "routes[0]", "sink"));
  CHECK(has_problem(problems, "metadata.name", "b.yaml"));
  CHECK(has_problem(problems, "spec.rules[0].http.paths[0].backend.service.name", "zzz"));
  for (const Problem& problem : problems) CHECK(!problem.source.empty());

  reconciler.remove_source("b.yaml", kStart);
  reconciler.remove_source("c.yaml", kStart);
  sink.answer_with.clear();
  reconciler.reconcile();
  CHECK(reconciler.problems().empty());
}

TEST_CASE("IngressesOfOthersAreCounted") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  Ingress other = make_ingress("other", {});
  other.meta.annotations["kubernetes.io/ingress.class"] = "nginx";
  reconciler.update_source("a", of({other, make_class("x", "other/controller")}), kStart);
  reconciler.reconcile();
  CHECK(reconciler.num_ignored_ingresses() == 1);
  CHECK(reconciler.problems().empty());
}
