// Whose certificate a host's clients are shown, and which hosts that redirects.
#include "controller/translate_tls.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "controller/build.h"
#include "controller/tls_build.h"
#include "controller/translate.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

constexpr std::int64_t kOlder = 1, kYounger = 3;

// Namespace "one" has a.wild.example without a certificate of its own, "two" one for *.wild.example.
std::vector<Object> wildcard_case(std::int64_t age_of_exact) {
  Ingress exact = make_ingress("one/exact", {{"a.wild.example", {{"/", "a:80"}}}}, age_of_exact);
  exact.meta.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] = "true";  // even who asks for it
  return {exact, with_tls(web("two/wild", "*.wild.example", "cert", 2), {"own.example"}, "cert"),
          make_secret("two/cert"), make_secret("infra/fallback")};
}

TranslateOptions with_default() {
  TranslateOptions options = tls_options();
  options.default_certificate = DefaultCertificate{"infra", "fallback"};
  options.listeners = {
      {.name = "https-0", .port = 443, .tls = ListenerTls{.default_certificate = "infra/fallback"}}};
  return options;
}

}  // namespace

TEST_CASE("AnOlderExactHostIsShownTheDefaultInsteadOfAnothersWildcard") {
  const Translation result = translate_all(wildcard_case(kOlder), with_default());
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.empty());
  CHECK(shown(result) == Names{"infra/fallback: a.wild.example", "two/cert: *.wild.example own.example"});
  CHECK(redirects(result, "two/wild/*.wild.example"));
  CHECK_FALSE(redirects(result, "one/exact/a.wild.example"));
}

TEST_CASE("WithoutADefaultTheWildcardYieldsToAnOlderExactHost") {
  TranslateOptions bad_default = with_default();
  std::vector<Object> with_bad_default = wildcard_case(kOlder);
  with_bad_default.back() = make_secret("infra/fallback", "bad");
  for (const Translation& result : {translate_all(wildcard_case(kOlder)),
                                    translate(make_store(with_services(with_bad_default)), bad_default)}) {
    CAPTURE(text_of(result.problems));
    CHECK(has_problem(result.problems, "spec.tls[0]",
                      "covers a.wild.example of namespace one, whose Ingress exact is older"));
    CHECK(shown(result) == Names{"two/cert: own.example"});
    CHECK_FALSE(redirects(result, "two/wild/*.wild.example"));
    CHECK_FALSE(redirects(result, "one/exact/a.wild.example"));
  }
  // A certificate that is left without names is none.
  std::vector<Object> only_wildcard = wildcard_case(kOlder);
  std::get<Ingress>(only_wildcard[1]).tls.pop_back();
  CHECK(translate_all(only_wildcard).config.certificates.empty());
}

TEST_CASE("AYoungerExactHostDoesNotTakeAWildcardDown") {
  for (const TranslateOptions& options : {tls_options(), with_default()}) {
    const Translation result = translate_all(wildcard_case(kYounger), options);
    CAPTURE(text_of(result.problems));
    CHECK(result.problems.empty());
    CHECK(shown(result).back() == "two/cert: *.wild.example own.example");
    if (options.default_certificate) CHECK(shown(result).front() == "infra/fallback:");
    CHECK(redirects(result, "one/exact/a.wild.example"));
  }
}

TEST_CASE("AnExactHostThatAsksForTheDefaultGetsItWhateverItsAge") {
  for (const std::int64_t age : {kOlder, kYounger}) {
    std::vector<Object> objects = wildcard_case(age);
    std::get<Ingress>(objects[0]) = with_tls(std::get<Ingress>(objects[0]), {}, "");
    const Translation result = translate_all(objects, with_default());
    CHECK(shown(result) == Names{"infra/fallback: a.wild.example", "two/cert: *.wild.example own.example"});
    CHECK(redirects(result, "one/exact/a.wild.example"));
  }
}

TEST_CASE("HostsOfTheWildcardsNamespaceAndThoseWithACertificateNeedNoProtection") {
  Ingress same = make_ingress("two/exact", {{"b.wild.example", {{"/", "a:80"}}}}, 1);
  const Translation result = translate_all(
      {same, web("one/exact", "a.wild.example", "cert", 1), web("two/wild", "*.wild.example", "cert", 2),
       make_ingress("one/deep", {{"a.b.wild.example", {{"/", "a:80"}}}, {"wild.example"}}, 1),
       make_secret("one/cert"), make_secret("two/cert")});
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.empty());
  CHECK(shown(result) == Names{"one/cert: a.wild.example", "two/cert: *.wild.example"});
  CHECK(redirects(result, "two/exact/b.wild.example"));
}

TEST_CASE("AHostHasAtMostFourSecrets") {
  std::vector<Object> objects;
  for (int i = 0; i < 5; ++i) {
    const std::string number = std::to_string(i);
    Ingress one = make_ingress("one-" + number, {{"a.example", {{"/" + number, "a:80"}}}}, i);
    objects.emplace_back(
        with_tls(one, {"a.example", "b" + number + ".example"}, "cert-" + std::to_string(9 - i)));
    objects.emplace_back(make_secret("cert-" + std::to_string(9 - i)));
  }
  const Translation result = translate_all(std::move(objects));
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.size() == 1);
  CHECK(result.problems.at(0).object.name == "one-4");
  CHECK(has_problem(result.problems, "spec.tls[0]", "host a.example has 4 Secrets already"));
  CHECK(shown(result) == Names{"default/cert-5: b4.example", "default/cert-6: a.example b3.example",
                               "default/cert-7: a.example b2.example", "default/cert-8: a.example b1.example",
                               "default/cert-9: a.example b0.example"});
}

TEST_CASE("SixteenEntriesWithoutHostsAreUsed") {
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"b.example"}});
  std::vector<Object> objects;
  for (int i = 0; i < 18; ++i) subject = with_tls(subject, {}, i == 17 ? "other" : "cert");
  subject = with_tls(subject, {"a.example"}, "named");
  const Translation result =
      translate_all({subject, make_secret("cert"), make_secret("other"), make_secret("named")});
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.size() == 2);
  CHECK(has_problem(result.problems, "spec.tls[16].hosts", "as in 16 entries before it"));
  CHECK(has_problem(result.problems, "spec.tls[17].hosts", "as in 16 entries before it"));
  CHECK(shown(result) == Names{"default/cert: a.example b.example", "default/named: a.example"});
}

TEST_CASE("HostsThatNoCertificateCoversAreNotRedirected") {
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"b.example"}, {"c.example"}});
  subject = with_tls(with_tls(subject, {}, "narrow"), {"c.example"}, "wide");
  // A host's own certificate is what is shown: a wildcard one does not help.
  subject = with_tls(subject, {"*.example"}, "wild");
  const Translation result = translate_all(
      {subject, make_secret("narrow", "for a.example"), make_secret("wide"), make_secret("wild")});
  CAPTURE(text_of(result.problems));
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "does not cover b.example"));
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "does not cover c.example"));
  CHECK(shown(result) == Names{"default/narrow: a.example b.example c.example", "default/wide: c.example",
                               "default/wild: *.example"});
  CHECK(redirects(result, "default/shop/a.example"));
  CHECK_FALSE(redirects(result, "default/shop/b.example"));
  CHECK(redirects(result, "default/shop/c.example"));
}

TEST_CASE("AWildcardThatItsCertificateDoesNotCoverRedirectsNobody") {
  Ingress subject = make_ingress("shop", {{"x.example", {{"/", "a:80"}}}});
  subject = with_tls(subject, {"*.example"}, "narrow");
  const Translation result = translate_all({subject, make_secret("narrow", "for x.other")});
  CHECK_FALSE(redirects(result, "default/shop/x.example"));
}

TEST_CASE("HostsOfTheDefaultCertificateAreRedirectedWhereItCoversThem") {
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"b.example"}});
  const Translation result = translate_all(
      {with_tls(subject, {}, ""), make_secret("infra/fallback", "for a.example")}, with_default());
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "does not cover b.example"));
  CHECK(shown(result) == Names{"infra/fallback:"});
  CHECK(redirects(result, "default/shop/a.example"));
  CHECK_FALSE(redirects(result, "default/shop/b.example"));
}

TEST_CASE("OfWarningsAboutServerNamesTenAreKept") {
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"u24.example", {{"/", "a:80"}}}});
  std::vector<std::string> hosts{"a.example"};
  for (int i = 10; i < 25; ++i) hosts.push_back("u" + std::to_string(i) + ".example");
  const Translation result =
      translate_all({with_tls(subject, hosts, "cert"), make_secret("cert", "for a.example")});
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.size() == 11);
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "does not cover u19.example"));
  CHECK(has_problem(result.problems, "data[\"tls.crt\"]", "and 5 more"));
  CHECK(redirects(result, "default/shop/a.example"));
  CHECK_FALSE(redirects(result, "default/shop/u24.example"));
}

TEST_CASE("NamesThatAShortenedListOfWarningsLeavesOutCountAsUncovered") {
  TranslateOptions options = tls_options();
  options.check_certificate = [](const Certificate&) -> std::vector<Problem> {
    return {{.severity = Severity::kWarning, .field = "server_names[1]", .why = "not covered", .fix = "x"},
            {.severity = Severity::kWarning, .field = "server_names", .why = "1 more", .fix = "x"}};
  };
  Ingress subject = make_ingress("shop", {{"a.example", {{"/", "a:80"}}}, {"b.example"}, {"c.example"}});
  const Translation result = translate_all({with_tls(subject, {}, "cert"), make_secret("cert")}, options);
  CAPTURE(text_of(result.problems));
  CHECK(result.problems.size() == 2);
  CHECK(redirects(result, "default/shop/a.example"));
  CHECK_FALSE(redirects(result, "default/shop/b.example"));
  CHECK_FALSE(redirects(result, "default/shop/c.example"));
}
