#include "controller/reconciler.h"

#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/certificate_memory.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;
using namespace std::chrono_literals;

namespace {

class FakeSink final : public ConfigSink {
 public:
  std::vector<Problem> apply(const ConfigDelta& delta) override {
    ++num_applied;
    ingress::apply(config, delta);
    return answer_with;
  }
  GatewayConfig config;
  int num_applied = 0;
  std::vector<Problem> answer_with;
};

Manifest of(std::vector<Object> objects, std::vector<Problem> problems = {}) {
  return {.objects = std::move(objects), .problems = std::move(problems)};
}

std::vector<Object> web(std::string to = "a:80") {
  return {make_ingress("web", {{"x.y", {{"/", std::move(to)}}}}), make_service("a"),
          make_slice("a", "a", {"10.0.0.1"}), make_service("b"), make_slice("b", "b", {"10.0.0.2"})};
}

// An Ingress with TLS, and its Secret with `chain`; without one when that is empty.
std::vector<Object> tls_web(const std::string& chain, std::vector<std::string> hosts = {"x.y"}) {
  std::vector<Object> out = web();
  std::get<Ingress>(out[0]) = with_tls(std::get<Ingress>(out[0]), std::move(hosts), "cert");
  if (!chain.empty()) out.emplace_back(make_secret("cert", chain, "key of " + chain));
  return out;
}

// Counts its calls; chains that begin with "bad" are wrong.
struct CountingCheck {
  std::vector<Problem> operator()(const Certificate& certificate) const {
    ++*num_calls;
    if (!certificate.chain.starts_with("bad")) return {};
    return {{.field = "chain", .why = "cannot be read", .fix = "mend it"}};
  }
  int* num_calls;
};

const Reconciler::Clock::time_point kStart{1h};

}  // namespace

TEST_CASE("ChangesWaitForQuietButNeverLongerThanTheBound") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  CHECK(!reconciler.due_in(kStart));
  reconciler.update_source("a", of(web()), kStart);
  CHECK(reconciler.due_in(kStart) == 50ms);
  CHECK(reconciler.due_in(kStart + 20ms) == 30ms);
  CHECK(reconciler.due_in(kStart + 20ms + 1us) == 30ms);
  CHECK(reconciler.due_in(kStart + 2s) == 0ms);
  for (auto t = 0ms; t <= 980ms; t += 20ms)
    reconciler.update_source("a", of(web(t % 40ms == 0ms ? "b:80" : "a:80")), kStart + t);
  CHECK(reconciler.due_in(kStart + 980ms) == 20ms);
  reconciler.reconcile();
  CHECK(!reconciler.due_in(kStart + 1s));
}

TEST_CASE("OnlyChangesAreSentOn") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  reconciler.reconcile();
  CHECK(sink.num_applied == 1);  // the first, though empty
  reconciler.reconcile();
  CHECK(sink.num_applied == 1);
  reconciler.update_source("a", of(web()), kStart);
  reconciler.reconcile();
  CHECK(sink.num_applied == 2);
  CHECK(answer(sink.config, "x.y", "/") == "default/a:80");
  CHECK(diff(sink.config, reconciler.config()).is_empty());

  reconciler.update_source("a", of(web()), kStart);
  CHECK(!reconciler.due_in(kStart));
  std::vector<Object> more = web();
  more.emplace_back(make_service("unused"));
  reconciler.update_source("a", of(more), kStart);
  CHECK(reconciler.due_in(kStart));
  reconciler.reconcile();
  CHECK(sink.num_applied == 2);

  reconciler.remove_source("a", kStart);
  reconciler.reconcile();
  CHECK(sink.num_applied == 3);
  CHECK(sink.config.routes.empty());
  CHECK(sink.config.clusters.empty());
}

TEST_CASE("AnUnreadableSourceKeepsItsLastGoodObjects") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  reconciler.update_source("a", of(web()), kStart);
  reconciler.reconcile();
  Manifest broken;
  broken.is_readable = false;
  broken.problems = {{.source = "a", .why = "broken", .fix = "mend"}};
  reconciler.update_source("a", broken, kStart);
  CHECK(!reconciler.due_in(kStart));
  reconciler.reconcile();
  CHECK(answer(sink.config, "x.y", "/") == "default/a:80");
  CHECK(has_problem(reconciler.problems(), "", "broken"));
  reconciler.update_source("a", of(web("b:80")), kStart);
  reconciler.reconcile();
  CHECK(answer(sink.config, "x.y", "/") == "default/b:80");
  CHECK(reconciler.problems().empty());
}

TEST_CASE("AllProblemsAreListedSortedWithTheirSource") {
  FakeSink sink;
  sink.answer_with = {
      {.object = {"Ingress", "default", "web"}, .field = "routes[0]", .why = "sink", .fix = "mend"}};
  Reconciler reconciler({}, sink);
  reconciler.update_source("b.yaml", of(web("zzz:80"), {{.source = "b.yaml", .why = "read", .fix = "mend"}}),
                           kStart);
  reconciler.update_source("c.yaml", of({make_service("a")}), kStart);
  reconciler.reconcile();
  const auto problems = reconciler.problems();
  CAPTURE(text_of(problems));
  CHECK(problems.size() == 4);
  CHECK(std::is_sorted(problems.begin(), problems.end()));
  CHECK(has_problem(problems, "", "read"));
  CHECK(has_problem(problems, "routes[0]", "sink"));
  CHECK(has_problem(problems, "metadata.name", "b.yaml"));
  CHECK(has_problem(problems, "spec.rules[0].http.paths[0].backend.service.name", "zzz"));
  for (const Problem& problem : problems) CHECK(!problem.source.empty());

  reconciler.remove_source("b.yaml", kStart);
  reconciler.remove_source("c.yaml", kStart);
  sink.answer_with.clear();
  reconciler.reconcile();
  CHECK(reconciler.problems().empty());
}

TEST_CASE("IngressesOfOthersAreCounted") {
  FakeSink sink;
  Reconciler reconciler({}, sink);
  Ingress other = make_ingress("other", {});
  other.meta.annotations["kubernetes.io/ingress.class"] = "nginx";
  reconciler.update_source("a", of({other, make_class("x", "other/controller")}), kStart);
  reconciler.reconcile();
  CHECK(reconciler.num_ignored_ingresses() == 1);
  CHECK(reconciler.problems().empty());
}

TEST_CASE("TheLastGoodCertificateStaysWhileItsSecretIsBad") {
  FakeSink sink;
  int num_checked = 0;
  Reconciler reconciler({.serves_tls = true, .check_certificate = CountingCheck{&num_checked}}, sink);
  const auto serve = [&](std::vector<Object> objects) {
    reconciler.update_source("a", of(std::move(objects)), kStart);
    reconciler.reconcile();
    return sink.config.certificates.empty() ? std::string() : sink.config.certificates[0].chain;
  };
  CHECK(serve(tls_web("bad from the start")) == "");
  CHECK(has_problem(reconciler.problems(), "data[\"tls.crt\"]", "cannot be read; the Secret is not used"));
  CHECK(serve(tls_web("good")) == "good");
  CHECK(sink.config.certificates[0].key.text == "key of good");
  CHECK(reconciler.problems().empty());
  for (const char* chain : {"bad 1", "bad 2"}) {
    CHECK(serve(tls_web(chain)) == "good");
    CHECK(sink.config.certificates[0].key.text == "key of good");
    CHECK(sink.config.routes[0].rules[0].plain_requests == PlainRequests::kRedirect);
    const auto problems = reconciler.problems();
    CAPTURE(text_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].object == Origin{"Secret", "default", "cert"});
    CHECK(problems[0].source == "a");
    CHECK(
        has_problem(problems, "data[\"tls.crt\"]", "the last good certificate of this Secret stays in use"));
  }
  // With the names of now.
  CHECK(serve(tls_web("bad 2", {"x.y", "z.y"})) == "good");
  CHECK(sink.config.certificates[0].server_names == std::vector<std::string>{"x.y", "z.y"});
  // While nobody names the Secret nothing is served, and it is not forgotten.
  std::vector<Object> unnamed = web();
  unnamed.emplace_back(make_secret("cert", "bad 2"));
  CHECK(serve(unnamed) == "");
  CHECK(serve(tls_web("bad 2")) == "good");
  // Half a Secret is bad contents too.
  std::vector<Object> half = tls_web("bad 2");
  std::get<Secret>(half.back()).data.erase("tls.key");
  CHECK(serve(half) == "good");
  CHECK(has_problem(reconciler.problems(), "spec.tls[0].secretName",
                    "has no data[\"tls.key\"]; the last good certificate of this Secret stays in use"));
  CHECK(serve(tls_web("better")) == "better");
  CHECK(reconciler.problems().empty());
}

TEST_CASE("ADeletedSecretTakesItsCertificateAway") {
  FakeSink sink;
  int num_checked = 0;
  Reconciler reconciler({.serves_tls = true, .check_certificate = CountingCheck{&num_checked}}, sink);
  const auto serve = [&](std::vector<Object> objects) {
    reconciler.update_source("a", of(std::move(objects)), kStart);
    reconciler.reconcile();
    return sink.config.certificates.size();
  };
  CHECK(serve(tls_web("good")) == 1);
  CHECK(serve(tls_web("")) == 0);
  CHECK(sink.config.routes[0].rules[0].plain_requests == PlainRequests::kServe);
  CHECK(has_problem(reconciler.problems(), "spec.tls[0].secretName", "there is no Secret"));
  // What was good in another Secret of this name is not its last good.
  CHECK(serve(tls_web("bad")) == 0);
  CHECK(serve(tls_web("good")) == 1);
  std::vector<Object> other_type = tls_web("good");
  std::get<Secret>(other_type.back()).type = "Opaque";
  CHECK(serve(other_type) == 0);
  CHECK(serve(tls_web("bad")) == 0);
}

TEST_CASE("UnchangedCertificatesAreNotCheckedAgain") {
  FakeSink sink;
  int num_checked = 0;
  Reconciler reconciler({.serves_tls = true, .check_certificate = CountingCheck{&num_checked}}, sink);
  const auto num_checked_by = [&](std::vector<Object> objects) {
    const int before = num_checked;
    reconciler.update_source("a", of(std::move(objects)), kStart);
    reconciler.reconcile();
    return num_checked - before;
  };
  for (const char* chain : {"good", "bad"}) {
    CAPTURE(std::string(chain));
    // Changed names may not be covered: not by the last good contents either, which stay in use.
    const int num_contents = chain == std::string("bad") ? 2 : 1;
    CHECK(num_checked_by(tls_web(chain)) == num_contents);
    std::vector<Object> more = tls_web(chain);
    more.emplace_back(make_service("unused"));
    CHECK(num_checked_by(more) == 0);
    CHECK(num_checked_by(tls_web(chain)) == 0);
    CHECK(num_checked_by(tls_web(chain, {"x.y", "z.y"})) == num_contents);
    CHECK(num_checked_by(tls_web(chain, {"x.y", "z.y"})) == 0);
    CHECK(reconciler.problems().size() == (chain == std::string("bad") ? 1 : 0));
  }
}

TEST_CASE("WhatIsAnHourOldIsJudgedAgain") {
  FakeSink sink;
  std::chrono::system_clock::time_point now{1000h};
  bool has_expired = false;
  TranslateOptions options{.serves_tls = true};
  options.now = [&] { return now; };
  options.check_certificate = [&](const Certificate&) -> std::vector<Problem> {
    if (!has_expired) return {};
    return {{.severity = Severity::kWarning, .field = "chain", .why = "has expired", .fix = "renew it"}};
  };
  Reconciler reconciler(options, sink);
  reconciler.update_source("a", of(tls_web("good")), kStart);
  reconciler.reconcile();
  has_expired = true;
  now += 59min;
  reconciler.reconcile();
  CHECK(reconciler.problems().empty());
  now += 1min;
  reconciler.reconcile();
  CHECK(has_problem(reconciler.problems(), "data[\"tls.crt\"]", "has expired"));
  CHECK(sink.config.certificates.size() == 1);
  has_expired = false;
  now -= 5min;  // the clock was set back
  reconciler.reconcile();
  CHECK(reconciler.problems().empty());
  CHECK(sink.num_applied == 1);
}

TEST_CASE("AThousandCertificatesAreJudgedAgainAtATime") {
  int num_checked = 0;
  const CountingCheck check{&num_checked};
  CertificateMemory memory;
  const auto num_judged_at = [&](std::chrono::hours at) {
    const int before = num_checked;
    for (int i = 0; i < 1500; ++i) {
      const Certificate certificate{.name = std::to_string(i), .chain = "good", .key = {"key"}};
      CHECK(memory.judge(certificate, check, CertificateMemory::Time(at)).is_good);
    }
    memory.forget([](const Origin&) { return false; });
    return num_checked - before;
  };
  CHECK(num_judged_at(1h) == 1500);
  CHECK(num_judged_at(2h) == 1000);
  CHECK(num_judged_at(2h) == 500);
  CHECK(num_judged_at(2h) == 0);
}

TEST_CASE("WhatTheLastGoodCertificateDoesNotCoverIsNotRedirected") {
  FakeSink sink;
  TranslateOptions options{.serves_tls = true};
  options.check_certificate = [](const Certificate& certificate) -> std::vector<Problem> {
    if (certificate.chain == "bad") return {{.field = "chain", .why = "cannot be read", .fix = "mend it"}};
    std::vector<Problem> out;
    for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
      if (certificate.server_names[i] == "x.y") continue;
      out.push_back({.severity = Severity::kWarning, .field = "server_names[" + std::to_string(i) + ']'});
    }
    return out;
  };
  Reconciler reconciler(options, sink);
  const auto first_is_redirected = [&](const std::string& chain, const std::string& host) {
    std::vector<Object> objects = tls_web(chain, {host});
    std::get<Ingress>(objects[0]).rules[0].host = host;
    reconciler.update_source("a", of(std::move(objects)), kStart);
    reconciler.reconcile();
    REQUIRE(sink.config.certificates.size() == 1);
    CHECK(sink.config.certificates[0].chain == "good");
    return sink.config.routes[0].rules[0].plain_requests == PlainRequests::kRedirect;
  };
  CHECK(first_is_redirected("good", "x.y"));
  CHECK(first_is_redirected("bad", "x.y"));
  CHECK_FALSE(first_is_redirected("bad", "a.y"));
  CHECK(first_is_redirected("bad", "x.y"));
}
