// The options about what is written to an API server.
#include "proxyd/kube/status_options.h"

#include <doctest/doctest.h>

namespace proxyd {
namespace {

struct Read {
  StatusOptions options;
  std::string error;
};
Read read(std::vector<std::string> words) {
  CLI::App app;
  RawStatus raw;
  add_status_options(app, raw);
  std::ranges::reverse(words);
  app.parse(words);
  OptionReader reader;
  Read out{read_status(reader, raw), {}};
  out.error = reader.error().value_or("");
  return out;
}

TEST_CASE("NothingGivenIsNoAddressAndALeaseOfOurOwn") {
  const Read out = read({});
  CHECK(out.error.empty());
  CHECK(out.options.is_on);
  CHECK(out.options.service_name.empty());
  CHECK(out.options.addresses.empty());
  CHECK(out.options.election_id == "proxyd-leader");
  CHECK(out.options.election_namespace.empty());
  CHECK(RawStatus().is_empty());
}

TEST_CASE("EachOptionIsTaken") {
  const Read service = read({"--publish-service", "infra/edge", "--election-id", "a.b",
                             "--election-namespace", "infra", "--update-status=false"});
  CHECK(service.error.empty());
  CHECK_FALSE(service.options.is_on);
  CHECK(service.options.service_namespace == "infra");
  CHECK(service.options.service_name == "edge");
  CHECK(service.options.election_id == "a.b");
  CHECK(service.options.election_namespace == "infra");
  const Read addresses =
      read({"--publish-address", "192.0.2.1,2001:DB8::1", "--publish-address", "lb.example"});
  CHECK(addresses.error.empty());
  CHECK(addresses.options.addresses == std::vector<ingress::controller::LoadBalancerAddress>{
                                           {"192.0.2.1", ""}, {"2001:db8::1", ""}, {"", "lb.example"}});
}

TEST_CASE("WhatCannotBeMeantIsRefused") {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--publish-service", "edge"},
                                             {"--publish-service", "a/"},
                                             {"--publish-service", "/a"},
                                             {"--publish-service", "a/b/c"},
                                             {"--publish-service", "A/b"},
                                             {"--publish-service", "a/b", "--publish-address", "192.0.2.1"},
                                             {"--publish-address", "192.0.2"},
                                             {"--publish-address", "Lb.example"},
                                             {"--publish-address", "lb"},
                                             {"--publish-address", "lb..example"},
                                             {"--publish-address", "lb.example:80"},
                                             {"--election-id", "a b"},
                                             {"--election-id", "-a"},
                                             {"--election-namespace", "a.b"}}) {
    CAPTURE(words[1]);
    CHECK(read(words).error.starts_with(words.size() == 4 ? "give either" : words[0] + ": "));
  }
}

}  // namespace
}  // namespace proxyd
