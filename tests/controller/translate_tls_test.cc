#include "controller/translate_tls.h"

#include <doctest/doctest.h>

#include <functional>

#include "controller/build.h"
#include "controller/tls_build.h"
#include "controller/translate.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

TEST_CASE("ANamedSecretBecomesACertificate") {
  const Translation result =
      translate_all({web("shop", "a.example", "cert"), make_secret("cert"), make_secret("unnamed")});
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.empty());
  const Certificate wanted{.name = "default/cert",
                           .server_names = {"a.example"},
                           .chain = "chain of cert",
                           .key = {"key of cert"},
                           .origin = {"Secret", "default", "cert"}};
  CHECK(result.config.certificates == std::vector{wanted});
  CHECK(redirects(result, "default/shop/a.example"));
}

TEST_CASE("WithoutAListenerForTlsNothingOfItIsServed") {
  TranslateOptions options = tls_options();
  options.serves_tls = false;
  options.default_certificate = DefaultCertificate{"default", "cert"};
  const Translation result = translate_all({web("shop", "a.example", "cert"), make_secret("cert")}, options);
  CHECK(result.config.certificates.empty());
  CHECK_FALSE(redirects(result, "default/shop/a.example"));
  CHECK(result.problems.size() == 1);
  CHECK(has_problem(result.problems, "spec.tls", "TLS is not served"));
}

TEST_CASE("ServerNamesAreTheHostsOfAllEntriesThatNameTheSecret") {
  Ingress two = make_ingress("two", {{"c.example", {{"/", "a:80"}}}, {"d.example"}, {""}});
  two = with_tls(two, {}, "cert");  // all of the rules' hosts
  const Translation result =
      translate_all({web("one", "b.example", "cert"), two,
                     with_tls(web("three", "*.e.example", "other"), {"f.example"}, "cert"),
                     make_secret("cert"), make_secret("other")});
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.empty());
  CHECK(shown(result) ==
        Names{"default/cert: b.example c.example d.example f.example", "default/other: *.e.example"});
  CHECK(redirects(result, "default/two/c.example"));
  CHECK_FALSE(redirects(result, "default/two"));
  CHECK(redirects(result, "default/three/*.e.example"));
}

TEST_CASE("AHostMayHaveSeveralSecretsOfItsNamespace") {
  const Translation result =
      translate_all({web("one", "a.example", "ecdsa", 1), web("two", "a.example", "rsa", 2),
                     make_secret("ecdsa"), make_secret("rsa")});
  CHECK(shown(result) == Names{"default/ecdsa: a.example", "default/rsa: a.example"});
}

TEST_CASE("WhatIsWrongWithAReferenceIsAProblemOfItsIngress") {
  struct Row {
    std::function<void(Ingress&, Secret&)> spoil;
    const char* field;
    const char* why;
  };
  const Row rows[] = {
      {[](Ingress& i, Secret&) { i.tls[1].secret = "gone"; }, "spec.tls[1].secretName",
       "there is no Secret \"gone\" in namespace default"},
      {[](Ingress&, Secret& s) { s.type = "Opaque"; }, "spec.tls[1].secretName", "of type \"Opaque\""},
      {[](Ingress&, Secret& s) { s.type = ""; }, "spec.tls[1].secretName", "not kubernetes.io/tls"},
      {[](Ingress&, Secret& s) { s.data.erase("tls.crt"); }, "spec.tls[1].secretName",
       "no data[\"tls.crt\"]"},
      {[](Ingress&, Secret& s) { s.data["tls.key"] = ""; }, "spec.tls[1].secretName", "no data[\"tls.key\"]"},
      {[](Ingress& i, Secret&) { i.tls[1].hosts = {"10.0.0.1"}; }, "spec.tls[1].hosts[0]", "IP address"},
      {[](Ingress& i, Secret&) { i.tls[1].hosts = {"B.example"}; }, "spec.tls[1].hosts[0]", "upper case"},
      {[](Ingress& i, Secret&) { i.tls[1].hosts = {"*"}; }, "spec.tls[1].hosts[0]", "no host pattern"},
  };
  for (const Row& row : rows) {
    Ingress subject = with_tls(web("shop", "a.example", "good"), {"b.example"}, "cert");
    subject.rules.push_back({.host = "b.example", .index = 1});
    Secret secret = make_secret("cert");
    row.spoil(subject, secret);
    const Translation result = translate_all({subject, make_secret("good"), secret});
    CAPTURE(text_of(result.problems));
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].object == Origin{"Ingress", "default", "shop"});
    CHECK(has_problem(result.problems, row.field, row.why));
    // The other entry is served as it was, and the host without a certificate stays plain.
    CHECK(shown(result) == Names{"default/good: a.example"});
    CHECK(redirects(result, "default/shop/a.example"));
    CHECK_FALSE(redirects(result, "default/shop/b.example"));
  }
}

TEST_CASE("MalformedHostsDoNotMakeAnEntryOneForAllHosts") {
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}});
  subject = with_tls(subject, {""}, "cert");  // as the reader leaves a host that it could not read
  const Translation result = translate_all({subject, make_secret("cert")});
  CHECK(result.config.certificates.empty());
  CHECK_FALSE(redirects(result, "default/shop/a.example"));
}

TEST_CASE("AHostBelongsToTheNamespaceOfItsOldestIngress") {
  const Ingress old = web("one/old", "a.example", "cert", 1);
  Ingress only_rules = make_ingress("one/old", {{"a.example", {{"/", "a:80"}}}}, 1);
  Ingress only_tls =
      with_tls(make_ingress("one/old", {{"z.example", {{"/", "a:80"}}}}, 1), {"a.example"}, "x");
  const Ingress thief = with_tls(web("two/new", "a.example", "theft", 2), {"own.example"}, "theft");
  for (const Ingress& first : {old, only_rules, only_tls}) {
    CAPTURE(first.tls.size());
    const Translation result =
        translate_all({first, thief, make_secret("one/cert"), make_secret("two/theft")});
    CAPTURE(text_of(result.problems));
    CHECK(
        has_problem(result.problems, "spec.tls[0].hosts[0]", "belongs to namespace one, whose Ingress old"));
    std::vector<std::string> wanted{"two/theft: own.example"};
    if (first == old) wanted.insert(wanted.begin(), "one/cert: a.example");
    CHECK(shown(result) == wanted);
    // The path is another's, but what is left of the Ingress goes by the certificate of the owner.
    CHECK(redirects(result, "one/old/" + first.rules[0].host) == (first == old));
  }
  // The same when the entry lists no hosts.
  Ingress implicit = make_ingress("two/new", {{"a.example", {{"/b", "a:80"}}}}, 2);
  implicit = with_tls(implicit, {}, "theft");
  const Translation result =
      translate_all({old, implicit, make_secret("one/cert"), make_secret("two/theft")});
  CAPTURE(text_of(result.problems));
  CHECK(shown(result) == Names{"one/cert: a.example"});
  CHECK(has_problem(result.problems, "spec.tls[0]", "belongs to namespace one"));
  CHECK(has_problem(result.problems, "spec.tls[0].hosts", "nobody is shown the certificate"));
}

TEST_CASE("AnotherNamespaceIsNotKeptFromMoreSpecificHosts") {
  const Translation result =
      translate_all({web("one/wild", "*.example", "cert", 1), web("two/new", "a.example", "cert", 2),
                     make_secret("one/cert"), make_secret("two/cert")});
  CHECK(result.problems.empty());
  CHECK(shown(result) == Names{"one/cert: *.example", "two/cert: a.example"});
}

TEST_CASE("AWildcardCertificateRedirectsTheHostsItCovers") {
  Ingress subject = make_ingress("shop", {{"x.wild.example", {{"/", "a:80"}}}, {"x.y.wild.example"}});
  subject = with_tls(subject, {"*.wild.example"}, "cert");
  const Translation result = translate_all({subject, make_secret("cert")});
  CHECK(redirects(result, "default/shop/x.wild.example"));
  CHECK_FALSE(redirects(result, "default/shop/x.y.wild.example"));
}

TEST_CASE("BadContentsAreAProblemOfTheSecret") {
  const Translation result = translate_all(
      {web("one", "a.example", "cert"), web("two", "b.example", "cert"), web("three", "c.example", "aging"),
       make_secret("cert", "bad chain"), make_secret("aging", "old chain")});
  CAPTURE(text_of(result.problems));
  REQUIRE(result.problems.size() == 2);
  CHECK(has_problem(result.problems, "data[\"tls.key\"]", "wrong key; the Secret is not used"));
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "ends soon"));
  for (const Problem& problem : result.problems) {
    CHECK(problem.object.kind == "Secret");
    CHECK(problem.source == "all.yaml");
  }
  CHECK(shown(result) == Names{"default/aging: c.example"});
  CHECK_FALSE(redirects(result, "default/one/a.example"));
  CHECK(redirects(result, "default/three/c.example"));
}

TEST_CASE("ContentsThatNoConfigurationHoldsAreNotServedEvenUnchecked") {
  TranslateOptions options = tls_options();
  options.check_certificate = nullptr;
  const std::string key = "-----BEGIN PRIVATE KEY-----";
  const Translation result = translate_all(
      {web("one", "a.example", "both"), web("two", "b.example", "large"), web("three", "c.example", "fine"),
       make_secret("both", "chain" + key), make_secret("large", "c", std::string(65'537, 'k')),
       make_secret("fine", "bad is not looked at")},
      options);
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.size() == 2);
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "holds a private key"));
  CHECK(has_problem(result.problems, "data[\"tls.key\"]", "65537"));
  CHECK(shown(result) == Names{"default/fine: c.example"});
}

TEST_CASE("TheDefaultCertificateNeedsNoIngress") {
  TranslateOptions options = tls_options();
  options.default_certificate = DefaultCertificate{"infra", "fallback"};
  options.listeners = {
      {.name = "https-0", .port = 443, .tls = ListenerTls{.default_certificate = "infra/fallback"}}};
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"b.example"}});
  Translation result = translate_all({subject, make_secret("infra/fallback")}, options);
  CHECK(result.problems.empty());
  CHECK(shown(result) == Names{"infra/fallback:"});
  CHECK_FALSE(redirects(result, "default/shop/a.example"));
  // An entry without a Secret asks for it.
  result = translate_all({with_tls(subject, {"a.example"}, ""), make_secret("infra/fallback")}, options);
  CHECK(result.problems.empty());
  CHECK(shown(result) == Names{"infra/fallback:"});
  CHECK(redirects(result, "default/shop/a.example"));
  CHECK_FALSE(redirects(result, "default/shop/b.example"));
  // While there is none, such hosts stay plain.
  const auto problems_without = [&](const TranslateOptions& without, std::vector<Object> objects) {
    objects.emplace_back(with_tls(subject, {}, ""));
    const Translation plain = translate(make_store(with_services(objects)), without);
    CHECK(plain.config.certificates.empty());
    CHECK_FALSE(redirects(plain, "default/shop/a.example"));
    return plain.problems;
  };
  CHECK(
      has_problem(problems_without(options, {}), "--default-certificate", "there is no Secret \"fallback\""));
  CHECK(has_problem(problems_without(options, {make_secret("infra/fallback", "bad")}), "data[\"tls.key\"]",
                    "wrong key"));
  options.default_certificate.reset();
  CHECK(has_problem(problems_without(options, {}), "spec.tls[0].secretName", "no default certificate"));
}

TEST_CASE("TheAnnotationSslRedirectIsHeededPerIngress") {
  Ingress plain = web("plain", "a.example", "cert", 1), sure = web("sure", "b.example", "cert", 2),
          unclear = web("unclear", "c.example", "cert", 3);
  // The rest of a host goes with the Ingress that answers it.
  Ingress shared = make_ingress("shared", {{"a.example", {{"/x", "a:80"}}}}, 4);
  plain.meta.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] = "false";
  sure.meta.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] = "true";
  unclear.meta.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] = "yes";
  for (const bool is_default : {true, false}) {
    CAPTURE(is_default);
    TranslateOptions options = tls_options();
    options.redirects_to_https = is_default;
    const Translation result = translate_all({plain, sure, unclear, shared, make_secret("cert")}, options);
    CAPTURE(text_of(result.problems));
    CHECK(result.problems.size() == 1);
    CHECK(has_problem(result.problems, "metadata.annotations[\"nginx.ingress.kubernetes.io/ssl-redirect\"]",
                      "\"yes\" is neither true nor false"));
    CHECK_FALSE(redirects(result, "default/plain/a.example"));
    CHECK(redirects(result, "default/shared/a.example") == is_default);
    CHECK(redirects(result, "default/sure/b.example"));
    CHECK(redirects(result, "default/unclear/c.example") == is_default);
  }
}

TEST_CASE("ASecretHasAtMostSoManyServerNames") {
  std::vector<Object> objects{make_secret("cert")};
  for (int i = 0; i < 66; ++i) {
    Ingress many =
        make_ingress("many-" + std::to_string(i), {{"a.example", {{"/" + std::to_string(i), "a:80"}}}}, i);
    many = with_tls(many, {}, "cert");
    many.tls[0].hosts.clear();
    for (int j = 0; j < 1000; ++j)
      many.tls[0].hosts.push_back("h" + std::to_string(i * 1000 + j) + ".example");
    objects.emplace_back(std::move(many));
  }
  const Translation result = translate_all(std::move(objects));
  REQUIRE(result.config.certificates.size() == 1);
  CHECK(result.config.certificates[0].server_names.size() == 65'536);
  CHECK(result.problems.size() == 1);
  CHECK(has_problem(result.problems, "spec.tls[0]", "more than 65536 hosts"));
}
