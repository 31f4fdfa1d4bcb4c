#include "controller/redirects.h"

#include <doctest/doctest.h>

#include "controller/build.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

struct Row {
  const char* host;
  const char* annotation;  // null = none
  bool is_on_by_default;
  bool is_redirected;
};

}  // namespace

TEST_CASE("HostsWithACertificateRedirectUnlessToldOtherwise") {
  const Row rows[] = {
      {"a.example", nullptr, true, true},
      {"a.example", nullptr, false, false},
      {"a.example", "false", true, false},
      {"a.example", "true", false, true},
      {"a.example", "maybe", true, true},
      {"a.example", "maybe", false, false},
      {"a.example", "", true, true},
      {"b.example", nullptr, true, false},
      {"b.example", "true", true, false},
      {"x.wild.example", nullptr, true, true},
      {"*.wild.example", nullptr, true, true},
      {"wild.example", nullptr, true, false},
      {"x.y.wild.example", nullptr, true, false},
      {"*.a.example", nullptr, true, false},
      {"", nullptr, true, false},
      {"localhost", nullptr, true, false},
      {"bare.wild.example", "true", true, false},  // shown a certificate that does not cover it
      {"x.bare.example", "true", true, false},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.host));
    CAPTURE(std::string(row.annotation == nullptr ? "(none)" : row.annotation));
    CAPTURE(row.is_on_by_default);
    Ingress subject = make_ingress("web", {{row.host}});
    if (row.annotation != nullptr) subject.meta.annotations[kSslRedirectAnnotation] = row.annotation;
    const TlsHosts hosts{{"a.example", {"other"}},
                         {"*.wild.example", {"default"}},
                         {"bare.wild.example", {"default", false}},
                         {"*.bare.example", {"default", false}}};
    const Redirects redirects({.redirects_to_https = row.is_on_by_default}, hosts);
    CHECK(redirects.plain_requests(row.host, subject) ==
          (row.is_redirected ? PlainRequests::kRedirect : PlainRequests::kServe));
    CHECK_FALSE(redirects.hsts(row.host, subject));
  }
}

TEST_CASE("HstsFollowsTheCertificateAndNotTheRedirect") {
  const Hsts hsts{.max_age = std::chrono::seconds(60), .scope = HstsScope::kSubdomains};
  const TlsHosts hosts{{"a.example", {"default"}},
                       {"*.wild.example", {"default"}},
                       {"*.foreign.example", {"other"}},
                       {"bare.example", {"default", false}}};
  const Redirects redirects({.redirects_to_https = false, .hsts = hsts}, hosts);
  Ingress subject = make_ingress("web", {{"a.example"}});
  CHECK(redirects.hsts("a.example", subject) == hsts);
  CHECK(redirects.hsts("x.wild.example", subject) == hsts);
  CHECK_FALSE(redirects.hsts("x.foreign.example", subject));
  CHECK_FALSE(redirects.hsts("bare.example", subject));
  CHECK_FALSE(redirects.hsts("b.example", subject));
  CHECK_FALSE(redirects.hsts("", subject));
  subject.meta.annotations[kSslRedirectAnnotation] = "false";
  CHECK(redirects.hsts("a.example", subject) == hsts);
  CHECK_FALSE(redirects.hsts("x.foreign.example", subject));
  subject.meta.annotations[kSslRedirectAnnotation] = "true";
  CHECK(redirects.hsts("x.foreign.example", subject) == hsts);
}

TEST_CASE("AWildcardCertificateOfAnotherNamespaceRedirectsOnlyWhoAsks") {
  const TlsHosts hosts{{"*.wild.example", {"other"}}, {"own.wild.example", {"other"}}};
  const Redirects redirects({}, hosts);
  Ingress subject = make_ingress("web", {{"x.wild.example"}});
  CHECK(redirects.plain_requests("x.wild.example", subject) == PlainRequests::kServe);
  CHECK(redirects.plain_requests("own.wild.example", subject) == PlainRequests::kRedirect);
  subject.meta.annotations[kSslRedirectAnnotation] = "true";
  CHECK(redirects.plain_requests("x.wild.example", subject) == PlainRequests::kRedirect);
  subject.meta.annotations[kSslRedirectAnnotation] = "odd";
  CHECK(redirects.plain_requests("x.wild.example", subject) == PlainRequests::kServe);
}
