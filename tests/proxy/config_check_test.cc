#include "ingress/config_check.h"

#include <doctest/doctest.h>

using namespace ingress;

namespace {

Route route_to(const std::string& name, const std::string& cluster) {
  return {.name = name, .rules = {{.backends = {{.cluster = cluster}}}}};
}

}  // namespace

TEST_CASE("ACheckTakesWhatAServerTakesAndKeepsIt") {
  ConfigCheck check;
  const Cluster cluster{.name = "a", .endpoints = {{"10.0.0.1", 80}}};
  CHECK_FALSE(check.apply({.upsert_routes = {route_to("r", "a")}}));
  REQUIRE(check.publish({.listeners = {{.name = "http", .port = 8080}}, .clusters = {cluster}}));
  CHECK(check.apply({.upsert_routes = {route_to("r", "a")}}));
  CHECK_FALSE(check.apply({.remove_clusters = {"a"}}));
  CHECK(check.apply({.remove_clusters = {"a"}, .remove_routes = {"r"}}));
  CHECK_FALSE(check.apply({.upsert_routes = {route_to("r", "a")}}));
}

TEST_CASE("ACheckReadsWhatValidateDoesNot") {
  ConfigCheck check;
  const Certificate certificate{
      .name = "c", .server_names = {"a.example"}, .chain = "no PEM", .key = {"none"}};
  CHECK(validate({.certificates = {certificate}}).empty());
  const auto published = check.publish({.certificates = {certificate}});
  REQUIRE_FALSE(published);
  CHECK_FALSE(published.error().empty());
  CHECK_FALSE(check.apply({.upsert_certificates = {certificate}}));
  CHECK_FALSE(check.publish({.clusters = {{.name = "a", .tls = BackendTls{.ca_bundle = "no PEM"}}}}));
  CHECK(check.publish({}));
}
