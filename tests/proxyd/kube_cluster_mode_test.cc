#include "proxyd/kube/cluster_mode.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube_fakes.h"

using namespace proxyd;
using namespace proxyd::test;
using namespace std::chrono_literals;

namespace {

// What a server would serve, from publish() and apply().
struct Recorder final : Publisher {
  int num_wholes = 0, num_deltas = 0;
  std::vector<std::string> routes, certificates;
  std::vector<std::move_only_function<void()>> waiting;

  Outcome publish(ingress::GatewayConfig config) override {
    ++num_wholes;
    routes.clear();
    certificates.clear();
    for (const auto& route : config.routes) routes.push_back(route.name);
    for (const auto& certificate : config.certificates) certificates.push_back(certificate.name);
    return ingress::Generation(num_wholes + num_deltas);
  }
  Outcome apply(ingress::ConfigDelta delta) override {
    ++num_deltas;
    const auto change = [](auto& names, const auto& removed, const auto& upserted) {
      for (const std::string& name : removed) std::erase(names, name);
      for (const auto& part : upserted) {
        std::erase(names, part.name);
        names.push_back(part.name);
      }
    };
    change(routes, delta.remove_routes, delta.upsert_routes);
    change(certificates, delta.remove_certificates, delta.upsert_certificates);
    return ingress::Generation(num_wholes + num_deltas);
  }
  void when_adopted(ingress::Generation, std::move_only_function<void()> call) override {
    waiting.push_back(std::move(call));
  }
};

ingress::controller::TranslateOptions translate_options() {
  ingress::controller::TranslateOptions options;
  options.serves_tls = true;
  return options;
}

std::string object_text(const std::string& kind, const std::string& api, const std::string& name, int version,
                        const std::string& rest) {
  return R"({"kind":")" + kind + R"(","apiVersion":")" + api +
         R"(","metadata":{"namespace":"shop","name":")" + name + R"(","resourceVersion":")" +
         std::to_string(version) + R"("},)" + rest + '}';
}

std::string ingress_text(const std::string& name, int version, const std::string& secret = {}) {
  const std::string tls =
      secret.empty() ? "" : R"("tls":[{"hosts":["a.example"],"secretName":")" + secret + "\"}],";
  return object_text(
      "Ingress", "networking.k8s.io/v1", name, version,
      R"("spec":{)" + tls +
          R"("ingressClassName":"ours","rules":[{"host":"a.example","http":{"paths":[{"path":"/)" + name +
          R"(","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}}]}}]})");
}

const std::string kClass =
    R"({"kind":"IngressClass","apiVersion":"networking.k8s.io/v1","metadata":{"name":"ours",)"
    R"("resourceVersion":"3"},"spec":{"controller":"libingress.dev/proxyd"}})";

struct Scene {
  FakeKubeClock clock;
  FakeKubeTransport server;
  Recorder recorder;
  ProblemBoard board;
  ClusterMode mode;

  explicit Scene(KubeScope scope = {}, const StatusOptions& status = {.is_on = false})
      : mode({server, clock, recorder, board, "https://api:6443", nullptr}, scope, status,
             translate_options(), nullptr) {
    mode.start();
  }
  void answer_list(const std::string& plural, const std::string& kind, const std::string& items,
                   int version = 10) {
    const auto request = server.find(plural + "?limit");
    REQUIRE_MESSAGE(request, plural);
    const std::string api = kind == "Service" ? "v1" : "networking.k8s.io/v1";
    server.answer(request, 200,
                  R"({"kind":")" + kind + R"(List","apiVersion":")" + api +
                      R"(","metadata":{"resourceVersion":")" + std::to_string(version) + R"("},"items":[)" +
                      items + "]}");
    clock.pass(1ms);
  }
  // All kinds but Ingresses.
  void answer_others() {
    answer_list("ingressclasses", "IngressClass", kClass);
    answer_list("/services", "Service", service_text("web", 4));
    answer_list("endpointslices", "EndpointSlice", "");
  }
  void event(const std::string& plural, const std::string& type, const std::string& object) {
    const auto watch = server.find(plural + "?watch");
    REQUIRE_MESSAGE(watch, plural);
    server.line(watch, event_text(type, object));
  }
  std::string problems() {
    std::string out;
    for (const auto& problem : board.reading().problems) out += problem.why + " | " + problem.fix + '\n';
    return out;
  }
  double metric(const std::string& name, const std::string& kind) {
    for (const auto& family : board.reading().source_metrics)
      for (const auto& sample : family.samples)
        if (family.name == name && sample.labels.at(0).second == kind) return sample.value;
    return -1;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("NothingIsPublishedBeforeEveryFirstListIsComplete") {
  Scene scene;
  scene.answer_others();
  scene.clock.pass(1h);
  CHECK(scene.recorder.num_wholes == 0);
  scene.answer_list("/ingresses", "Ingress", ingress_text("one", 5));
  CHECK(scene.recorder.num_wholes == 1);
  CHECK(scene.recorder.routes.size() == 1);
}

TEST_CASE("NorBeforeTheSecretsReferredTo") {
  Scene scene;
  scene.answer_others();
  scene.answer_list("/ingresses", "Ingress", ingress_text("one", 5, "tls"));
  CHECK(scene.recorder.num_wholes == 0);
  const auto list = scene.server.find("namespaces/shop/secrets?limit");
  REQUIRE(list);
  scene.server.answer(list, 200,
                      list_text("PartialObjectMetadataList", 10,
                                R"({"metadata":{"namespace":"shop","name":"tls","resourceVersion":"4"}})"));
  scene.clock.pass(1ms);
  CHECK(scene.recorder.num_wholes == 0);
  const auto get = scene.server.find("secrets/tls");
  REQUIRE(get);
  scene.server.answer(
      get, 200,
      object_text("Secret", "v1", "tls", 4,
                  R"("type":"kubernetes.io/tls","data":{"tls.crt":"YQ==","tls.key":"Yg=="})"));
  scene.clock.pass(1ms);
  CHECK(scene.recorder.num_wholes == 1);
  CHECK(scene.recorder.certificates == Names{"shop/tls"});
  // Deleted: its certificate goes with it.
  scene.event("secrets", "DELETED",
              R"({"metadata":{"namespace":"shop","name":"tls","resourceVersion":"12"}})");
  scene.clock.pass(60ms);
  CHECK(scene.recorder.certificates.empty());
}

TEST_CASE("WhatIsForbiddenIsNotWaitedFor") {
  Scene scene;
  scene.answer_others();
  for (int i = 0; i < 3; ++i) {
    const auto request = scene.server.find("/ingresses?limit");
    REQUIRE(request);
    scene.server.answer(request, 403, status_text(403, "Forbidden"));
    scene.clock.pass(i < 2 ? 3s : 10ms);
  }
  CHECK(scene.recorder.num_wholes == 1);
  CHECK(scene.recorder.routes.empty());
  CHECK(scene.problems().find("create clusterrole proxyd-read-ingresses") != std::string::npos);
  scene.clock.pass(17s);
  scene.answer_list("/ingresses", "Ingress", ingress_text("one", 5));
  scene.clock.pass(60ms);
  CHECK(scene.recorder.routes.size() == 1);
  CHECK(scene.problems().find("clusterrole") == std::string::npos);
}

TEST_CASE("ChangesBecomeDeltasWhenTheyAreQuiet") {
  Scene scene;
  scene.answer_others();
  scene.answer_list("/ingresses", "Ingress", ingress_text("one", 5));
  scene.event("/ingresses", "ADDED", ingress_text("two", 11));
  scene.clock.pass(40ms);
  scene.event("/ingresses", "ADDED", ingress_text("three", 12));
  scene.clock.pass(40ms);
  CHECK(scene.recorder.num_deltas == 0);
  scene.clock.pass(20ms);
  CHECK(scene.recorder.num_deltas == 1);
  CHECK(scene.recorder.routes.size() == 3);
  scene.event("/ingresses", "DELETED", ingress_text("two", 13));
  scene.clock.pass(60ms);
  CHECK(scene.recorder.routes.size() == 2);
  CHECK(scene.metric("kube_objects", "Ingress") == 2);
  CHECK(scene.recorder.num_wholes == 1);
}

TEST_CASE("ANewReferenceIsServedWithItsSecretOrAfterHalfASecond") {
  for (const bool is_answered : {true, false}) {
    CAPTURE(is_answered);
    Scene scene;
    scene.answer_others();
    scene.answer_list("/ingresses", "Ingress", "");
    scene.event("/ingresses", "ADDED", ingress_text("one", 11, "tls"));
    scene.clock.pass(300ms);
    CHECK(scene.recorder.routes.empty());
    if (is_answered) {
      scene.server.answer(scene.server.find("secrets?limit"), 200,
                          list_text("PartialObjectMetadataList", 10, ""));
      scene.clock.pass(10ms);
    } else {
      scene.clock.pass(300ms);
    }
    CHECK(scene.recorder.routes.size() == 1);
  }
}

TEST_CASE("TheTimeUntilEveryWorkerServesIsMeasured") {
  Scene scene;
  scene.answer_others();
  scene.answer_list("/ingresses", "Ingress", "");
  REQUIRE(scene.recorder.waiting.size() == 1);
  scene.event("/ingresses", "ADDED", ingress_text("one", 11));
  scene.clock.pass(60ms);
  REQUIRE(scene.recorder.waiting.size() == 2);
  scene.clock.pass(30ms);
  scene.recorder.waiting[1]();
  const auto metrics = scene.board.reading().source_metrics;
  const auto& sample = metrics.back().samples.at(0);
  CHECK(sample.count == 1);
  CHECK(sample.value == doctest::Approx(0.09));
}

TEST_CASE("AServerThatDoesNotAnswerIsSaidAndTheLastStateStays") {
  Scene scene;
  scene.answer_others();
  scene.answer_list("/ingresses", "Ingress", ingress_text("one", 5));
  for (int i = 0; i < 40; ++i) {
    while (scene.server.num_open() > 0)
      scene.server.fail(scene.server.last(), ingress::ErrorCode::kConnectFailed);
    scene.clock.pass(1s);
  }
  CHECK(scene.recorder.routes.size() == 1);
  CHECK(scene.recorder.num_wholes + scene.recorder.num_deltas == 1);
  CHECK(scene.problems().find("https://api:6443") != std::string::npos);
  // One for all kinds.
  CHECK(scene.problems().find("https://api:6443") == scene.problems().rfind("https://api:6443"));
}

TEST_CASE("NamespacesAndSelectorAreAskedFor") {
  Scene scene({.namespaces = {"a", "b"}, .ingress_selector = "x=y"});
  CHECK(scene.server.num_open() == 7);
  CHECK(scene.server.find("/namespaces/a/ingresses?labelSelector=x%3Dy&limit"));
  CHECK(scene.server.find("/namespaces/b/services?limit"));
  CHECK(scene.server.find("/v1/ingressclasses?limit"));
}

TEST_CASE("WhoIsToWriteStatusesIsElectedAndHandedOver") {
  Scene scene({}, {.election_namespace = "shop"});
  scene.clock.pass(3s);
  CHECK(scene.server.find("/namespaces/shop/leases/proxyd-leader"));
  const auto metrics = scene.board.reading().source_metrics;
  CHECK(std::ranges::any_of(metrics, [](const auto& family) { return family.name == "leader"; }));
  bool is_over = false;
  scene.mode.hand_over([&] { is_over = true; });
  scene.clock.pass(3s);
  CHECK(is_over);
}

TEST_CASE("ThePublishedServiceIsWatchedWhereverItIs") {
  Scene scene({.namespaces = {"a"}},
              {.service_namespace = "infra", .service_name = "lb", .election_namespace = "shop"});
  CHECK(scene.server.find("/namespaces/infra/services?limit"));
}

TEST_CASE("OneMalformedObjectOfManyHurtsOnlyItself") {
  Scene scene;
  scene.answer_others();
  std::string items = object_text("Ingress", "networking.k8s.io/v1", "bad", 6, R"("spec":{"rules":"x"})");
  for (int i = 0; i < 50; ++i) items += ',' + ingress_text("i" + std::to_string(i), 5);
  scene.answer_list("/ingresses", "Ingress", items);
  CHECK(scene.recorder.routes.size() == 50);
  CHECK(scene.board.reading().problems.size() >= 1);
  CHECK(scene.problems().find("not a list") != std::string::npos);
}
