// Whom the client's side believes to be the backend.
#include <doctest/doctest.h>

#include <ctime>
#include <string>
#include <vector>

#include "tls/client_fixture.h"

namespace ingress::tls {
namespace {

struct BadBackend {
  const char* what;
  Issued shown;
  BackendTls settings;
  std::string address = "10.0.0.1";
};

std::vector<BadBackend> bad_backends() {
  const std::int64_t now = std::time(nullptr);
  const TestAuthority other("Other CA");
  const Issued self_signed = TestAuthority::self_signed();
  BackendTls san = trusting(), by_ip = trusting(), by_address = trusting();
  san.allowed_names = {"other.example", "spiffe://example.org/cart", "192.0.2.7"};
  by_ip.server_name = "192.0.2.1";
  by_address.server_name.clear();
  BackendTls other_bundle = trusting();
  other_bundle.ca_bundle = other.pem();
  return {
      {"expired", authority().issue({.valid_from = now - 7200, .valid_to = now - 3600}), trusting()},
      {"not_yet_valid", authority().issue({.valid_from = now + 3600, .valid_to = now + 7200}), trusting()},
      {"name_mismatch", authority().issue({.dns_names = {"other.example"}}), trusting()},
      // Neither a name in the subject nor a wildcard of two labels proves anything.
      {"name_mismatch", authority().issue({.dns_names = {}, .common_name = "backend.example"}), trusting()},
      {"name_mismatch", authority().issue({.dns_names = {"*.example.org", "*"}}), trusting()},
      {"name_mismatch", authority().issue({.ip_addresses = {"192.0.2.2"}}), by_ip},
      {"name_mismatch", authority().issue({.dns_names = {"192.0.2.1"}}), by_ip},
      {"name_mismatch", authority().issue({.ip_addresses = {"10.0.0.2"}}), by_address},
      {"name_mismatch", authority().issue(), by_address, "cart.shop.svc"},
      {"san_mismatch", authority().issue({.uris = {"spiffe://example.org/cart2"}}), san},
      {"san_mismatch", authority().issue({.dns_names = {}}), san},
      {"unknown_ca", other.issue(), trusting()},
      {"unknown_ca", authority().issue(), other_bundle},
      {"self_signed", self_signed, trusting()},
      {"bad_certificate", authority().issue({.usage = "clientAuth"}), trusting()},
  };
}

TEST_CASE("WhoCannotProveThatItIsTheBackendGetsNothing") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const BadBackend& bad : bad_backends()) {
      CAPTURE(version);
      CAPTURE(bad.what);
      CAPTURE(bad.settings.server_name);
      Client client;
      const TestBackend backend({.shown = bad.shown, .min_version = version, .max_version = version});
      ClientConnection connection(client, context_of(bad.settings), backend, bad.address);
      CHECK_FALSE(connection.shake_hands());
      REQUIRE(connection.handler.broken.size() == 1);
      const Error& error = connection.handler.broken.front();
      CHECK(error.code == ErrorCode::kUpstreamTls);
      CHECK(error.side == ErrorSide::kUpstream);
      CHECK(error.retry == RetrySafety::kNotSafe);
      CHECK(std::string(error.what) == bad.what);
      CHECK(connection.handler.num_ready == 0);
      CHECK_FALSE(connection.transport->is_ready());
      CHECK(client.counters.handshakes.get() == 0);
      CHECK(client.sessions->size() == 0);
      std::uint64_t num_failures = 0;
      for (const auto& counter : client.counters.failures) num_failures += counter.get();
      CHECK(num_failures == 1);
      // The backend is told, so that its log says so too.
      connection.server.step();
      CHECK(connection.server.reason() != 0);
    }
  }
}

TEST_CASE("ACertificateIsGoodByEachNameThatItProves") {
  struct Row {
    BackendTls settings;
    Issued shown;
    std::string address, asked;
  };
  BackendTls by_ip = trusting(), by_address = trusting(), absolute = trusting(), wildcard = trusting();
  by_ip.server_name = "192.0.2.1";
  by_address.server_name.clear();
  absolute.server_name = "Backend.Example.";
  wildcard.server_name = "a.b.example";
  BackendTls allowed = trusting();
  allowed.server_name = "asked.example";
  allowed.allowed_names = {"none.example", "backend.example", "spiffe://example.org/cart", "192.0.2.9"};
  BackendTls pinned = trusting();
  const Issued self_signed = TestAuthority::self_signed();
  pinned.ca_bundle = self_signed.chain;
  BackendTls none = trusting();
  none.verification = BackendVerification::kNone;
  none.ca_bundle.clear();
  const std::int64_t now = std::time(nullptr);
  const std::vector<Row> rows = {
      {by_ip, authority().issue({.ip_addresses = {"192.0.2.1"}}), "10.0.0.1", ""},
      {by_address, authority().issue({.ip_addresses = {"10.0.0.1"}}), "10.0.0.1", ""},
      {by_address, authority().issue({.ip_addresses = {"2001:db8::1"}}), "2001:db8::1", ""},
      {by_address, authority().issue({.dns_names = {"cart.shop.svc"}}), "cart.shop.svc", "cart.shop.svc"},
      {absolute, authority().issue(), "10.0.0.1", "Backend.Example"},
      {wildcard, authority().issue({.dns_names = {"*.b.example"}}), "10.0.0.1", "a.b.example"},
      {allowed, authority().issue(), "10.0.0.1", "asked.example"},
      {allowed, authority().issue({.dns_names = {}, .uris = {"spiffe://example.org/cart"}}), "10.0.0.1",
       "asked.example"},
      {allowed, authority().issue({.dns_names = {}, .ip_addresses = {"192.0.2.9"}}), "10.0.0.1",
       "asked.example"},
      {pinned, self_signed, "10.0.0.1", "backend.example"},
      {none, TestAuthority::self_signed({.dns_names = {}, .valid_to = now - 60}), "10.0.0.1",
       "backend.example"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.settings.server_name);
    CAPTURE(row.address);
    Client client;
    const TestBackend backend({.shown = row.shown});
    ClientConnection connection(client, context_of(row.settings), backend, row.address);
    CHECK(connection.shake_hands());
    for (const Error& error : connection.handler.broken) MESSAGE(error.what);
    CHECK(connection.server.server_name() == row.asked);
  }
}

}  // namespace
}  // namespace ingress::tls
