#include "proxyd/manifests_mode.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingress/config.h"
#include "ingress/loop.h"
#include "proxyd/admin_pages.h"
#include "proxyd/config_mode.h"
#include "proxyd/temp_folder.h"

namespace proxyd {
namespace {

// All of name.example.com goes to a Service that does not exist: a problem, but a route.
std::string ingress_of(const std::string& name) {
  return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name +
         "}\nspec:\n  rules:\n  - host: " + name +
         ".example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n" +
         "        backend: {service: {name: s, port: {number: 80}}}\n";
}

// A server that keeps what it was given and refuses what it is told to refuse.
class FakePublisher final : public Publisher {
 public:
  Outcome publish(ingress::GatewayConfig config) override {
    calls.push_back("publish");
    if (auto refused = refuse()) return std::unexpected(*refused);
    served = std::move(config);
    return note();
  }
  Outcome apply(ingress::ConfigDelta delta) override {
    calls.push_back("apply");
    if (auto refused = refuse()) return std::unexpected(*refused);
    ingress::apply(served, delta);
    return note();
  }
  bool serves(const std::string& name) const {
    const std::vector<std::string> hosts = {name + ".example.com"};
    return std::ranges::find(served.routes, hosts, &ingress::Route::hosts) != served.routes.end();
  }

  std::vector<std::string> calls;
  int num_refusals = 0;
  ingress::GatewayConfig served;
  std::function<void()> on_served;

 private:
  std::optional<std::vector<ingress::Problem>> refuse() {
    if (num_refusals == 0) return std::nullopt;
    --num_refusals;
    return std::vector<ingress::Problem>{{.field = "listeners[0]", .why = "cannot bind"}};
  }
  Outcome note() {
    if (on_served) on_served();
    return ingress::Generation{calls.size()};
  }
};

// The loop runs until a wish comes true; ctest's time limit ends a test whose wish never does.
struct Scene {
  TempFolder folder;
  std::unique_ptr<ingress::Loop> loop = std::move(*ingress::Loop::create());
  FakePublisher publisher;
  ProblemBoard board;
  std::vector<ingress::Problem> hopeless;
  std::unique_ptr<ConfigSource> source;

  void start_manifests(ingress::controller::TranslateOptions options = {}) {
    source = std::make_unique<ManifestsMode>(*loop, folder.path(), std::move(options), publisher, board,
                                             [this](const auto& problems) { hopeless = problems; });
    source->start();
  }
  void start_config(const std::string& name) {
    source =
        std::make_unique<ConfigMode>(*loop, folder.path(name), ingress::LocalBackends::kAllowed, publisher,
                                     board, [this](const auto& problems) { hopeless = problems; });
    source->start();
  }
  void run_until(std::function<bool()> is_true) {
    const auto tick = loop->every(std::chrono::milliseconds(1), [&] {
      if (is_true()) loop->stop();
    });
    loop->run();
  }
  bool has_problem_in(const std::string& file) const {
    const auto problems = board.reading().problems;
    return std::ranges::find(problems, file, &ingress::Problem::source) != problems.end();
  }
};

TEST_CASE("FirstConfigurationIsPublishedWholeAndChangesAreDeltas") {
  Scene scene;
  scene.folder.write("a.yaml", ingress_of("one"));
  scene.start_manifests();
  scene.run_until([&] { return scene.publisher.serves("one"); });
  scene.folder.write("b.yaml", ingress_of("two"));
  scene.run_until([&] { return scene.publisher.serves("two"); });
  scene.folder.remove("a.yaml");
  scene.run_until([&] { return !scene.publisher.serves("one"); });
  CHECK(scene.publisher.calls == std::vector<std::string>{"publish", "apply", "apply"});
  CHECK(scene.board.reading().num_reloads_ok == 3);
  CHECK(scene.board.reading().last_reload_unix_s > 0);
}

TEST_CASE("PrivateKeysStandOnNoPage") {
  const auto secret = [](const std::string& chain, const std::string& key) {
    return "apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\ntype: kubernetes.io/tls\nstringData: "
           "{tls.crt: " +
           chain + ", tls.key: " + key + "}\n";
  };
  Scene scene;
  scene.folder.write("a.yaml", ingress_of("one") + "  tls: [{secretName: cert}]\n");
  scene.folder.write("secret.yaml", secret("fine", "hunter2"));
  scene.start_manifests(
      {.serves_tls = true, .check_certificate = [](const ingress::Certificate& certificate) {
         std::vector<ingress::Problem> problems;
         if (certificate.chain != "fine") problems.push_back({.field = "chain", .why = "bad"});
         return problems;
       }});
  const auto& served = scene.publisher.served;
  scene.run_until([&] { return !served.certificates.empty(); });
  const auto check_pages = [&] {
    REQUIRE(served.certificates.size() == 1);
    CHECK(served.certificates[0].key.text == "hunter2");
    const std::string config = ingress::to_json(served);
    CHECK(config.find("(redacted)") != std::string::npos);
    CHECK(config.find("hunter") == std::string::npos);
    CHECK(problems_page(scene.board.reading().problems).find("hunter") == std::string::npos);
  };
  check_pages();
  // Bad contents: the last good ones stay, and neither key is shown.
  scene.folder.write("secret.yaml", secret("broken", "hunter3"));
  scene.run_until([&] { return scene.has_problem_in("secret.yaml"); });
  check_pages();
}

TEST_CASE("EmptyFolderIsAConfiguration") {
  Scene scene;
  scene.start_manifests();
  scene.run_until([&] { return !scene.publisher.calls.empty(); });
  CHECK(scene.board.reading().num_reloads_ok == 1);
}

TEST_CASE("BrokenFileKeepsItsObjectsAndIsAProblem") {
  Scene scene;
  scene.folder.write("a.yaml", ingress_of("one"));
  scene.start_manifests();
  scene.run_until([&] { return scene.publisher.serves("one"); });
  CHECK(!std::ranges::any_of(scene.board.reading().problems,
                             [](const auto& problem) { return problem.field.empty(); }));
  scene.folder.write("a.yaml", "kind: [Ingress");
  scene.run_until([&] {
    const auto problems = scene.board.reading().problems;
    return std::ranges::any_of(problems, [](const auto& problem) { return problem.object.kind.empty(); });
  });
  CHECK(scene.publisher.serves("one"));
  CHECK(scene.publisher.calls.size() == 1);
}

TEST_CASE("AfterARefusedDeltaTheWholeIsSent") {
  Scene scene;
  scene.folder.write("a.yaml", ingress_of("one"));
  scene.start_manifests();
  scene.run_until([&] { return scene.publisher.serves("one"); });
  scene.publisher.num_refusals = 2;  // the delta and the whole after it
  scene.folder.write("b.yaml", ingress_of("two"));
  scene.run_until([&] { return scene.board.reading().num_reloads_failed == 1; });
  CHECK(!scene.publisher.serves("two"));
  scene.folder.write("c.yaml", ingress_of("three"));
  scene.run_until([&] { return scene.publisher.serves("three"); });
  CHECK(scene.publisher.serves("two"));
  CHECK(scene.publisher.calls == std::vector<std::string>{"publish", "apply", "publish", "publish"});
  CHECK(scene.hopeless.empty());
}

TEST_CASE("RefusedFirstConfigurationIsHopeless") {
  Scene scene;
  scene.publisher.num_refusals = 1;
  scene.start_manifests();
  scene.run_until([&] { return !scene.hopeless.empty(); });
  CHECK(scene.hopeless.back().why == "cannot bind");
}

TEST_CASE("RescanTriesAgainWhatWasRefused") {
  Scene scene;
  scene.publisher.num_refusals = 1;
  scene.folder.write("a.yaml", ingress_of("one"));
  scene.start_manifests();
  scene.run_until([&] { return !scene.hopeless.empty(); });
  scene.source->rescan();
  CHECK(scene.publisher.serves("one"));
}

TEST_CASE("BadConfigFileKeepsTheLastGoodOne") {
  Scene scene;
  scene.folder.write("gateway.json", R"({"version": 1, "clusters": [{"name": "a"}]})");
  scene.start_config("gateway.json");
  scene.run_until([&] { return !scene.publisher.served.clusters.empty(); });
  scene.folder.write("gateway.json", R"({"version": 1, "clusters": [{"name": "a"}, {"name": "a"}]})");
  scene.run_until([&] { return scene.has_problem_in("gateway.json"); });
  CHECK(scene.publisher.calls.size() == 1);
  CHECK(scene.board.reading().num_reloads_failed == 1);
  scene.folder.remove("gateway.json");
  scene.run_until([&] { return scene.board.reading().num_reloads_failed == 2; });
  CHECK(scene.publisher.served.clusters.size() == 1);
  scene.folder.write("gateway.json", R"({"version": 1})");
  scene.run_until([&] { return scene.publisher.served.clusters.empty(); });
  CHECK(scene.board.reading().problems.empty());
}

TEST_CASE("PathsAreSplitAtTheirLastSlash") {
  using Pair = std::pair<std::string, std::string>;
  CHECK(split_path("a.json") == Pair(".", "a.json"));
  CHECK(split_path("/a.json") == Pair("/", "a.json"));
  CHECK(split_path("x/y/a.json") == Pair("x/y", "a.json"));
}

}  // namespace
}  // namespace proxyd
