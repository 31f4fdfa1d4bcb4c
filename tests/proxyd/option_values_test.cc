#include "proxyd/option_values.h"

#include <doctest/doctest.h>

#include <string>

namespace proxyd {
namespace {

TEST_CASE("ReadsListenAddresses") {
  struct {
    const char* text;
    const char* address;  // null = refused
    int port;
  } const rows[] = {
      {"127.0.0.1:80", "127.0.0.1", 80},
      {"0.0.0.0:0", "0.0.0.0", 0},
      {"[::1]:8080", "::1", 8080},
      {"[::]:65535", "::", 65535},
      {"unix:/run/proxyd.sock", "unix:/run/proxyd.sock", 0},
      {"", nullptr, 0},
      {":80", nullptr, 0},
      {"80", nullptr, 0},
      {"localhost:80", nullptr, 0},
      {"127.0.0.1", nullptr, 0},
      {"127.0.0.1:", nullptr, 0},
      {"127.0.0.1:65536", nullptr, 0},
      {"127.0.0.1:-1", nullptr, 0},
      {"127.0.0.1:80x", nullptr, 0},
      {"127.0.0.1:99999999999999999999999", nullptr, 0},
      {"127.1:80", nullptr, 0},
      {"::1:80", nullptr, 0},
      {"[127.0.0.1]:80", nullptr, 0},
      {"[]:80", nullptr, 0},
      {"[::1:80", nullptr, 0},
      {"unix:relative", nullptr, 0},
      {"unix:", nullptr, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto listener = parse_listen_address(row.text, UnixPaths::kAllowed);
    REQUIRE(listener.has_value() == (row.address != nullptr));
    if (!listener) continue;
    CHECK(listener->address == row.address);
    CHECK(listener->port == row.port);
  }
  CHECK(!parse_listen_address("unix:/a", UnixPaths::kRefused));
  CHECK(!parse_listen_address("unix:/" + std::string(107, 'x'), UnixPaths::kAllowed));
}

TEST_CASE("ReadsDurationsOnlyWithAUnit") {
  struct {
    const char* text;
    long ms;  // -1 = refused
  } const rows[] = {
      {"500ms", 500}, {"30s", 30'000},     {"2m", 120'000}, {"1h", 3'600'000}, {"0", 0},
      {"0s", 0},      {"24h", 86'400'000}, {"", -1},        {"30", -1},        {"s", -1},
      {"-1s", -1},    {"1.5s", -1},        {"1 s", -1},     {"25h", -1},       {"99999999999999999999s", -1},
      {"5d", -1},     {"1s ", -1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto duration = parse_duration(row.text);
    CHECK((duration ? duration->count() : -1) == row.ms);
  }
}

TEST_CASE("ReadsDefaultBackends") {
  const auto by_number = parse_default_backend("default/fallback:8080");
  REQUIRE(by_number);
  CHECK(by_number->namespace_ == "default");
  CHECK(by_number->service == "fallback");
  CHECK(by_number->port.number == 8080);
  const auto by_name = parse_default_backend("ns/svc:http");
  REQUIRE(by_name);
  CHECK(by_name->port.name == "http");
  CHECK(by_name->port.number == 0);
  for (const char* text : {"", "svc:80", "ns/svc", "/svc:80", "ns/:80", "ns/svc:", "ns/svc:0", "ns/svc:65536",
                           "a/b/c:80", "ns/Svc:80", "ns:80/svc", "ns/svc:HTTP", "../x:80"}) {
    CAPTURE(text);
    CHECK(!parse_default_backend(text));
  }
}

TEST_CASE("ReadsDefaultCertificates") {
  const auto secret = parse_default_certificate("infra/wild.example.com");
  REQUIRE(secret);
  CHECK(secret->namespace_ == "infra");
  CHECK(secret->secret == "wild.example.com");
  for (const char* text : {"", "a", "/a", "a/", "a/b/c", "A/b", "a/B", "a.b/c", "a/b..c", "a/.b", "a/b.",
                           "../a", "a/b:1", "a/ b"}) {
    CAPTURE(text);
    CHECK(!parse_default_certificate(text));
  }
  CHECK(!parse_default_certificate("a/" + std::string(254, 'b')));
}

TEST_CASE("APublicPortIsNotZero") {
  CHECK(parse_public_port("1") == 1);
  CHECK(parse_public_port("65535") == 65535);
  for (const char* text : {"", "0", "65536", "-1", "+1", "443 ", "https"}) {
    CAPTURE(text);
    CHECK(!parse_public_port(text));
  }
}

TEST_CASE("HstsIsForTenYearsAtMost") {
  CHECK(parse_hsts_max_age("0") == std::chrono::seconds(0));
  CHECK(parse_hsts_max_age("315360000") == std::chrono::seconds(315'360'000));
  for (const char* text : {"", "-1", "315360001", "1y", "1 "}) {
    CAPTURE(text);
    CHECK(!parse_hsts_max_age(text));
  }
  CHECK(parse_hsts_scope("subdomains") == ingress::HstsScope::kSubdomains);
  CHECK(!parse_hsts_scope("Host"));
}

TEST_CASE("AZoneIsALabelValue") {
  for (const char* text : {"a", "eu-central-1a", "Zone_1.b"}) CHECK(parse_zone(text) == text);
  for (const std::string& text : {std::string(), std::string("a b"), std::string("a/b"), std::string(64, 'a'),
                                  std::string("caf\xc3\xa9")}) {
    CAPTURE(text);
    CHECK(!parse_zone(text));
  }
}

TEST_CASE("ReadsWorkersFromOneToAThousand") {
  CHECK(parse_workers("1") == 1u);
  CHECK(parse_workers("1024") == 1024u);
  for (const char* text : {"", "0", "1025", "-1", "two", "2 "}) {
    CAPTURE(text);
    CHECK(!parse_workers(text));
  }
}

}  // namespace
}  // namespace proxyd
