// When responders are asked, how many at once, and which answers are kept how long.
#include "proxyd/ocsp_book.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::Certificate;
using ingress::Error;
using ingress::ErrorCode;
using Time = OcspBook::Time;

constexpr Time kStart{std::chrono::seconds(1'800'000'000)};

// The chain is the URL; "" names no responder, "!" cannot be asked about. A response is good for an hour from
// when it came, but "old" for the last minute of that.
OcspBook::Rules rules() {
  return {
      .make_question = [](const Certificate& certificate) -> std::expected<ingress::OcspQuestion, Error> {
        if (certificate.chain.empty()) return std::unexpected(Error{.code = ErrorCode::kNotFound});
        if (certificate.chain == "!")
          return std::unexpected(Error{.code = ErrorCode::kInvalidArgument, .what = "no issuer"});
        return ingress::OcspQuestion{.url = certificate.chain, .request = "ask"};
      },
      .check_response = [](const Certificate&, std::string_view response,
                           Time now) -> std::expected<ingress::OcspAnswer, Error> {
        if (response == "revoked")
          return std::unexpected(Error{.code = ErrorCode::kNotFound, .what = "the certificate is revoked"});
        if (response == "bad") return std::unexpected(Error{.code = ErrorCode::kBadResponse, .what = "bad"});
        const auto age = response == "old" ? 59min : 0min;
        return ingress::OcspAnswer{
            .this_update = now - age, .next_update = now - age + 1h, .text = std::string(response)};
      }};
}

Certificate certificate(const std::string& name, const std::string& url, const std::string& namespace_ = "") {
  Certificate made{.name = name, .chain = url};
  if (!namespace_.empty()) made.origin = {"Secret", namespace_, name};
  return made;
}

struct Scene {
  OcspBook book{rules(), 1};
  Time now = kStart;
  void put(const Certificate& certificate) { book.put(book.read(certificate), now); }
  OcspBook::Id ask_one() {
    const auto due = book.take_due(now);
    REQUIRE(due.size() == 1);
    return due[0].id;
  }
  std::optional<Certificate> answer(const std::string& response) {
    return book.on_response(ask_one(), response, now);
  }
  std::string filled(Certificate certificate) const {
    book.fill(certificate, now);
    return certificate.ocsp_response;
  }
  std::string why() const {
    std::string text;
    for (const ingress::Problem& problem : book.problems(now)) {
      CHECK(problem.severity == ingress::Severity::kWarning);
      CHECK(problem.field == "ocsp_response");
      text += problem.object.name + ": " + problem.why + '\n';
    }
    return text;
  }
  std::chrono::milliseconds wait() const {
    REQUIRE(book.next_due());
    return std::chrono::floor<std::chrono::milliseconds>(*book.next_due() - now);
  }
};

TEST_CASE("AnAnswerIsPutIntoItsCertificateAndAskedForAnewAtHalfOfItsTime") {
  Scene scene;
  const Certificate asked = certificate("a", "http://a/");
  scene.put(asked);
  CHECK(scene.book.next_due() == kStart);
  CHECK(scene.filled(asked).empty());
  const auto served = scene.answer("one");
  REQUIRE(served);
  Certificate expected = asked;
  expected.ocsp_response = "one";
  CHECK(*served == expected);
  CHECK(scene.filled(asked) == "one");
  CHECK(scene.filled(certificate("a", "http://other/")).empty());
  CHECK(scene.wait() >= 27min);
  CHECK(scene.wait() <= 33min);
  CHECK(scene.book.take_due(scene.now + 26min).empty());
  scene.now += 33min;
  CHECK(scene.answer("two")->ocsp_response == "two");
  scene.now += 61min;
  CHECK(scene.filled(asked).empty());
  CHECK(scene.book.counts(scene.now).num_answered == 0);
}

TEST_CASE("OneThatWasMadeLongAgoIsAskedForAtHalfOfWhatIsLeft") {
  Scene scene;
  scene.put(certificate("a", "http://a/"));
  scene.answer("old");
  CHECK(scene.wait() >= 27s);
  CHECK(scene.wait() <= 33s);
}

TEST_CASE("FailuresWaitLongerAndLongerAndKeepTheLastAnswer") {
  Scene scene;
  const Certificate asked = certificate("a", "http://a/");
  scene.put(asked);
  scene.answer("one");
  scene.now += 33min;
  std::chrono::milliseconds least = 4'500ms;
  for (int i = 0; i < 4; ++i) {
    CHECK_FALSE(scene.book.on_response(
        scene.ask_one(), std::unexpected(Error{.code = ErrorCode::kTimeout, .what = "late"}), scene.now));
    CHECK(scene.wait() >= least);
    CHECK(scene.wait() <= least * 11 / 9);
    CHECK(scene.filled(asked) == "one");
    CHECK(scene.why() ==
          "a: no new OCSP response from http://a/: timeout: late; the last answer is used until "
          "2027-01-15T09:00:00Z\n");
    scene.now += scene.wait() + 1ms;
    least *= 2;
  }
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(scene.answer("bad"));
    scene.now += scene.wait() + 1ms;
  }
  CHECK(scene.why() == "a: no new OCSP response from http://a/: bad; clients get none\n");
  CHECK_FALSE(scene.answer("bad"));
  CHECK(scene.wait() >= 54min);
  CHECK(scene.wait() <= 66min);
  scene.book.ask_again(scene.now);
  CHECK(scene.answer("two"));
  CHECK(scene.why().empty());
  CHECK(scene.book.counts(scene.now).num_fetches_ok == 2);
  CHECK(scene.book.counts(scene.now).num_fetches_failed == 25);
}

TEST_CASE("WhatItsIssuerTakesBackIsNotServedAnyMore") {
  Scene scene;
  const Certificate asked = certificate("a", "http://a/");
  scene.put(asked);
  CHECK_FALSE(scene.answer("revoked"));  // none was served before
  scene.now += 1h;
  scene.answer("one");
  scene.now += 33min;
  CHECK(scene.answer("revoked") == asked);
  CHECK(scene.filled(asked).empty());
  CHECK(scene.why() ==
        "a: no new OCSP response from http://a/: the certificate is revoked; clients get none\n");
}

TEST_CASE("AnUnchangedAnswerIsNotServedAnew") {
  Scene scene;
  scene.put(certificate("a", "http://a/"));
  CHECK(scene.answer("one"));
  scene.book.ask_again(scene.now);
  CHECK_FALSE(scene.answer("one"));
}

TEST_CASE("OnlyCertificatesThatNameAResponderAndHaveNoAnswerAreAskedAbout") {
  Scene scene;
  Certificate given = certificate("given", "http://a/");
  given.ocsp_response = "its own";
  for (const Certificate& each : {given, certificate("none", ""), certificate("broken", "!")})
    scene.put(each);
  CHECK(scene.book.take_due(scene.now).empty());
  CHECK(scene.book.counts(scene.now).num_certificates == 0);
  CHECK(scene.filled(given) == "its own");
  CHECK(scene.why() == "broken: no OCSP response can be asked for: no issuer\n");
  CHECK(scene.book.read(certificate("none", "")).is_known);
  CHECK_FALSE(scene.book.read(certificate("none", "http://a/")).is_known);
  scene.put(certificate("broken", "http://a/"));
  CHECK(scene.why().empty());
  CHECK(scene.book.take_due(scene.now).size() == 1);
}

TEST_CASE("AChangedChainIsAskedAboutAnewAndOtherChangesAreNot") {
  Scene scene;
  Certificate asked = certificate("a", "http://a/");
  scene.put(asked);
  const auto first = scene.ask_one();
  asked.server_names = {"a.example"};
  scene.put(asked);
  CHECK(scene.book.awaits(first));
  CHECK(scene.book.on_response(first, "one", scene.now)->server_names == asked.server_names);
  scene.book.ask_again(scene.now);
  const auto second = scene.ask_one();
  asked.chain = "http://b/";
  scene.put(asked);
  CHECK_FALSE(scene.book.awaits(second));
  CHECK_FALSE(scene.book.on_response(second, "two", scene.now));
  CHECK(scene.filled(asked).empty());
  CHECK(scene.answer("three")->ocsp_response == "three");
}

TEST_CASE("CertificatesThatAreGoneAreForgotten") {
  Scene scene;
  for (const char* name : {"a", "b", "c"}) scene.put(certificate(name, std::string("http://") + name));
  scene.put(certificate("broken", "!"));
  const auto asking = scene.book.take_due(scene.now);
  REQUIRE(asking.size() == 3);
  scene.book.remove("a");
  scene.book.keep_only([](const std::string& name) { return name == "b"; });
  CHECK(scene.book.counts(scene.now).num_certificates == 1);
  CHECK(scene.why().empty());
  CHECK(std::ranges::count_if(asking, [&](const auto& each) { return scene.book.awaits(each.id); }) == 1);
}

TEST_CASE("FewAreAskedAtOnceOneOfAHostAndTwoForANamespace") {
  Scene scene;
  const auto asked = [&] {
    std::multiset<std::string> urls;
    for (const auto& each : scene.book.take_due(scene.now)) urls.insert(each.question.url);
    return urls;
  };
  for (const char* name : {"a", "b", "c"})
    scene.put(certificate(name, "http://Same.example/" + std::string(name)));
  scene.put(certificate("d", "http://same.example:80/d"));
  CHECK(asked().size() == 2);  // the port is part of it
  CHECK_FALSE(scene.book.next_due());
  scene = {};
  for (int i = 0; i < 5; ++i)
    scene.put(certificate("n/" + std::to_string(i), "http://h" + std::to_string(i), "n"));
  scene.put(certificate("m/0", "http://m", "m"));
  CHECK(asked() == std::multiset<std::string>{"http://h0", "http://h1", "http://m"});
  scene = {};
  for (int i = 0; i < 20; ++i) scene.put(certificate(std::to_string(i), "http://h" + std::to_string(i)));
  CHECK(asked().size() == OcspBook::kMaxAsking);
  CHECK(asked().empty());
}

TEST_CASE("WhoFailedOnceIsNotLastForEver") {
  Scene scene;
  scene.put(certificate("a", "http://same/a"));
  scene.answer("bad");
  scene.now += 1h;
  scene.put(certificate("b", "http://same/b"));
  const auto due = scene.book.take_due(scene.now);
  REQUIRE(due.size() == 1);
  CHECK(due[0].question.url == "http://same/a");  // it has waited for longer
}

TEST_CASE("TooManyAreNotAskedAbout") {
  Scene scene;
  for (std::size_t i = 0; i <= OcspBook::kMaxCertificates; ++i)
    scene.put(certificate(std::to_string(i), "http://a/"));
  CHECK(scene.book.counts(scene.now).num_certificates == OcspBook::kMaxCertificates);
  CHECK(scene.why() ==
        "10000: no OCSP response can be asked for: more than 10000 certificates name OCSP responders\n");
}

}  // namespace
}  // namespace proxyd
