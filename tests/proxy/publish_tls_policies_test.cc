// TLS policies of server names in snapshots: what changes, what stays the same object, what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/publisher.h"
#include "tls/test_identity.h"

namespace ingress::proxy {
namespace {

Publisher make_publisher() {
  return Publisher([](const Listener& listener) -> std::expected<std::shared_ptr<BoundListener>, Error> {
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

const std::string& authorities() {
  static const std::string pem = test::Identity::root("root").pem();
  return pem;
}

GatewayConfig make_config() {
  return {.listeners = {{.name = "web", .address = "127.0.0.1", .port = 8443, .tls = ListenerTls{}}},
          .tls_policies = {{.name = "one",
                            .server_names = {"a.example"},
                            .client_certificates = ClientCertificates{.authorities = authorities(),
                                                                      .headers = {.subject = "X-Subject"}}},
                           {.name = "two", .server_names = {"*.example"}, .preset = TlsPreset::kModern}}};
}

const tls::HostPolicy* policy_of(const Publisher& publisher, std::string_view host) {
  const auto& table = publisher.current()->tls_policies;
  return table ? tls::find_policy(*table, host) : nullptr;
}

bool is_reserved(const Publisher& publisher, std::string_view name) {
  const auto& reserved = publisher.current()->reserved_headers;
  return reserved && reserved->cover(name);
}

TEST_CASE("APolicyIsLoadedOnceAndStaysTheSameObject") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const SnapshotPtr before = publisher.current();
  const tls::HostPolicy* one = policy_of(publisher, "a.example");
  REQUIRE(one != nullptr);
  CHECK(one->key() == "one");
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current() == before);
  config.tls_policies[1].min_version = TlsVersion::kTls13;
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current() != before);
  CHECK(policy_of(publisher, "a.example") == one);
  CHECK(policy_of(publisher, "b.example")->value() == config.tls_policies[1]);
  CHECK(publisher.current()->listeners[0].tls == before->listeners[0].tls);
  CHECK(publisher.current()->reserved_headers == before->reserved_headers);
  CHECK(diff(publisher.config(), config).is_empty());
}

TEST_CASE("WithoutPoliciesASnapshotHasNoTableOfThem") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  CHECK(is_reserved(publisher, "x_subject"));
  REQUIRE(publisher.apply({.remove_tls_policies = {"one", "two"}}).has_value());
  CHECK(publisher.current()->tls_policies == nullptr);
  CHECK(publisher.current()->reserved_headers == nullptr);
}

TEST_CASE("NamesThatPoliciesTellClientsByAreReserved") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  config.listeners[0].tls->client_certificates =
      ClientCertificates{.authorities = authorities(), .headers = {.issuer = "X-Issuer"}};
  REQUIRE(publisher.publish(config).has_value());
  CHECK(is_reserved(publisher, "X-Subject"));
  CHECK(is_reserved(publisher, "X-Issuer"));
  config.tls_policies[0].client_certificates->headers = {.certificate = "X-Certificate"};
  REQUIRE(publisher.apply({.upsert_tls_policies = {config.tls_policies[0]}}).has_value());
  CHECK_FALSE(is_reserved(publisher, "X-Subject"));
  CHECK(is_reserved(publisher, "X-Certificate"));
  CHECK(is_reserved(publisher, "X-Issuer"));
}

TEST_CASE("DeltasOfPoliciesEndWhereWholeConfigurationsDo") {
  Publisher by_delta = make_publisher();
  Publisher whole = make_publisher();
  const GatewayConfig config = make_config();
  REQUIRE(by_delta.publish(config).has_value());
  GatewayConfig next = config;
  next.tls_policies.erase(next.tls_policies.begin());
  next.tls_policies[0].server_names = {"c.example"};
  next.tls_policies.push_back({.name = "three", .server_names = {"a.example"}});
  REQUIRE(by_delta.apply(diff(config, next)).has_value());
  REQUIRE(whole.publish(next).has_value());
  CHECK(diff(by_delta.config(), whole.config()).is_empty());
  for (const Publisher* publisher : {&by_delta, &whole}) {
    CHECK(policy_of(*publisher, "a.example")->key() == "three");
    CHECK(policy_of(*publisher, "c.example")->key() == "two");
    CHECK(policy_of(*publisher, "b.example") == nullptr);
  }
}

TEST_CASE("ABrokenPolicyRefusesTheChangeWhole") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const SnapshotPtr before = publisher.current();
  const auto field_of = [&](const TlsPolicy& policy) {
    const auto refused =
        publisher.apply({.upsert_routes = {{.name = "r", .rules = {{.reply = FixedReply{.status = 204}}}}},
                         .upsert_tls_policies = {policy}});
    CHECK(publisher.current() == before);
    REQUIRE_FALSE(refused.has_value());
    REQUIRE(refused.error().size() == 1);
    return refused.error()[0].field;
  };
  TlsPolicy policy = config.tls_policies[0];
  policy.client_certificates->authorities = "no PEM";
  CHECK(field_of(policy) == "tls_policies.one.client_certificates.authorities");
  config.tls_policies[0] = policy;
  CHECK_FALSE(publisher.publish(config).has_value());
  CHECK(publisher.current() == before);
  policy = make_config().tls_policies[0];
  policy.server_names.clear();
  CHECK(field_of(policy) == "upsert_tls_policies[0].server_names");
}

TEST_CASE("AListenerMaySayThatItAsksNobody") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  config.listeners[0].tls->client_certificates = ClientCertificates{.mode = ClientCertificateMode::kOff};
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current()->listeners[0].tls->clients() == nullptr);
}

}  // namespace
}  // namespace ingress::proxy
