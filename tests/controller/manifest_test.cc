#include "controller/manifest.h"

#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/documents.h"
#include "controller/problem_list.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

std::string names(const Manifest& manifest) {
  std::string out;
  for (const Object& object : manifest.objects) {
    const Origin origin = origin_of(object);
    out += origin.kind + ' ' + origin.namespace_ + '/' + origin.name + '\n';
  }
  return out;
}

constexpr const char* kTwoDocuments = R"(# the shop
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - port: 80
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
spec:
  rules:
  - host: x.y
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: web, port: {number: 80}}}
)";

}  // namespace

TEST_CASE("ReadsDocumentsOfYaml") {
  const Manifest manifest = read_manifest(kTwoDocuments, "a.yaml");
  CAPTURE(text_of(manifest.problems));
  CHECK(manifest.is_readable);
  CHECK(manifest.problems.empty());
  CHECK(names(manifest) == "Service default/web\nIngress shop/web\n");
  CHECK(manifest.num_other_kinds == 1);
}

TEST_CASE("ReadsJsonByTheEndOfTheName") {
  const std::string text = sound_documents().at("Ingress");
  CHECK(names(read_manifest(text, "a.json")) == "Ingress shop/web\n");
  CHECK(names(read_manifest(text, "a.yaml")) == "Ingress shop/web\n");
  CHECK(!read_manifest(kTwoDocuments, "a.json").is_readable);
}

TEST_CASE("ReadsLists") {
  const auto item = [](const std::string& kind) { return sound_documents().at(kind); };
  Manifest manifest = read_manifest(R"({"apiVersion":"v1","kind":"List","items":[)" + item("Ingress") + ',' +
                                        item("Service") + R"(,{"kind":"Pod"}]})",
                                    "a.json");
  CAPTURE(text_of(manifest.problems));
  CHECK(names(manifest) == "Ingress shop/web\nService shop/web\n");
  CHECK(manifest.num_other_kinds == 1);

  manifest = read_manifest(R"({"apiVersion":"networking.k8s.io/v1","kind":"IngressClassList","items":[
      {"metadata":{"name":"a"},"spec":{"controller":"x"}},
      {"kind":"IngressClass","apiVersion":"networking.k8s.io/v1","metadata":{"name":"b"},"spec":{"controller":"x"}}]})",
                           "a.json");
  CHECK(names(manifest) == "IngressClass /a\nIngressClass /b\n");
  CHECK(manifest.problems.empty());

  CHECK(read_manifest(R"({"kind":"PodList","items":[{},{}]})", "a.json").num_other_kinds == 2);
  CHECK(has_problem(read_manifest(R"({"kind":"List","items":{}})", "a.json").problems, "document[0].items",
                    "not a list"));
  CHECK(read_manifest(R"({"kind":"List"})", "a.json").problems.empty());
  CHECK(has_problem(read_manifest(R"({"kind":"List","items":[7,{"apiVersion":"v1"}]})", "a.json").problems,
                    "document[0].items[1].kind", "missing"));
  CHECK(has_problem(read_manifest(R"({"kind":"List","items":[7]})", "a.json").problems,
                    "document[0].items[0]", "not a Kubernetes object"));
}

TEST_CASE("ListsInListsAreAnotherKind") {
  const Manifest manifest =
      read_manifest(R"({"kind":"List","items":[{"kind":"List","items":[{}]}]})", "a.json");
  CHECK(manifest.objects.empty());
  CHECK(manifest.num_other_kinds == 1);
}

TEST_CASE("AMalformedDocumentLeavesTheOthers") {
  const Manifest manifest =
      read_manifest("kind: Service\napiVersion: v1\n---\n- 1\n---\n" + std::string(kTwoDocuments), "a.yaml");
  CAPTURE(text_of(manifest.problems));
  CHECK(manifest.is_readable);
  CHECK(names(manifest) == "Service default/web\nIngress shop/web\n");
  CHECK(manifest.problems.size() == 2);
  CHECK(has_problem(manifest.problems, "document[0].metadata", "missing"));
  CHECK(has_problem(manifest.problems, "document[1]", "list"));
}

TEST_CASE("WhatCannotBeParsedIsUnreadable") {
  for (const char* text : {"{", "a: [", "a: b: c", "\tx: y", "a: &x [*x]", "\xff\xfe"}) {
    CAPTURE(std::string(text));
    const Manifest manifest = read_manifest(text, "a.yaml");
    CHECK(!manifest.is_readable);
    CHECK(manifest.objects.empty());
    REQUIRE(manifest.problems.size() == 1);
    CHECK(manifest.problems[0].source == "a.yaml");
  }
  CHECK(read_manifest("", "a.yaml").is_readable);
  CHECK(read_manifest("---\n---\n", "a.yaml").is_readable);
  CHECK(!read_manifest("", "a.json").is_readable);
}

TEST_CASE("EveryCutOfAManifestIsReadOrRefused") {
  const std::string whole = kTwoDocuments;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Manifest manifest = read_manifest(std::string_view(whole).substr(0, cut), "a.yaml");
    CHECK(manifest.objects.size() <= 2);
    if (!manifest.is_readable) CHECK(manifest.problems.size() == 1);
  }
}

TEST_CASE("LinesAreTold") {
  const Manifest manifest =
      read_manifest("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec: 7\n", "a.yaml");
  REQUIRE(manifest.problems.size() == 1);
  CHECK(manifest.problems[0].why.find("line 5") != std::string::npos);
}

TEST_CASE("ProblemsOfOneManifestAreBounded") {
  std::string text = R"({"kind":"List","items":[)";
  for (int i = 0; i < 40'000; ++i)
    text += R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"A)" + std::to_string(i) + R"("}},)";
  text += "1]}";
  const Manifest manifest = read_manifest(text, "a.json");
  CHECK(manifest.is_readable);
  CHECK(manifest.problems.size() <= ProblemList::kMaxTotal + 1);
}

TEST_CASE("AnUnreadableSecretIsNotShown") {
  for (const char* text :
       {"stringData:\n  hunter2: 1\n  hunter2: 2\n", "stringData: {a: hunter2", "stringData: 'hunter2",
        "stringData: !hunter2", "stringData: *hunter2", "hunter2: a: b", "stringData: \"hunter2 \\q\""}) {
    const std::string whole = std::string("kind: Secret\n") + text;
    CAPTURE(whole);
    const Manifest manifest = read_manifest(whole, "a.yaml");
    CHECK(!manifest.is_readable);
    CHECK(text_of(manifest.problems).find("hunter2") == std::string::npos);
    CHECK(text_of(manifest.problems).find("line ") != std::string::npos);
  }
  const Manifest manifest = read_manifest(R"({"kind":"Secret","hunter2":1,"hunter2":2})", "a.json");
  CHECK(!manifest.is_readable);
  CHECK(text_of(manifest.problems).find("hunter2") == std::string::npos);
}

TEST_CASE("WhatIsShownOfAnUnreadableFileIsPrintableAndShort") {
  const std::string long_tag(100'000, 'x');
  for (const std::string& text : {"a: !" + long_tag + " b", std::string("\"\\e[2J\": 1\n\"\\e[2J\": 2\n")}) {
    const Manifest manifest = read_manifest(text, "a.yaml");
    REQUIRE(manifest.problems.size() == 1);
    CHECK(manifest.problems[0].why.size() < 500);
    CHECK(manifest.problems[0].why.find('\x1b') == std::string::npos);
  }
}
