// Events about problems, as JSON.
#include "controller/event_json.h"

#include <doctest/doctest.h>

#include "base/json_reader.h"

namespace ingress::controller {
namespace {

const EventReporter kUs{.controller = "example.dev/us", .instance = "host_1"};

Problem problem() {
  return {.source = "cluster",
          .object = {"Ingress", "shop", "web"},
          .field = "spec.rules[0]",
          .why = "is \"wrong\"",
          .fix = "mend it"};
}

std::string note_of(const ProblemEvent& event) {
  return *base::read_json(event.json)->find("note")->as_string();
}

TEST_CASE("AnEventIsAboutItsObject") {
  const auto event = make_event(problem(), kUs, "uid-1", "2026-01-02T03:04:05.000006Z");
  REQUIRE(event);
  CHECK(event->namespace_ == "shop");
  CHECK(event->name.starts_with("web."));
  CHECK(event->name.size() == 20);
  CHECK(event->json ==
        R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"namespace":"shop","name":")" +
            event->name +
            R"("},"eventTime":"2026-01-02T03:04:05.000006Z","reportingController":"example.dev/us",)"
            R"("reportingInstance":"host_1","action":"Translate","reason":"Misconfigured","type":"Warning",)"
            R"("regarding":{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","namespace":"shop",)"
            R"("name":"web","uid":"uid-1"},"note":"spec.rules[0]: is \"wrong\"; mend it"})");
  CHECK(make_event(problem(), kUs, "", "x")->json.find("uid") == std::string::npos);
}

TEST_CASE("TheNameIsThatOfTheProblem") {
  const auto name_of = [](const Problem& about) { return make_event(about, kUs, "", "")->name; };
  CHECK(name_of(problem()) == make_event(problem(), {.controller = "x", .instance = "y"}, "u", "t")->name);
  Problem other = problem();
  other.why += "!";
  CHECK(name_of(other) != name_of(problem()));
  other = problem();
  other.field = "spec.rules[1]";
  CHECK(name_of(other) != name_of(problem()));
  other = problem();
  other.object.kind = "Service";
  CHECK(name_of(other) != name_of(problem()));
  other.object.name = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." +
                      std::string(16, 'd') + "." + std::string(50, 'e');
  CHECK(name_of(other).size() <= 253);
  CHECK(name_of(other).find("..") == std::string::npos);
}

TEST_CASE("ClusterWideObjectsAreToldOfInDefaultAndOthersNot") {
  Problem about = problem();
  about.object = {"IngressClass", "", "web"};
  REQUIRE(make_event(about, kUs, "", ""));
  CHECK(make_event(about, kUs, "", "")->namespace_ == "default");
  for (const Origin& object :
       {Origin{"", "", ""}, Origin{"Pod", "shop", "web"}, Origin{"Ingress", "shop", ""},
        Origin{"Ingress", "shop", "a/b"}, Origin{"Ingress", "a/b", "web"}}) {
    about.object = object;
    CHECK_FALSE(make_event(about, kUs, "", ""));
  }
}

TEST_CASE("ALongNoteIsCutBetweenCharacters") {
  for (const std::size_t size : {900, 1'019, 1'020, 1'021, 1'022, 5'000}) {
    Problem about = problem();
    about.field.clear();
    about.fix.clear();
    about.why = std::string(size, 'a') + "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
    const auto event = make_event(about, kUs, "", "");
    REQUIRE(base::read_json(event->json));
    CHECK(note_of(*event).size() <= 1'024);
    CHECK(note_of(*event).ends_with("...") == (size > 1'016));
  }
}

TEST_CASE("ASeriesCounts") {
  CHECK(write_event_series(3, "t") == R"({"series":{"count":3,"lastObservedTime":"t"}})");
}

}  // namespace
}  // namespace ingress::controller
