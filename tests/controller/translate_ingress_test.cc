#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/translate.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

// Services a to e, one endpoint each; named in answers as "default/a:80".
std::vector<Object> with_services(std::vector<Object> objects) {
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    objects.emplace_back(make_service(name));
    objects.emplace_back(make_slice(name, name, {"10.0.0.1"}));
  }
  return objects;
}

struct Ask {
  std::string host, path, answer;
};

struct Row {
  const char* claim;
  std::vector<Ingress> ingresses;
  std::vector<Ask> asks;
  std::string default_backend = "";  // option
};

Translation translate_row(const Row& row) {
  std::vector<Object> objects(row.ingresses.begin(), row.ingresses.end());
  TranslateOptions options;
  if (!row.default_backend.empty()) {
    const IngressBackend target = backend(row.default_backend);
    options.default_backend = DefaultBackend{"default", *target.service, target.port};
  }
  return translate(make_store(with_services(std::move(objects))), options);
}

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    const Translation result = translate_row(row);
    CAPTURE(text_of(result.problems));
    CHECK(validate(result.config).empty());
    for (const Ask& ask : row.asks) {
      CAPTURE(ask.host);
      CAPTURE(ask.path);
      CHECK(answer(result.config, ask.host, ask.path) == ask.answer);
    }
  }
}

const std::string kA = "default/a:80", kB = "default/b:80", kC = "default/c:80", kD = "default/d:80",
                  kNone = "404 no_route";

}  // namespace

TEST_CASE("PathsFollowTheTableOfTheKubernetesPage") {
  // Concepts, Services and Networking, Ingress: "Examples" of path types.
  struct Example {
    std::string path, request;
    bool is_match;
  };
  const std::vector<Example> examples{
      {"/", "/anything", true},
      {"= /foo", "/foo", true},
      {"= /foo", "/bar", false},
      {"= /foo", "/foo/", false},
      {"= /foo/", "/foo", false},
      {"= /foo/", "/foo/", true},
      {"/foo", "/foo", true},
      {"/foo", "/foo/", true},
      {"/foo/", "/foo", true},
      {"/foo/", "/foo/", true},
      {"/foo", "/foobar", false},
      {"/aaa/bb", "/aaa/bbb", false},
      {"/aaa/bbb", "/aaa/bbb", true},
      {"/aaa/bbb/", "/aaa/bbb", true},
      {"/aaa/bbb", "/aaa/bbb/", true},
      {"/aaa/bbb", "/aaa/bbb/ccc", true},
      {"/aaa/bbb", "/aaa/bbbxyz", false},
      {"~ /foo", "/foo/bar", true},
      {"~ /foo", "/foobar", false},
      {"~ ", "/anything", true},
      {"~ /foo(/|$)(.*)", "/foo/x", false},
      {"~ /foo(/|$)(.*)", "/foo(/|$)(.*)", true},
      {"/%61", "/a", true},
      {"= /a%2fb", "/a%2Fb", true},
  };
  for (const Example& example : examples) {
    CAPTURE(example.path);
    CAPTURE(example.request);
    const Translation result =
        translate_row({"", {make_ingress("web", {{"x.y", {{example.path, "a:80"}}}})}, {}});
    CHECK(result.problems.empty());
    CHECK(answer(result.config, "x.y", example.request) == (example.is_match ? kA : kNone));
  }
}

TEST_CASE("TheMostSpecificHostAndPathServes") {
  check_rows({
      {"longest prefix wins",
       {make_ingress("web", {{"x.y", {{"/", "a:80"}, {"/aaa", "b:80"}, {"/aaa/bbb", "c:80"}}}})},
       {{"x.y", "/aaa/bbb/ccc", kC}, {"x.y", "/aaa/ccc", kB}, {"x.y", "/ccc", kA}}},
      {"exact before prefix of equal length",
       {make_ingress("web", {{"x.y", {{"/foo", "a:80"}, {"= /foo", "b:80"}}}})},
       {{"x.y", "/foo", kB}, {"x.y", "/foo/", kA}}},
      {"exact, wildcard and no host",
       {make_ingress("web", {{"a.x.y", {{"/", "a:80"}}}, {"*.x.y", {{"/", "b:80"}}}, {"", {{"/", "c:80"}}}})},
       {{"a.x.y", "/", kA}, {"b.x.y", "/", kB}, {"x.y", "/", kC}, {"b.a.x.y", "/", kC}, {"z", "/", kC}}},
      {"an exact host's requests never reach wildcard or hostless paths",
       {make_ingress("one", {{"a.x.y", {{"/only", "a:80"}}}}),
        make_ingress("two", {{"*.x.y", {{"/wild", "b:80"}}}, {"", {{"/any", "c:80"}}}})},
       {{"a.x.y", "/only", kA},
        {"a.x.y", "/wild", kNone},
        {"a.x.y", "/any", kNone},
        {"b.x.y", "/wild", kB},
        {"b.x.y", "/any", kNone},
        {"z", "/any", kC},
        {"z", "/other", kNone}}},
      {"two Ingresses share a host",
       {make_ingress("one", {{"x.y", {{"/one", "a:80"}}}}),
        make_ingress("two", {{"x.y", {{"/two", "b:80"}}}})},
       {{"x.y", "/one", kA}, {"x.y", "/two", kB}, {"x.y", "/", kNone}}},
      {"one Ingress lists a host twice",
       {make_ingress("one",
                     {{"x.y", {{"/one", "a:80"}}}, {"z", {{"/", "c:80"}}}, {"x.y", {{"/two", "b:80"}}}})},
       {{"x.y", "/one", kA}, {"x.y", "/two", kB}, {"z", "/", kC}}},
  });
}

TEST_CASE("TheRestOfAHostGoesToItsOldestDefaultBackend") {
  const Ingress plain = make_ingress("plain", {{"x.y", {{"/p", "a:80"}}}}, 50);
  check_rows({
      {"own hosts only",
       {make_ingress("web", {{"x.y", {{"/p", "a:80"}}}}, 1, "b:80")},
       {{"x.y", "/p", kA}, {"x.y", "/q", kB}, {"z", "/q", "none"}}},
      {"a rule without paths sends its host there",
       {make_ingress("web", {{"x.y"}}, 1, "b:80"), make_ingress("any", {{"", {{"/", "c:80"}}}})},
       {{"x.y", "/q", kB}, {"z", "/q", kC}}},
      {"a rule without paths and without default backend",
       {make_ingress("web", {{"x.y"}}, 1), make_ingress("any", {{"", {{"/", "c:80"}}}})},
       {{"x.y", "/q", kNone}, {"z", "/q", kC}}},
      {"the oldest Ingress of the host that has one",
       {plain, make_ingress("new", {{"x.y"}}, 200, "b:80"), make_ingress("old", {{"x.y"}}, 100, "c:80")},
       {{"x.y", "/q", kC}, {"x.y", "/p", kA}}},
      {"an explicit / stands before it",
       {make_ingress("old", {{"x.y", {{"/", "a:80"}}}}, 1, "b:80")},
       {{"x.y", "/q", kA}}},
      {"the / of a younger Ingress as well",
       {make_ingress("old", {{"x.y", {{"/p", "a:80"}}}}, 1, "b:80"),
        make_ingress("new", {{"x.y", {{"/", "c:80"}}}}, 2)},
       {{"x.y", "/q", kC}, {"x.y", "/p", kA}}},
      {"exact / is no catch-all",
       {make_ingress("old", {{"x.y", {{"= /", "a:80"}}}}, 1, "b:80")},
       {{"x.y", "/", kA}, {"x.y", "/q", kB}}},
      {"wildcard hosts have a rest of their own",
       {make_ingress("w", {{"*.x.y", {{"/p", "a:80"}}}}, 1, "b:80"),
        make_ingress("any", {{"", {{"/", "c:80"}}}})},
       {{"a.x.y", "/q", kB}, {"z", "/q", kC}}},
      {"without rules: everything unclaimed, the oldest wins",
       {plain, make_ingress("new", {}, 200, "b:80"), make_ingress("old", {}, 100, "c:80")},
       {{"x.y", "/p", kA}, {"x.y", "/q", kNone}, {"z", "/q", kC}}},
      {"without rules, behind hostless paths",
       {make_ingress("any", {{"", {{"/p", "a:80"}}}}), make_ingress("rest", {}, 100, "c:80")},
       {{"z", "/p", kA}, {"z", "/q", kC}}},
      {"--default-backend answers what nobody does", {plain}, {{"x.y", "/q", kD}, {"z", "/", kD}}, "d:80"},
      {"--default-backend after default backends",
       {make_ingress("web", {{"x.y"}}, 1, "b:80"), make_ingress("w", {{"*.y", {{"/p", "a:80"}}}}, 1)},
       {{"x.y", "/q", kB}, {"z.y", "/q", kD}, {"z.y", "/p", kA}, {"z", "/q", kD}},
       "d:80"},
      {"--default-backend and hostless paths",
       {make_ingress("any", {{"", {{"/p", "a:80"}}}})},
       {{"z", "/q", kD}, {"z", "/p", kA}},
       "d:80"},
      {"--default-backend without Service", {}, {{"z", "/q", "503 no_service"}}, "nope:80"},
      {"nothing at all", {}, {{"z", "/", "none"}}},
  });
}

// Long because it is one table.
TEST_CASE("TheOldestIngressWinsAConflict") {
  struct Conflict {
    const char* claim;
    std::vector<Ingress> ingresses;
    std::string winner;        // of x.y/p
    std::string loser, field;  // "" = no problem
    std::string names;         // what the problem names
  };
  const auto one = [](std::string name, std::string path, std::string to,
                      std::optional<std::int64_t> created) {
    return make_ingress(std::move(name), {{"x.y", {{std::move(path), std::move(to)}}}}, created);
  };
  const std::string field = "spec.rules[0].http.paths[0].path";
  const std::vector<Conflict> rows{
      {"by time", {one("a", "/p", "a:80", 2), one("b", "/p", "b:80", 1)}, kB, "a", field, "default/b"},
      {"by name", {one("b", "/p", "b:80", 1), one("a", "/p", "a:80", 1)}, kA, "b", field, "default/a"},
      {"unset is newest",
       {one("a", "/p", "a:80", {}), one("b", "/p", "b:80", 1)},
       kB,
       "a",
       field,
       "default/b"},
      {"both unset", {one("b", "/p", "b:80", {}), one("a", "/p", "a:80", {})}, kA, "b", field, "default/a"},
      {"a trailing slash is no difference",
       {one("a", "/p/", "a:80", 2), one("b", "/p", "b:80", 1)},
       kB,
       "a",
       field,
       "default/b"},
      {"an encoded letter is no difference",
       {one("a", "/%70", "a:80", 2), one("b", "/p", "b:80", 1)},
       kB,
       "a",
       field,
       "default/b"},
      {"ImplementationSpecific is Prefix",
       {one("a", "~ /p", "a:80", 2), one("b", "/p", "b:80", 1)},
       kB,
       "a",
       field,
       "default/b"},
      {"Exact and Prefix do not conflict",
       {one("a", "= /p", "a:80", 2), one("b", "/p", "b:80", 1)},
       kA,
       "",
       "",
       ""},
      {"within one Ingress the first wins",
       {make_ingress("a", {{"x.y", {{"/p", "a:80"}, {"/p", "b:80"}}}})},
       kA,
       "a",
       "spec.rules[0].http.paths[1].path",
       "rules[0].paths[0] of this Ingress"},
  };
  for (const Conflict& row : rows) {
    CAPTURE(std::string(row.claim));
    const Translation result = translate_row({"", row.ingresses, {}});
    CAPTURE(text_of(result.problems));
    CHECK(answer(result.config, "x.y", "/p") == row.winner);
    CHECK(validate(result.config).empty());
    REQUIRE(result.problems.size() == (row.loser.empty() ? 0 : 1));
    if (row.loser.empty()) continue;
    CHECK(result.problems[0].object.name == row.loser);
    CHECK(result.problems[0].source == "all.yaml");
    CHECK(has_problem(result.problems, row.field, row.names));
  }
}

TEST_CASE("NamespacesConflictByTheSameOrder") {
  std::vector<Object> objects{make_ingress("b/web", {{"x.y", {{"/", "a:80"}}}}, 1),
                              make_ingress("a/web", {{"x.y", {{"/", "a:80"}}}}, 1)};
  for (const char* ns : {"a", "b"}) {
    objects.emplace_back(make_service(std::string(ns) + "/a"));
    objects.emplace_back(make_slice("s", std::string(ns) + "/a", {"10.0.0.1"}));
  }
  const Translation result = translate(make_store(objects), {});
  CHECK(answer(result.config, "x.y", "/") == "a/a:80");
  REQUIRE(result.problems.size() == 1);
  CHECK(result.problems[0].object == Origin{"Ingress", "b", "web"});
}

TEST_CASE("LosingDefaultBackendsAreNamed") {
  const auto problems = [](std::vector<Ingress> ingresses) {
    return translate_row({"", std::move(ingresses), {}}).problems;
  };
  auto list = problems({make_ingress("a", {}, 1, "a:80"), make_ingress("b", {}, 2, "b:80")});
  REQUIRE(list.size() == 1);
  CHECK(list[0].object.name == "b");
  CHECK(has_problem(list, "spec.defaultBackend", "default/a"));
  list = problems({make_ingress("a", {{"x.y"}}, 1, "a:80"), make_ingress("b", {{"x.y"}}, 2, "b:80")});
  CHECK(has_problem(list, "spec.defaultBackend", "host x.y"));
  list = problems({make_ingress("a", {}, 1, "a:80"), make_ingress("b", {{"", {{"/", "b:80"}}}}, 2)});
  CHECK(has_problem(list, "spec.defaultBackend", "serves nothing"));
  list = problems({make_ingress("a", {})});
  CHECK(has_problem(list, "spec", "neither rules nor a defaultBackend"));
}

TEST_CASE("WrongPartsAreLeftOutAloneAndNeverWidened") {
  const Ingress subject =
      make_ingress("web", {{"Bad.Host", {{"/", "a:80"}}},
                           {"x.y", {{"/a/../", "a:80"}, {"/ok", "b:80"}, {"nope", "a:80"}, {"", "a:80"}}},
                           {"q.y", {{"relative", "a:80"}}}});
  const Translation result = translate_row(
      {"", {subject, make_ingress("any", {{"", {{"/", "c:80"}}}, {"*.y", {{"/", "d:80"}}}})}, {}});
  CAPTURE(text_of(result.problems));
  CHECK(has_problem(result.problems, "spec.rules[0].host", "upper case"));
  CHECK(has_problem(result.problems, "spec.rules[1].http.paths[0].path", "segment"));
  CHECK(has_problem(result.problems, "spec.rules[1].http.paths[2].path", "start with"));
  CHECK(has_problem(result.problems, "spec.rules[1].http.paths[3].path", "start with"));
  CHECK(has_problem(result.problems, "spec.rules[2].http.paths[0].path", "start with"));
  CHECK(result.problems.size() == 5);
  CHECK(answer(result.config, "x.y", "/ok") == kB);
  CHECK(answer(result.config, "x.y", "/") == kNone);
  CHECK(answer(result.config, "q.y", "/") == kNone);  // claimed, though nothing of it is left
  CHECK(answer(result.config, "bad.host", "/") == kC);
  CHECK(validate(result.config).empty());
}

TEST_CASE("BackendsThatCannotServeKeepTheirPath") {
  Ingress subject = make_ingress("web", {{"x.y",
                                          {{"/", "a:80"},
                                           {"/none", "zzz:80"},
                                           {"/port", "a:81"},
                                           {"/resource", "a:80"},
                                           {"/unread", "a:80"}}}});
  subject.rules[0].paths[3].backend = {.has_resource = true};
  subject.rules[0].paths[4].backend = {};
  const Translation result = translate_row({"", {subject}, {}});
  CHECK(answer(result.config, "x.y", "/none/x") == "503 no_service");
  CHECK(answer(result.config, "x.y", "/port") == "503 no_service_port");
  CHECK(answer(result.config, "x.y", "/resource") == "503 resource_backend");
  CHECK(answer(result.config, "x.y", "/unread") == "503 invalid_backend");
  CHECK(answer(result.config, "x.y", "/") == kA);
  CHECK(has_problem(result.problems, "spec.rules[0].http.paths[1].backend.service.name", "default/zzz"));
  CHECK(has_problem(result.problems, "spec.rules[0].http.paths[2].backend.service.port", "81"));
  CHECK(has_problem(result.problems, "spec.rules[0].http.paths[3].backend.resource", "resource"));
  CHECK(validate(result.config).empty());
}

TEST_CASE("ServicesOfOtherNamespacesAreOutOfReach") {
  const Translation result =
      translate(make_store({make_ingress("mine/web", {{"x.y", {{"/", "a:80"}}}}), make_service("other/a"),
                            make_slice("s", "other/a", {"10.0.0.1"})}),
                {});
  CHECK(answer(result.config, "x.y", "/") == "503 no_service");
}

TEST_CASE("TlsAndAnnotationsWithoutEffectAreWarnings") {
  Ingress subject = make_ingress("web", {{"x.y", {{"/", "a:80"}}}});
  subject.tls = {{{"x.y"}, "cert"}};
  subject.meta.annotations = {{"nginx.ingress.kubernetes.io/auth-url", "http://a"},
                              {"nginx.ingress.kubernetes.io/\n\x1b[2J", "x"},
                              {"kubectl.kubernetes.io/last-applied-configuration", "{}"},
                              {"note", "y"}};
  const Translation result = translate_row({"", {subject}, {}});
  CHECK(result.problems.size() == 3);
  for (const Problem& problem : result.problems) {
    CHECK(problem.severity == Severity::kWarning);
    CHECK(problem.field.find('\n') == std::string::npos);
  }
  CHECK(has_problem(result.problems, "spec.tls", "TLS is not served"));
  CHECK(answer(result.config, "x.y", "/") == kA);
}

TEST_CASE("RoutesNameTheIngressTheHostAndTheRule") {
  const Translation result =
      translate_row({"",
                     {make_ingress("web", {{"x.y", {{"/a", "a:80"}}}, {"", {{"/b", "b:80"}}}}, 7),
                      make_ingress("two", {{"*.x.y"}}, 8, "c:80")},
                     {}});
  std::string names;
  for (const Route& route : result.config.routes) {
    for (const RouteRule& rule : route.rules) names += route.name + ' ' + rule.name + '\n';
    CHECK(route.origin.kind == "Ingress");
    CHECK(route.created_at == (route.origin.name == "web" ? 7 : 8));
  }
  CHECK(names ==
        "default/two/*.x.y defaultBackend\n"
        "default/web rules[1].paths[0]\ndefault/web unmatched\n"
        "default/web/x.y rules[0].paths[0]\ndefault/web/x.y unmatched\n");
}

TEST_CASE("RouteNamesStayWithinTheirBound") {
  std::string name = std::string(63, 'n') + '/', host;
  for (int i = 0; i < 4; ++i) name += std::string(62, 'a') + (i < 3 ? "." : "");
  for (int i = 0; i < 4; ++i) host += std::string(60, 'h') + (i < 3 ? "." : "");
  const Translation result = translate(
      make_store({make_ingress(name, {{host, {{"/", "a:80"}}}, {"g" + host.substr(1), {{"/", "a:80"}}}})}),
      {});
  CHECK(result.config.routes.size() == 2);
  CHECK(validate(result.config).empty());
}

TEST_CASE("ListenersAreTakenOver") {
  TranslateOptions options;
  options.listeners = {{.name = "http", .address = "127.0.0.1", .port = 8080}};
  CHECK(translate(Store(), options).config.listeners == options.listeners);
}
