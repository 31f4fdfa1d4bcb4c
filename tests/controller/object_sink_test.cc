// Objects that come one by one, as from an API server.
#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/reconciler.h"

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
    return {};
  }
  GatewayConfig config;
  int num_applied = 0;
};

const Reconciler::Clock::time_point kStart{1h};

ReadObject read(Object object) {
  ObjectKey key = key_of(object);
  return {std::move(key), std::move(object), {}};
}

ReadObject refused(const ObjectKey& key) {
  return {key, {}, {{.source = "cluster", .object = {key.kind, key.namespace_, key.name}, .why = "refused"}}};
}

std::vector<ReadObject> read_all(std::vector<Object> objects) {
  std::vector<ReadObject> out;
  for (Object& object : objects) out.push_back(read(std::move(object)));
  return out;
}

struct Live {
  Live() : reconciler({.serves_tls = true}, sink) {
    for (const char* name : {"a", "b"}) {
      reconciler.upsert(read(make_service(name)), kStart);
      reconciler.upsert(read(make_slice(name, name, {"10.0.0.1"})), kStart);
    }
    reconciler.upsert(read(make_ingress("web", {{"x.y", {{"/", "a:80"}}}})), kStart);
    reconciler.reconcile();
  }
  std::string answers(const std::string& host) {
    reconciler.reconcile();
    return answer(sink.config, host, "/");
  }
  FakeSink sink;
  Reconciler reconciler;
};

}  // namespace

TEST_CASE("SingleObjectsComeChangeAndGo") {
  Live cluster;
  Reconciler& reconciler = cluster.reconciler;
  CHECK(cluster.answers("x.y") == "default/a:80");
  CHECK(!reconciler.due_in(kStart));
  reconciler.upsert(read(make_ingress("web", {{"x.y", {{"/", "b:80"}}}})), kStart);
  CHECK(reconciler.due_in(kStart) == 50ms);
  CHECK(cluster.answers("x.y") == "default/b:80");
  reconciler.remove({"Ingress", "default", "web"}, kStart);
  CHECK(reconciler.due_in(kStart) == 50ms);
  CHECK(cluster.answers("x.y") == "none");
  reconciler.remove({"Ingress", "default", "web"}, kStart);
  CHECK(!reconciler.due_in(kStart));
}

TEST_CASE("ARelistThatEqualsWhatIsKnownChangesNothing") {
  Live cluster;
  Reconciler& reconciler = cluster.reconciler;
  reconciler.replace("Service", "", read_all({make_service("b"), make_service("a")}), kStart);
  reconciler.replace("Secret", "", {}, kStart);
  CHECK(!reconciler.due_in(kStart));
  reconciler.replace("Service", "other", read_all({make_service("other/c")}), kStart);
  CHECK(reconciler.due_in(kStart));
  CHECK(cluster.answers("x.y") == "default/a:80");
  CHECK(cluster.sink.num_applied == 1);
  // Of one namespace: the others' stay.
  reconciler.replace("Service", "other", {}, kStart);
  CHECK(cluster.answers("x.y") == "default/a:80");
  reconciler.replace("Service", "", read_all({make_service("b")}), kStart);
  CHECK(cluster.answers("x.y") == "503 no_service");
  // Other kinds stay too.
  reconciler.replace("Service", "", read_all({make_service("a")}), kStart);
  CHECK(cluster.answers("x.y") == "default/a:80");
}

TEST_CASE("ProblemsOfARefusedObjectStayUntilItIsReplacedOrRemoved") {
  const ObjectKey key{"Ingress", "default", "web"};
  Live cluster;
  Reconciler& reconciler = cluster.reconciler;
  const auto is_refused = [&] {
    const auto problems = reconciler.problems();
    return std::ranges::any_of(problems, [](const Problem& p) { return p.why == "refused"; });
  };
  reconciler.upsert(refused(key), kStart);
  CHECK(reconciler.due_in(kStart));
  CHECK(is_refused());
  CHECK(cluster.answers("x.y") == "none");
  reconciler.upsert(refused(key), kStart);
  CHECK(!reconciler.due_in(kStart));
  CHECK(is_refused());
  reconciler.upsert(read(make_ingress("web", {{"x.y", {{"/", "a:80"}}}})), kStart);
  CHECK(!is_refused());
  CHECK(cluster.answers("x.y") == "default/a:80");

  for (const bool is_relisted : {false, true}) {
    reconciler.replace(
        "Ingress", "",
        [&] {
          std::vector<ReadObject> out;
          out.push_back(refused(key));
          return out;
        }(),
        kStart);
    CHECK(is_refused());
    CHECK(cluster.answers("x.y") == "none");
    if (is_relisted) {
      reconciler.replace("Ingress", "other", {}, kStart);
      CHECK(is_refused());
      reconciler.replace("Ingress", "", {}, kStart);
    } else {
      reconciler.remove(key, kStart);
    }
    CHECK(reconciler.due_in(kStart));
    CHECK(!is_refused());
  }
}

TEST_CASE("ARefusedSecretKeepsItsLastGoodCertificateAndADeletedOneDoesNot") {
  const ObjectKey key{"Secret", "default", "cert"};
  Live cluster;
  Reconciler& reconciler = cluster.reconciler;
  reconciler.upsert(read(with_tls(make_ingress("web", {{"x.y", {{"/", "a:80"}}}}), {"x.y"}, "cert")), kStart);
  reconciler.upsert(refused(key), kStart);
  reconciler.reconcile();
  CHECK(cluster.sink.config.certificates.empty());
  reconciler.upsert(read(make_secret("cert")), kStart);
  reconciler.reconcile();
  CHECK(cluster.sink.config.certificates.size() == 1);
  reconciler.upsert(refused(key), kStart);
  reconciler.reconcile();
  REQUIRE(cluster.sink.config.certificates.size() == 1);
  CHECK(cluster.sink.config.certificates[0].chain == "chain of cert");
  reconciler.remove(key, kStart);
  reconciler.reconcile();
  CHECK(cluster.sink.config.certificates.empty());
}

TEST_CASE("ProblemsOfTheSourceAreReplacedAsAWhole") {
  Live cluster;
  const std::size_t num_problems = cluster.reconciler.problems().size();
  cluster.reconciler.set_source_problems({{.source = "cluster", .why = "may not list Secrets"}});
  CHECK(cluster.reconciler.problems().size() == num_problems + 1);
  cluster.reconciler.set_source_problems({});
  CHECK(cluster.reconciler.problems().size() == num_problems);
}

TEST_CASE("ReferencesAreTheSecretsThatServedIngressesName") {
  FakeSink sink;
  TranslateOptions options;
  options.default_certificate = DefaultCertificate{"system", "default"};
  Reconciler reconciler(options, sink);
  using Names = std::set<ObjectName>;
  CHECK(reconciler.references().secrets == Names{{"system", "default"}});
  const auto named = [](const std::string& name, const std::string& secret) {
    return with_tls(make_ingress(name, {}), {"x.y"}, secret);
  };
  reconciler.upsert(read(named("one/a", "cert")), kStart);
  reconciler.upsert(read(named("one/b", "cert")), kStart);
  reconciler.upsert(read(named("two/a", "cert")), kStart);
  reconciler.upsert(read(named("two/b", "")), kStart);
  CHECK(reconciler.references().secrets == Names{{"one", "cert"}, {"system", "default"}, {"two", "cert"}});
  reconciler.remove({"Ingress", "one", "a"}, kStart);
  CHECK(reconciler.references().secrets == Names{{"one", "cert"}, {"system", "default"}, {"two", "cert"}});
  reconciler.upsert(read(named("one/b", "other")), kStart);
  CHECK(reconciler.references().secrets == Names{{"one", "other"}, {"system", "default"}, {"two", "cert"}});
  // Without a class they are others' now.
  reconciler.upsert(read(make_class("theirs", "example.com/other")), kStart);
  CHECK(reconciler.references().secrets == Names{{"system", "default"}});
}
