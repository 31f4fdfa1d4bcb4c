#include "controller/store.h"

#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/problem_list.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

TEST_CASE("TheFirstSourceByNameCounts") {
  Store store;
  CHECK(store.replace_source("b.yaml", {make_service("web", {{.port = 2}})}));
  CHECK(store.replace_source("a.yaml", {make_service("web", {{.port = 1}})}));
  CHECK(store.replace_source("c.yaml", {make_service("web", {{.port = 3}})}));
  const ObjectKey key{"Service", "default", "web"};
  REQUIRE(store.find(key) != nullptr);
  CHECK(store.find(key)->source == "a.yaml");
  const auto problems = store.duplicate_problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].source == "b.yaml");
  CHECK(problems[0].why.find("a.yaml") != std::string::npos);

  CHECK(store.remove_source("a.yaml"));
  CHECK(store.find(key)->source == "b.yaml");
  CHECK(store.duplicate_problems().size() == 1);
  CHECK(store.remove_source("b.yaml"));
  CHECK(store.remove_source("c.yaml"));
  CHECK(store.find(key) == nullptr);
  CHECK(store.size() == 0);
}

TEST_CASE("TheFirstDocumentOfOneSourceCounts") {
  Store store;
  store.replace_source("a.yaml", {make_service("web", {{.port = 1}}), make_service("web", {{.port = 2}})});
  const StoredObject* found = store.find({"Service", "default", "web"});
  REQUIRE(found != nullptr);
  CHECK(std::get<Service>(found->object).ports[0].port == 1);
  CHECK(store.duplicate_problems().size() == 1);
  CHECK(store.remove_source("a.yaml"));
  CHECK(store.size() == 0);
}

TEST_CASE("ReplacingTellsWhetherAnythingChanged") {
  Store store;
  CHECK(!store.replace_source("a", {}));
  CHECK(!store.remove_source("a"));
  CHECK(store.replace_source("a", {make_service("web"), make_service("shop")}));
  CHECK(!store.replace_source("a", {make_service("web"), make_service("shop")}));
  CHECK(store.replace_source("a", {make_service("web"), make_service("shop", {{.port = 81}})}));
  CHECK(store.replace_source("a", {make_service("web")}));
  CHECK(store.size() == 1);
  CHECK(store.replace_source("a", {}));
  CHECK(!store.replace_source("a", {}));
  CHECK(store.size() == 0);
}

TEST_CASE("KindsAndNamespacesAreDifferentKeys") {
  Store store;
  store.replace_source(
      "a", {make_service("web"), make_service("shop/web"), make_ingress("web", {}), make_class("web")});
  CHECK(store.size() == 4);
  int num_services = 0;
  store.for_each<Service>([&](const Service&, const std::string&) { ++num_services; });
  CHECK(num_services == 2);
}

TEST_CASE("ProblemsAreKeptOnceAndBounded") {
  ProblemList list;
  for (int i = 0; i < 3; ++i)
    list.add({.object = {"Ingress", "a", "b"}, .field = "spec", .why = "w", .fix = "f"});
  for (int i = 0; i < 100; ++i)
    list.add({.object = {"Ingress", "a", "c"}, .field = std::to_string(i), .why = "w", .fix = "f"});
  const auto problems = list.take();
  CHECK(problems.size() == 1 + ProblemList::kMaxPerObject + 1);
  CHECK(std::is_sorted(problems.begin(), problems.end()));
  CHECK(has_problem(problems, "", "more problems of this object"));
  CHECK(list.take().empty());

  for (int i = 0; i < 20'000; ++i)
    list.add({.object = {"Ingress", "a", std::to_string(i)}, .field = "spec", .why = "w", .fix = "f"});
  CHECK(list.take().size() == ProblemList::kMaxTotal + 1);
}
