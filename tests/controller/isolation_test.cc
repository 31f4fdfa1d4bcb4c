// One bad object hurts only itself, and nothing but itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "controller/build.h"
#include "controller/documents.h"
#include "controller/manifest.h"
#include "controller/object_reader.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

// Ingress number `n` with its Service and slice, on hosts of its own and one that all share.
std::vector<Object> family(int n) {
  const std::string name = "app-" + std::to_string(n), ns = "team-" + std::to_string(n % 7);
  Ingress made = make_ingress(ns + '/' + name,
                              {{name + ".example.com", {{"/", name + ":80"}, {"= /exact", name + ":http"}}},
                               {"shared.example.com", {{'/' + name, name + ":80"}}},
                               {"*." + name + ".example.com"}},
                              1'000 + n % 13, n == 5 ? name + ":80" : "");
  made = with_tls(std::move(made), {name + ".example.com", "*." + name + ".example.com"}, name);
  return {made, make_service(ns + '/' + name),
          make_slice(name + "-1", ns + '/' + name, {"10.0.0.1", "10.0.0.2"}), make_secret(ns + '/' + name)};
}

Translation translate_all(const std::vector<Object>& objects) {
  return translate(make_store(objects), {.serves_tls = true});
}

// The routes and clusters that come from families.
GatewayConfig of_families(const GatewayConfig& config) {
  GatewayConfig out;
  for (const Route& route : config.routes)
    if (route.origin.namespace_.starts_with("team-")) out.routes.push_back(route);
  for (const Cluster& cluster : config.clusters)
    if (cluster.origin.namespace_.starts_with("team-")) out.clusters.push_back(cluster);
  for (const Certificate& certificate : config.certificates)
    if (certificate.origin.namespace_.starts_with("team-")) out.certificates.push_back(certificate);
  return out;
}

std::vector<Object> read_all(const std::vector<base::Value>& documents) {
  std::vector<Object> objects;
  ProblemList problems;
  for (const base::Value& document : documents) {
    auto result = read_object(
        document, {.source = "a", .position = "document[0]", .api_version = {}, .kind = {}}, problems);
    if (result.object) objects.push_back(std::move(*result.object));
  }
  return objects;
}

}  // namespace

TEST_CASE("OneMalformedIngressLeavesTheOthersAsTheyWere") {
  std::vector<Object> others;
  for (int i = 0; i < 499; ++i)
    for (Object& object : family(i)) others.push_back(std::move(object));
  const Translation without = translate_all(others);
  CHECK(validate(without.config).empty());
  CHECK(without.problems.empty());

  const std::vector<std::function<void(Ingress&)>> spoilers{
      [](Ingress& i) { i.rules.clear(); },
      [](Ingress& i) {
        for (auto& rule : i.rules) rule.host = "app-3.example.com\r\nX: y";
      },
      [](Ingress& i) {
        for (auto& rule : i.rules)
          for (auto& path : rule.paths) path.path = "/../../etc";
      },
      [](Ingress& i) {
        for (auto& rule : i.rules) rule.host = "*";
      },
      [](Ingress& i) {
        for (auto& rule : i.rules) rule.host = "10.0.0.1";
      },
      [](Ingress& i) { i.tls = {{.hosts = {}, .secret = "gone"}}; },
      // Covers the host that all share, for which nobody has a certificate.
      [](Ingress& i) { i.tls = {{.hosts = {"*.example.com"}, .secret = "good"}}; },
      [](Ingress& i) { i.tls = {{.hosts = {"*", "a\r\nb.example", "10.0.0.1"}, .secret = "bad"}}; },
  };
  for (std::size_t s = 0; s < spoilers.size(); ++s) {
    CAPTURE(s);
    std::vector<Object> objects = others;
    Ingress bad = make_ingress("evil/bad", {{"bad.example.com", {{"/a", "nope:80"}, {"/b", "nope:x"}}}}, 1);
    spoilers[s](bad);
    objects.insert(objects.begin() + 700, bad);
    objects.emplace_back(make_secret("evil/bad", std::string(300'000, 'x')));
    objects.emplace_back(make_secret("evil/good"));
    const Translation with = translate_all(objects);
    CHECK(!with.problems.empty());
    for (const Problem& problem : with.problems) CHECK(problem.object.name == "bad");
    CHECK(of_families(with.config) == without.config);
    CHECK(validate(with.config).empty());
  }
}

TEST_CASE("TheOrderOfObjectsAndSourcesDoesNotMatter") {
  std::vector<Object> objects;
  for (int i = 0; i < 60; ++i) {
    for (Object& object : family(i)) objects.push_back(std::move(object));
    // Conflicts of all sorts.
    objects.emplace_back(
        make_ingress("c/dup-" + std::to_string(i),
                     {{"shared.example.com", {{"/app-" + std::to_string(i % 9), "x:80"}}}, {""}},
                     i % 4 == 0 ? std::optional<std::int64_t>() : 900 + i % 3, "y:80"));
  }
  const Translation expected = translate_all(objects);
  CHECK(!expected.problems.empty());
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(objects.begin(), objects.end(), random);
    const Translation one = translate_all(objects);
    CHECK(one.config == expected.config);
    CHECK(one.problems == expected.problems);
    Store store;
    std::vector<std::vector<Object>> sources(5);
    for (const Object& object : objects) sources[random() % 5].push_back(object);
    for (int i = 0; i < 5; ++i) store.replace_source("s" + std::to_string(i), sources[i]);
    CHECK(translate(store, {.serves_tls = true}).config == expected.config);
  }
}

TEST_CASE("AnyByteInAnyStringChangesThatObjectOnly") {
  const std::vector<Object> neighbours = family(0);
  const GatewayConfig expected = translate_all(neighbours).config;
  for (const auto& [kind, text] : sound_documents()) {
    std::vector<base::Value> others;
    for (const auto& [other_kind, other_text] : sound_documents())
      if (other_kind != kind) others.push_back(json(other_text));
    std::vector<Object> fixed = read_all(others);
    fixed.insert(fixed.end(), neighbours.begin(), neighbours.end());
    base::Value document = json(text);
    for_each_text(document, "", [&](base::Value& place, const std::string& path) {
      const std::string original = *place.as_string();
      for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(kind + ' ' + path + ' ' + std::to_string(byte));
        std::string hostile = original;
        hostile.insert(hostile.size() / 2, 1, static_cast<char>(byte));
        place = base::Value(hostile);
        std::vector<Object> objects = read_all({document});
        const auto* ingress_class = objects.empty() ? nullptr : std::get_if<IngressClass>(&objects[0]);
        // A spoiled IngressClass is the default no more, and lets go of all Ingresses without a class.
        const bool lets_go =
            kind == "IngressClass" && ingress_class != nullptr &&
            !(ingress_class->is_default && ingress_class->controller == "libingress.dev/proxyd");
        objects.insert(objects.end(), fixed.begin(), fixed.end());
        const Translation result = translate_all(objects);
        REQUIRE(validate(result.config).empty());
        REQUIRE(of_families(result.config) == (lets_go ? GatewayConfig() : expected));
      }
      place = base::Value(original);
    });
  }
}

TEST_CASE("ManifestsOfAnyBytesAreReadOrRefused") {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::string text = sound_documents().at("Ingress");
    for (int i = 0; i < 3; ++i) text[random() % text.size()] = static_cast<char>(random());
    for (const char* path : {"a.json", "a.yaml"}) {
      Manifest manifest = read_manifest(text, path);
      if (!manifest.is_readable) {
        CHECK(manifest.objects.empty());
        CHECK(manifest.problems.size() == 1);
      }
      CHECK(validate(translate_all(manifest.objects).config).empty());
    }
  }
}
