#include "policy/forwarding_headers.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace ingress::policy {
namespace {

TEST_CASE("WhatAClientSaysAboutItselfIsReplaced") {
  Headers headers;
  for (const char* name : {"X-Forwarded-For", "x-forwarded-for", "X-Forwarded-Proto", "X-Forwarded-Host",
                           "X-Forwarded-Port", "X-Request-Id", "Forwarded"}) {
    headers.add_view(name, "spoofed", to_header_id(name));
  }
  headers.add_view("Accept", "*/*", HeaderId::kOther);
  set_forwarding_headers(headers, {.address = "192.0.2.1",
                                   .scheme = "http",
                                   .authority = "a.example:8080",
                                   .listener_port = 80,
                                   .request_id = "id"});
  for (const HeaderField& field : headers) CHECK(field.value != "spoofed");
  CHECK(headers.get("x-forwarded-for") == "192.0.2.1");
  CHECK(headers.get("x-forwarded-proto") == "http");
  CHECK(headers.get("x-forwarded-host") == "a.example:8080");
  CHECK(headers.get("x-forwarded-port") == "8080");
  CHECK(headers.get("x-request-id") == "id");
  CHECK(headers.get("accept") == "*/*");
  CHECK(!headers.get("forwarded"));
}

TEST_CASE("NamesThatABackendMayTakeForOtherNamesAreDropped") {
  Headers headers;
  for (const char* name : {"X_Forwarded_For", "X-Forwarded_For", "Content_Length", "_"}) {
    headers.add_view(name, "spoofed", to_header_id(name));
  }
  set_forwarding_headers(
      headers,
      {.address = "192.0.2.1", .scheme = "http", .authority = "a", .listener_port = 80, .request_id = "id"});
  for (const HeaderField& field : headers) CHECK(field.value != "spoofed");
}

TEST_CASE("ThePortIsThatOfTheUrl") {
  struct Row {
    const char* authority;
    const char* scheme;
    const char* port;
  };
  for (const Row& row :
       {Row{"a", "http", "80"}, Row{"a", "https", "443"}, Row{"a:81", "http", "81"},
        Row{"[::1]", "http", "80"}, Row{"[::1]:82", "http", "82"}, Row{"", "http", "8443"}}) {
    CAPTURE(row.authority);
    Headers headers;
    set_forwarding_headers(headers, {.address = "::1",
                                     .scheme = row.scheme,
                                     .authority = row.authority,
                                     .listener_port = 8443,
                                     .request_id = "id"});
    CHECK(headers.get("x-forwarded-port") == row.port);
    CHECK(headers.has(HeaderId::kXForwardedHost) == (row.authority[0] != '\0'));
  }
}

ClientFacts from_proxy(std::string_view address = "10.0.0.1") {
  return {.address = address,
          .scheme = "http",
          .authority = "inner.example:8080",
          .listener_port = 80,
          .request_id = "id",
          .trust = PeerTrust::kTrusted};
}

void add_all(Headers& headers, std::initializer_list<std::pair<const char*, const char*>> fields) {
  for (const auto& [name, value] : fields) headers.add_view(name, value, to_header_id(name));
}

TEST_CASE("WhatATrustedProxySaysIsKeptAndExtended") {
  Headers headers;
  add_all(headers, {{"X-Forwarded-For", "192.0.2.7"},
                    {"X-Forwarded-Proto", "https"},
                    {"x-forwarded-for", "10.0.0.9"},
                    {"X-Forwarded-Host", "outer.example"},
                    {"X-Forwarded-Port", "8443"},
                    {"Forwarded", "for=192.0.2.7"},
                    {"Forwarded", "for=10.0.0.9;proto=https"}});
  set_forwarding_headers(headers, from_proxy());
  CHECK(headers.get("x-forwarded-for") == "192.0.2.7, 10.0.0.9, 10.0.0.1");
  CHECK(headers.get("x-forwarded-proto") == "https");
  CHECK(headers.get("x-forwarded-host") == "outer.example");
  CHECK(headers.get("x-forwarded-port") == "8443");
  CHECK(headers.get("forwarded") ==
        "for=192.0.2.7, for=10.0.0.9;proto=https, for=10.0.0.1;host=\"inner.example:8080\";proto=http");
  CHECK(headers.size() == 6);
}

TEST_CASE("WhatATrustedProxyDoesNotSayIsOurs") {
  Headers headers;
  add_all(headers, {{"X-Forwarded-Proto", "https"}});
  set_forwarding_headers(headers, from_proxy("fd00::1"));
  CHECK(headers.get("x-forwarded-for") == "fd00::1");
  CHECK(headers.get("x-forwarded-host") == "inner.example:8080");
  CHECK(headers.get("x-forwarded-port") == "8080");
  CHECK_FALSE(headers.has(HeaderId::kForwarded));
}

TEST_CASE("ThePortGoesWithTheHostAndSchemeThatAreTold") {
  Headers headers;
  add_all(headers, {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "outer.example"}});
  set_forwarding_headers(headers, from_proxy());
  CHECK(headers.get("x-forwarded-port") == "443");
}

TEST_CASE("GarbageOfATrustedProxyIsReplaced") {
  Headers headers;
  add_all(headers, {{"X-Forwarded-Proto", "gopher"},
                    {"X-Forwarded-Host", "a"},
                    {"X-Forwarded-Host", "b"},
                    {"X-Forwarded-Port", "70000"},
                    {"Forwarded", "for=\"open"}});
  set_forwarding_headers(headers, from_proxy());
  CHECK(headers.get("x-forwarded-proto") == "http");
  CHECK(headers.get("x-forwarded-host") == "inner.example:8080");
  CHECK(headers.get("x-forwarded-port") == "8080");
  CHECK_FALSE(headers.has(HeaderId::kForwarded));
}

TEST_CASE("ForwardedNamesThePeerAsRfc7239WritesIt") {
  const std::pair<const char*, const char*> rows[] = {
      {"10.0.0.1", "for=a, for=10.0.0.1;host=\"inner.example:8080\";proto=http"},
      {"fd00::1", "for=a, for=\"[fd00::1]\";host=\"inner.example:8080\";proto=http"},
      {"unix", "for=a, for=unknown;host=\"inner.example:8080\";proto=http"}};
  for (const auto& [peer, wanted] : rows) {
    Headers headers;
    add_all(headers, {{"Forwarded", "for=a"}, {"X-Forwarded-For", "192.0.2.7"}});
    set_forwarding_headers(headers, from_proxy(peer));
    CHECK(headers.get("forwarded") == wanted);
  }
  Headers headers;
  add_all(headers, {{"X-Forwarded-For", "192.0.2.7"}});
  set_forwarding_headers(headers, from_proxy("unix"));
  CHECK(headers.get("x-forwarded-for") == "192.0.2.7");
}

TEST_CASE("ARequestIdIsFoundWhenItIsOneAndFitsALog") {
  const auto find = [](std::initializer_list<std::pair<const char*, const char*>> fields) {
    Headers headers;
    add_all(headers, fields);
    return std::string(find_request_id(headers));
  };
  CHECK(find({{"x-request-id", "abc-123"}}) == "abc-123");
  CHECK(find({}).empty());
  CHECK(find({{"x-request-id", "a"}, {"X-Request-Id", "b"}}).empty());
  CHECK(find({{"x-request-id", "a b"}}).empty());
  CHECK(find({{"x-request-id", "a\xc3\xa9"}}).empty());
  CHECK(find({{"x-request-id", std::string(129, 'a').c_str()}}).empty());
}

TEST_CASE("AllowedUnderscoresNeverLookLikeAFieldOfOurs") {
  Headers headers;
  add_all(headers,
          {{"X_Tenant", "a"}, {"X_Forwarded-For", "b"}, {"Content_Length", "5"}, {"x-request_id", "d"}});
  ClientFacts facts = from_proxy();
  facts.underscores = HeadersWithUnderscores::kAllow;
  set_forwarding_headers(headers, facts);
  CHECK(headers.get("x_tenant") == "a");
  for (const char* name : {"x_forwarded-for", "content_length", "x-request_id"})
    CHECK_FALSE(headers.get(name));
}

TEST_CASE("NoSpellingOfAFieldOfOursPasses") {
  for (const auto underscores : {HeadersWithUnderscores::kDrop, HeadersWithUnderscores::kAllow}) {
    Headers headers;
    add_all(headers, {{"X.Forwarded.For", "a"},
                      {"x!forwarded-proto", "b"},
                      {"Transfer+Encoding", "chunked"},
                      {"X.Tenant", "c"},
                      {"X.Tenant_Id", "d"}});
    ClientFacts facts = from_proxy();
    facts.underscores = underscores;
    set_forwarding_headers(headers, facts);
    for (const char* name : {"x.forwarded.for", "x!forwarded-proto", "transfer+encoding"})
      CHECK_FALSE(headers.get(name));
    CHECK(headers.get("x.tenant") == "c");
    CHECK(headers.get("x.tenant_id").has_value() == (underscores == HeadersWithUnderscores::kAllow));
  }
}

TEST_CASE("RequestIdsAre32HexDigits") {
  std::string id = "what was here before";
  write_request_id(id, 0x0123456789abcdefULL, 0xfedcba9876543210ULL);
  CHECK(id == "0123456789abcdeffedcba9876543210");
}

}  // namespace
}  // namespace ingress::policy
