// UDP listeners: what each may say, what two may not share, which clusters they may name.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/random_config.h"
#include "config/validate.h"
#include "ingress/config.h"

using namespace ingress;

namespace {

// Two listeners of requests on the same address and port are no fault.
GatewayConfig good_config() {
  return {.listeners = {{.name = "dns", .address = "127.0.0.1", .port = 53}},
          .clusters = {{.name = "a", .endpoints = {{"10.0.0.1", 53}}},
                       {.name = "secret", .tls = BackendTls{}},
                       {.name = "told", .proxy_protocol = ProxyProtocol::kV2}},
          .udp_listeners = {
              {.name = "dns",
               .address = "127.0.0.1",
               .port = 53,
               .backends = {{.cluster = "a"},
                            {.cluster = "none", .weight = 3, .failure = FixedReply{.status = 503}}}}}};
}

struct Row {
  const char* field;
  const char* why;
  void (*spoil)(GatewayConfig& config, UdpListener& listener);
};

const Row kRows[] = {
    {"name", "is empty", [](GatewayConfig&, UdpListener& l) { l.name = ""; }},
    {"name", "is 'a\\x0a'", [](GatewayConfig&, UdpListener& l) { l.name = "a\n"; }},
    {"address", "is ''", [](GatewayConfig&, UdpListener& l) { l.address = ""; }},
    {"address", "is 'localhost'", [](GatewayConfig&, UdpListener& l) { l.address = "localhost"; }},
    {"address", "is 'unix:/a'", [](GatewayConfig&, UdpListener& l) { l.address = "unix:/a"; }},
    {"address", "is '[::1]'", [](GatewayConfig&, UdpListener& l) { l.address = "[::1]"; }},
    {"idle_timeout_ms", "is 0 ms", [](GatewayConfig&, UdpListener& l) { l.idle_timeout = {}; }},
    {"max_sessions", "is 0", [](GatewayConfig&, UdpListener& l) { l.max_sessions = 0; }},
    {"max_sessions_per_source", "is 1000001",
     [](GatewayConfig&, UdpListener& l) { l.max_sessions_per_source = 1'000'001; }},
    {"backends", "is a list of 4097",
     [](GatewayConfig&, UdpListener& l) { l.backends.resize(4097, l.backends[0]); }},
    {"backends[0].cluster", "is 'b', and there is no such cluster",
     [](GatewayConfig&, UdpListener& l) { l.backends[0].cluster = "b"; }},
    {"backends[0].cluster", "is empty", [](GatewayConfig&, UdpListener& l) { l.backends[0].cluster = ""; }},
    {"backends[1].weight", "is 1000001",
     [](GatewayConfig&, UdpListener& l) { l.backends[1].weight = 1'000'001; }},
    {"backends[0].cluster", "is 'secret', which is spoken to over TLS",
     [](GatewayConfig&, UdpListener& l) { l.backends[0].cluster = "secret"; }},
    {"backends[0].cluster", "is 'told', whose connections begin with a PROXY header",
     [](GatewayConfig&, UdpListener& l) { l.backends[0].cluster = "told"; }},
    {"origin.kind", "is 'a\\x0a'", [](GatewayConfig&, UdpListener& l) { l.origin.kind = "a\n"; }},
};

}  // namespace

TEST_CASE("AUdpListenerMayHaveTheAddressOfAListener") {
  const auto problems = validate(good_config());
  CAPTURE(test::text_of(problems));
  CHECK(problems.empty());
}

TEST_CASE("WhatIsWrongWithAUdpListenerNamesItsField") {
  for (const Row& row : kRows) {
    GatewayConfig config = good_config();
    row.spoil(config, config.udp_listeners[0]);
    CAPTURE(row.field);
    CAPTURE(row.why);
    const auto problems = validate(config);
    CAPTURE(test::text_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == std::string("udp_listeners[0].") + row.field);
    CHECK(problems[0].why == row.why);
    CHECK(problems[0].severity == Severity::kError);
    CHECK_FALSE(problems[0].fix.empty());
    quarantine(config);
    CHECK_FALSE(config::has_errors(validate(config)));
  }
}

TEST_CASE("UdpListenersShareNeitherNameNorAddressAndPort") {
  GatewayConfig config = good_config();
  UdpListener second = config.udp_listeners[0];
  second.name = "other";
  second.address = "::";
  config.udp_listeners.push_back(second);
  second.name = "third";
  second.address = "0:0::0";
  config.udp_listeners.push_back(second);
  auto problems = validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "udp_listeners[2].address");
  CHECK(problems[0].why == "'0:0::0' port 53 is taken by an earlier UDP listener");
  CHECK(problems[0].object == Origin{.kind = "UdpListener", .name = "third"});
  config.udp_listeners[2].port = config.udp_listeners[1].port = 0;  // any free ports are two
  CHECK(validate(config).empty());
  config.udp_listeners[2].name = "other";
  problems = validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "udp_listeners[2].name");
  quarantine(config);
  CHECK(config.udp_listeners.size() == 2);
}

TEST_CASE("AUdpListenerThatDropsEverythingIsWarnedOf") {
  GatewayConfig config = good_config();
  config.udp_listeners[0].backends[0].weight = config.udp_listeners[0].backends[1].weight = 0;
  CHECK(test::text_of(validate(config)) ==
        "warning udp_listeners[0].backends: has weights that add up to 0: all datagrams are dropped (give a "
        "backend a weight)\n");
  config.udp_listeners[0].backends.clear();
  CHECK(test::text_of(validate(config)) ==
        "warning udp_listeners[0].backends: is empty: all datagrams are dropped (give a backend a weight)\n");
}

TEST_CASE("ABackendThatUdpCannotUseKeepsItsShareAndDropsIt") {
  GatewayConfig config = good_config();
  config.udp_listeners[0].backends = {{.cluster = "a", .weight = 9}, {.cluster = "secret", .weight = 1}};
  quarantine(config);
  REQUIRE(config.udp_listeners.size() == 1);
  const auto& backends = config.udp_listeners[0].backends;
  REQUIRE(backends.size() == 2);
  CHECK(backends[0] == BackendRef{.cluster = "a", .weight = 9});
  CHECK(backends[1].weight == 1);
  CHECK(backends[1].failure == FixedReply{.status = 500, .why = "invalid_backend"});
}
