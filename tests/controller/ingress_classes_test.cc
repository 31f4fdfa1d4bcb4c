#include "controller/ingress_classes.h"

#include <doctest/doctest.h>

#include "controller/build.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

struct ClassText {
  std::string name;
  bool is_ours = true;
  bool is_default = false;
  std::optional<std::int64_t> created_at = {};
};

struct Row {
  const char* claim;
  std::vector<ClassText> classes;
  std::optional<std::string> field, annotation;
  bool is_served;
  std::size_t num_problems = 0;
};

}  // namespace

// Long because it is one table.
TEST_CASE("AnIngressIsOursByItsClass") {
  const std::vector<Row> rows{
      {"no class, no IngressClass", {}, {}, {}, true},
      {"empty annotation is none", {}, {}, "", true},
      {"no class, no default", {{"ours"}}, {}, {}, false},
      {"no class, ours is default", {{"ours", true, true}}, {}, {}, true},
      {"no class, another's is default", {{"ours"}, {"nginx", false, true}}, {}, {}, false},
      {"field names ours", {{"ours"}}, "ours", {}, true},
      {"field names another's", {{"ours"}, {"nginx", false}}, "nginx", {}, false},
      {"field names nothing", {{"ours"}}, "typo", {}, false, 1},
      {"field names nothing and there are no classes", {}, "nginx", {}, false, 1},
      {"annotation names ours", {{"ours"}}, {}, "ours", true},
      {"annotation names another's", {{"nginx", false}}, {}, "nginx", false},
      {"annotation names nothing", {{"ours"}}, {}, "traefik", false},
      {"annotation names nothing and there are no classes", {}, {}, "nginx", false},
      {"annotation is hostile", {{"ours"}}, {}, "ours\n", false},
      {"both, equal", {{"ours"}}, "ours", "ours", true},
      {"both: the field wins for us", {{"ours"}, {"nginx", false}}, "ours", "nginx", true, 1},
      {"both: the field wins against us", {{"ours"}, {"nginx", false}}, "nginx", "ours", false},
      {"two of ours", {{"a"}, {"b"}}, "b", {}, true},
      {"two defaults: the newest counts", {{"a", true, true, 1}, {"b", false, true, 2}}, {}, {}, false, 1},
      {"two defaults: the newest counts, the other way",
       {{"a", true, true, 2}, {"b", false, true, 1}},
       {},
       {},
       true,
       1},
      {"two defaults: unset is newest", {{"a", false, true, 2}, {"b", true, true}}, {}, {}, true, 1},
      {"two defaults of one age: first by name",
       {{"a", true, true, 5}, {"b", false, true, 5}},
       {},
       {},
       true,
       1},
      {"three defaults", {{"a", true, true}, {"b", false, true}, {"c", false, true}}, {}, {}, true, 2},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    std::vector<Object> objects;
    for (const ClassText& text : row.classes) {
      IngressClass made =
          make_class(text.name, text.is_ours ? "libingress.dev/proxyd" : "k8s.io/ingress-nginx");
      made.is_default = text.is_default;
      made.meta.created_at = text.created_at;
      objects.emplace_back(std::move(made));
    }
    Ingress subject = make_ingress("web", {{"a.b"}});
    subject.class_name = row.field;
    if (row.annotation) subject.meta.annotations["kubernetes.io/ingress.class"] = *row.annotation;
    objects.emplace_back(std::move(subject));
    ProblemList problems;
    std::size_t num_ignored = 0;
    const Store all = make_store(std::move(objects));
    const auto served = served_ingresses(all, {}, num_ignored, problems);
    CHECK(served.size() == (row.is_served ? 1 : 0));
    CHECK(num_ignored == (row.is_served ? 0 : 1));
    const auto list = problems.take();
    CAPTURE(text_of(list));
    CHECK(list.size() == row.num_problems);
  }
}

TEST_CASE("TwoControllersShareAClusterWithoutSharingAnIngress") {
  const Store all = make_store({make_class("a", "example.com/a"), make_class("b", "example.com/b"),
                                [] {
                                  auto i = make_ingress("one", {{"a.b"}});
                                  i.class_name = "a";
                                  return i;
                                }(),
                                [] {
                                  auto i = make_ingress("two", {{"a.b"}});
                                  i.class_name = "b";
                                  return i;
                                }()});
  for (const char* name : {"a", "b"}) {
    ProblemList problems;
    std::size_t num_ignored = 0;
    const auto served =
        served_ingresses(all, {.controller_name = std::string("example.com/") + name}, num_ignored, problems);
    REQUIRE(served.size() == 1);
    CHECK(*served[0].ingress->class_name == name);
    CHECK(num_ignored == 1);
  }
}

TEST_CASE("TheOldestIngressComesFirst") {
  const Store all = make_store({make_ingress("b/new", {}, 300), make_ingress("a/unset", {}),
                                make_ingress("b/old", {}, 100), make_ingress("a/same", {}, 200),
                                make_ingress("b/same", {}, 200), make_ingress("a/asame", {}, 200)});
  ProblemList problems;
  std::size_t num_ignored = 0;
  std::string order;
  for (const auto& served : served_ingresses(all, {}, num_ignored, problems))
    order += served.ingress->meta.namespace_ + '/' + served.ingress->meta.name + ' ';
  CHECK(order == "b/old a/asame a/same b/same b/new a/unset ");
}
