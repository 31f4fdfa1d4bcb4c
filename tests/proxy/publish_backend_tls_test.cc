// TLS of clusters in snapshots: what stays the same object, what is refused.
#include <doctest/doctest.h>

#include "proxy/publisher.h"
#include "tls/test_certificates.h"

namespace ingress::proxy {
namespace {

using test::make_certificate;

Publisher make_publisher() {
  return Publisher([](const Listener& listener) -> std::expected<std::shared_ptr<BoundListener>, Error> {
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

Cluster cluster(const std::string& bundle) {
  return {.name = "a",
          .endpoints = {{"10.0.0.1", 443}},
          .tls = BackendTls{.server_name = "a.example", .ca_bundle = bundle},
          .origin = {.kind = "Service", .name = "s"}};
}

tls::ClientContextPtr context_of(const Publisher& publisher) {
  const upstream::ClusterEntry* entry = publisher.current()->clusters->find(0);
  REQUIRE(entry != nullptr);
  return entry->tls;
}

TEST_CASE("TheContextOfAPolicyStaysAsLongAsThePolicyDoes") {
  Publisher publisher = make_publisher();
  const std::string bundle = make_certificate().chain;
  GatewayConfig config{.clusters = {cluster(bundle)}};
  REQUIRE(publisher.publish(config).has_value());
  const tls::ClientContextPtr before = context_of(publisher);
  REQUIRE(before);
  config.clusters[0].endpoints.push_back({"10.0.0.2", 443});
  REQUIRE(publisher.publish(config).has_value());
  CHECK(context_of(publisher) == before);
  CHECK(publisher.current()->clusters->find(0)->cluster.endpoints.size() == 2);
  config.clusters[0].tls->ca_bundle += make_certificate().chain;
  REQUIRE(publisher.apply({.upsert_clusters = config.clusters}).has_value());
  CHECK(context_of(publisher) != before);
  CHECK(context_of(publisher)->settings() == *config.clusters[0].tls);
  config.clusters[0].tls.reset();
  REQUIRE(publisher.publish(config).has_value());
  CHECK(context_of(publisher) == nullptr);
}

TEST_CASE("WhatCannotBeReadIsRefusedAndChangesNothing") {
  Publisher publisher = make_publisher();
  const GatewayConfig good{.clusters = {cluster(make_certificate().chain)}};
  REQUIRE(publisher.publish(good).has_value());
  const SnapshotPtr before = publisher.current();
  const Cluster bad = cluster("no certificate");
  const auto whole = publisher.publish({.clusters = {bad}});
  const auto delta = publisher.apply({.upsert_clusters = {bad}});
  for (const auto* result : {&whole, &delta}) {
    REQUIRE_FALSE(result->has_value());
    REQUIRE(result->error().size() == 1);
    CHECK(result->error()[0].field == "clusters.a.tls.ca_bundle");
    CHECK(result->error()[0].object.name == "s");
  }
  CHECK(publisher.current() == before);
}

}  // namespace
}  // namespace ingress::proxy
