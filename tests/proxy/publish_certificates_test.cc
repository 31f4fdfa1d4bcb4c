// Certificates and TLS of listeners in snapshots: what changes, what stays the same object, what is refused.
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

GatewayConfig make_config() {
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 8443, .tls = ListenerTls{}}};
  config.certificates = {
      make_certificate({.name = "one"}),
      make_certificate({.name = "two", .dns_names = {"b.example"}, .server_names = {"b.example"}})};
  return config;
}

const tls::ServedCertificate* served(const Publisher& publisher, std::string_view name) {
  return publisher.current()->certificates->find_named(name);
}

TEST_CASE("ACertificateIsParsedOnceAndStaysTheSameObject") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const SnapshotPtr before = publisher.current();
  const tls::ServedCertificate* two = served(publisher, "two");
  REQUIRE(two != nullptr);
  config.certificates[0] = make_certificate({.name = "one"});
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current()->generation == before->generation + 1);
  CHECK(served(publisher, "two") == two);
  CHECK(served(publisher, "one")->value() == config.certificates[0]);
  CHECK(before->certificates->find_named("one")->value() != config.certificates[0]);
  CHECK(publisher.current()->listeners[0].tls == before->listeners[0].tls);
  CHECK(publisher.current()->routes == before->routes);
  // The same again is no change.
  REQUIRE(publisher.publish(config).has_value());
  REQUIRE(publisher.apply({.upsert_certificates = {config.certificates[0]}}).has_value());
  CHECK(publisher.current()->generation == before->generation + 1);
}

TEST_CASE("SettingsOfTlsAreHeldOnceAndStayWhileOthersChange") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const SnapshotPtr before = publisher.current();
  CHECK_FALSE(before->listeners[0].listener.tls);
  CHECK(publisher.config().listeners == config.listeners);
  config.listeners[0].limits.max_headers = 7;
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current()->listeners[0].listener.limits.max_headers == 7);
  CHECK(publisher.current()->listeners[0].tls == before->listeners[0].tls);
}

TEST_CASE("DeltasOfCertificatesEndWhereWholeConfigurationsDo") {
  Publisher by_delta = make_publisher();
  Publisher whole = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(by_delta.publish(config).has_value());
  GatewayConfig next = config;
  next.certificates.erase(next.certificates.begin());
  next.certificates.push_back(make_certificate({.name = "three"}));
  REQUIRE(by_delta.apply(diff(config, next)).has_value());
  REQUIRE(whole.publish(next).has_value());
  CHECK(diff(by_delta.config(), whole.config()).is_empty());
  CHECK(served(by_delta, "one") == nullptr);
  // Removing and giving the same in one delta leaves it there.
  REQUIRE(by_delta.apply({.upsert_certificates = {next.certificates[0]}, .remove_certificates = {"two"}})
              .has_value());
  CHECK(served(by_delta, "two") != nullptr);
}

TEST_CASE("ABrokenCertificateRefusesTheChangeWhole") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const SnapshotPtr before = publisher.current();
  config.certificates[0].key.text = config.certificates[1].key.text;
  config.routes = {{.name = "r", .rules = {{.reply = FixedReply{.status = 204}}}}};
  const auto refused = publisher.publish(config);
  REQUIRE_FALSE(refused.has_value());
  REQUIRE(refused.error().size() == 1);
  CHECK(refused.error()[0].field == "certificates.one.key");
  CHECK(publisher.current() == before);
  CHECK_FALSE(publisher.apply({.upsert_certificates = {config.certificates[0]}}).has_value());
  CHECK(publisher.current() == before);
}

TEST_CASE("ListenersWithAndWithoutTlsAreOneAddress") {
  Publisher publisher = make_publisher();
  GatewayConfig config = make_config();
  REQUIRE(publisher.publish(config).has_value());
  const auto bound = publisher.current()->listeners[0].bound;
  config.listeners[0].tls.reset();
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current()->listeners[0].bound == bound);
  CHECK(publisher.current()->listeners[0].tls == nullptr);
  config.listeners[0].tls.emplace().min_version = TlsVersion::kTls13;
  REQUIRE(publisher.publish(config).has_value());
  CHECK(publisher.current()->listeners[0].bound == bound);
  CHECK(publisher.current()->listeners[0].tls->settings().min_version == TlsVersion::kTls13);
}

}  // namespace
}  // namespace ingress::proxy
