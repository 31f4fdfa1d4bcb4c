#include "policy/forwarding_headers.h"

#include <doctest/doctest.h>

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

TEST_CASE("RequestIdsAre32HexDigits") {
  std::string id = "what was here before";
  write_request_id(id, 0x0123456789abcdefULL, 0xfedcba9876543210ULL);
  CHECK(id == "0123456789abcdeffedcba9876543210");
}

}  // namespace
}  // namespace ingress::policy
