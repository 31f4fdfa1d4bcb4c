#include "proxyd/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "proxyd/temp_folder.h"

namespace proxyd {
namespace {

constexpr const char* kShop = R"(
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}
)";

constexpr const char* kShopService = R"(
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
endpoints: [{addresses: [127.0.0.1]}]
ports: [{port: 9000}]
)";

TEST_CASE("GoodManifestsHaveNoProblems") {
  TempFolder folder;
  folder.write("a.yaml", kShop);
  folder.write("b.yaml", kShopService);
  const auto problems = find_problems({.manifests_dir = folder.path()});
  REQUIRE(problems);
  CHECK(problems_text(*problems) == "no problems\n");
}

TEST_CASE("AllProblemsOfAllFilesAreListedAtOnce") {
  TempFolder folder;
  folder.write("broken.yaml", "a: [");
  folder.write("shop.yaml", kShop);  // its Service is missing
  folder.link("nowhere", "dangling.yaml");
  const auto problems = find_problems({.manifests_dir = folder.path()});
  REQUIRE(problems);
  for (const char* source : {"broken.yaml", "shop.yaml", "dangling.yaml"}) {
    CAPTURE(source);
    CHECK(std::ranges::find(*problems, source, &ingress::Problem::source) != problems->end());
  }
}

TEST_CASE("UnreadableInputIsNotAListOfProblems") {
  TempFolder folder;
  CHECK(!find_problems({.manifests_dir = folder.path("absent")}));
  CHECK(!find_problems({.config_file = folder.path("absent.yaml")}));
  folder.write("sub/x", "");
  CHECK(!find_problems({.config_file = folder.path("sub")}));
}

TEST_CASE("ConfigFileIsCheckedForFormAndMeaning") {
  TempFolder folder;
  folder.write("good.json", R"({"version": 1})");
  folder.write("form.yaml", "version: 1\nlisteners: 5\nsurprise: 1\n");
  const auto good = find_problems({.config_file = folder.path("good.json")});
  REQUIRE(good);
  CHECK(good->empty());
  const auto bad = find_problems({.config_file = folder.path("form.yaml")});
  REQUIRE(bad);
  CHECK(bad->size() >= 2);
  for (const ingress::Problem& problem : *bad) CHECK(problem.source == "form.yaml");
}

TEST_CASE("ContentsOfCertificatesAreChecked") {
  TempFolder folder;
  folder.write("a.json", R"({"version": 1, "listeners": [{"name": "l", "port": 443, "tls": {}}],
      "certificates": [{"name": "c", "server_names": ["a.example"], "chain": "nothing", "key": "hunter2"}]})");
  auto problems = find_problems({.config_file = folder.path("a.json")});
  REQUIRE(problems);
  REQUIRE(!problems->empty());
  CHECK(problems->at(0).field.starts_with("certificates[0]."));
  CHECK(problems->at(0).source == "a.json");
  CHECK(problems->at(0).object.name == "c");
  CHECK(problems_text(*problems).find("hunter2") == std::string::npos);

  folder.write("sub/shop.yaml", std::string(kShop) + "  tls: [{secretName: cert}]\n");
  folder.write("sub/service.yaml", kShopService);
  folder.write("sub/secret.yaml",
               "apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\ntype: kubernetes.io/tls\n"
               "stringData: {tls.crt: nothing, tls.key: hunter2}\n");
  const auto command = [&] {
    const std::string path = folder.path("sub");
    const char* const argv[] = {"proxyd", "check", path.c_str()};
    return std::get<CheckOptions>(parse_command_line(3, argv));
  }();
  problems = find_problems(command.input);
  REQUIRE(problems);
  REQUIRE(!problems->empty());
  for (const ingress::Problem& problem : *problems) {
    CHECK(problem.object == ingress::Origin{"Secret", "default", "cert"});
    CHECK(problem.source == "secret.yaml");
    CHECK(problem.field.starts_with("data[\"tls."));
  }
  CHECK(problems_text(*problems).find("hunter2") == std::string::npos);
}

TEST_CASE("LocalEndpointsThatAreRefusedAreWarnings") {
  TempFolder folder;
  folder.write("a.json", R"({"version": 1, "clusters": [{"name": "c", "endpoints": [
      {"address": "10.0.0.1", "port": 80}, {"address": "127.0.0.1", "port": 80},
      {"address": "::ffff:169.254.169.254", "port": 80}, {"address": "localhost", "port": 80}]}]})");
  CHECK(find_problems({.config_file = folder.path("a.json")})->empty());
  const auto refused = find_problems(
      {.config_file = folder.path("a.json"), .local_backends = ingress::LocalBackends::kRefused});
  REQUIRE(refused);
  REQUIRE(refused->size() == 2);
  CHECK(refused->at(0).field == "clusters[0].endpoints[1].address");
  CHECK(refused->at(1).field == "clusters[0].endpoints[2].address");
  for (const ingress::Problem& problem : *refused) {
    CHECK(problem.severity == ingress::Severity::kWarning);
    CHECK(problem.fix.find("--allow-local-backends") != std::string::npos);
  }
}

TEST_CASE("TextNamesObjectFieldReasonAndMending") {
  const std::vector<ingress::Problem> problems = {{.source = "a.yaml",
                                                   .object = {"Ingress", "default", "shop"},
                                                   .field = "spec.tls",
                                                   .why = "no \"TLS\"\x1b yet",
                                                   .fix = "remove it"},
                                                  {.severity = ingress::Severity::kWarning, .why = "odd"}};
  CHECK(problems_text(problems) ==
        "error  a.yaml  Ingress default/shop  spec.tls\n    why: no \"TLS\"\\u001b yet\n    fix: remove it\n"
        "warning\n    why: odd\n2 problems\n");
}

}  // namespace
}  // namespace proxyd
