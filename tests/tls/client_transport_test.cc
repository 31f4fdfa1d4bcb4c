// The client's side of TlsTransport with a server in memory: whom it believes, what it shows, what it says
// when something is wrong.
#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "tls/client_context.h"
#include "tls/test_authority.h"
#include "tls/test_server.h"
#include "tls/tls_transport.h"

namespace ingress::tls {
namespace {

using test::FakePeer;
using test::Issued;
using test::IssueRecipe;
using test::TestAuthority;
using test::TestBackend;
using test::TestServer;

const TestAuthority& authority() {
  static const TestAuthority made;
  return made;
}

class Recorder final : public net::TransportHandler {
 public:
  void on_ready() override { ++num_ready; }
  void on_read(base::Slice bytes) override { text += bytes.view(); }
  void on_read_end() override { ++num_ends; }
  void on_drained() override {}
  void on_broken(Error error) override { broken.push_back(std::move(error)); }
  std::string text;
  int num_ready = 0, num_ends = 0;
  std::vector<Error> broken;
};

struct Client {
  Client() : loop(std::move(*net::EventLoop::create())) {}
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  std::uint64_t failures(ClientTlsFailure failure) const {
    return counters.failures[static_cast<std::size_t>(failure)].get();
  }
  std::unique_ptr<net::EventLoop> loop;
  ClientTlsCounters counters;
  std::shared_ptr<SessionCache> sessions = std::make_shared<SessionCache>();
};

BackendTls trusting() {
  return {.server_name = "backend.example", .ca_bundle = authority().pem()};
}

ClientContextPtr context_of(const BackendTls& settings) {
  auto loaded = ClientContext::load(settings, std::chrono::system_clock::now());
  for (const Problem& problem : loaded.problems) MESSAGE(problem.field, " ", problem.why);
  REQUIRE(loaded.context);
  return loaded.context;
}

struct Connection {
  Connection(Client& client_in, const ClientContextPtr& context, const TestBackend& backend,
             std::string address = "10.0.0.1")
      : client(client_in),
        peer(FakePeer::make(&client.loop->buffers())),
        server(peer, backend),
        transport(std::move(*connect(
            *client.loop, peer->take_transport(),
            {.context = context, .address = std::move(address), .port = 443, .sessions = client.sessions},
            client.counters))) {
    transport->start(&handler);
    client.turn();  // the ClientHello leaves from the loop
  }
  ~Connection() {
    transport.reset();
    client.turn();
  }
  bool shake_hands(std::size_t pace = static_cast<std::size_t>(-1)) {
    for (int i = 0; i < 4 && handler.broken.empty(); ++i) {
      if (server.step(pace) && handler.num_ready == 1) return true;
    }
    return false;
  }
  void write(std::string_view text) {
    base::Chain chain;
    chain.append(client.loop->buffers().copy(text));
    transport->write(std::move(chain));
  }

  Client& client;
  std::shared_ptr<FakePeer> peer;
  TestServer server;
  Recorder handler;
  net::TransportPtr transport;
};

TEST_CASE("SpeaksToABackendThatItKnowsInBothVersions") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    Connection connection(client, context_of(trusting()), backend);
    CHECK_FALSE(connection.transport->is_ready());
    REQUIRE(connection.shake_hands());
    CHECK(connection.transport->is_ready());
    CHECK(connection.server.server_name() == "backend.example");
    CHECK(connection.server.alpn() == "http/1.1");
    CHECK_FALSE(connection.server.has_client_certificate());
    connection.write("request");
    CHECK(connection.server.read() == "request");
    connection.server.send("answer");
    CHECK(connection.handler.text == "answer");
    connection.server.say_goodbye();
    CHECK(connection.handler.num_ends == 1);
    CHECK(connection.handler.broken.empty());
    CHECK(client.counters.handshakes.get() == 1);
  }
}

TEST_CASE("AHandshakeMayBeSplitAtEveryByte") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    Connection connection(client, context_of(trusting()), backend);
    REQUIRE(connection.shake_hands(1));
    connection.server.send("HTTP/1.1 200 OK\r\n", 1);
    CHECK(connection.handler.text == "HTTP/1.1 200 OK\r\n");
  }
}

TEST_CASE("NothingThatIsWrittenBeforeTheHandshakeIsDoneLeaves") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  Connection connection(client, context_of(trusting()), backend);
  connection.write("secret");
  CHECK(connection.peer->received().find("secret") == std::string::npos);
  REQUIRE(connection.shake_hands());
  CHECK(connection.server.read().empty());
}

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
      Connection connection(client, context_of(bad.settings), backend, bad.address);
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
    Connection connection(client, context_of(row.settings), backend, row.address);
    CHECK(connection.shake_hands());
    for (const Error& error : connection.handler.broken) MESSAGE(error.what);
    CHECK(connection.server.server_name() == row.asked);
  }
}

TEST_CASE("ShowsItsCertificateToWhoAsksForIt") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(),
                               .client_ca = authority().pem(),
                               .min_version = version,
                               .max_version = version});
    BackendTls settings = trusting();
    const Issued shown = authority().issue({.dns_names = {}, .uris = {"spiffe://example.org/gateway"}});
    settings.client_certificate = shown.chain;
    settings.client_key = {shown.key};
    Connection connection(client, context_of(settings), backend);
    REQUIRE(connection.shake_hands());
    CHECK(connection.server.has_client_certificate());
  }
}

TEST_CASE("AMissingOrWrongClientCertificateIsNamedAsTheCause") {
  const TestAuthority other("Other CA");
  const Issued wrong = other.issue();
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool has_wrong_one : {false, true}) {
      CAPTURE(version);
      CAPTURE(has_wrong_one);
      Client client;
      const TestBackend backend({.shown = authority().issue(),
                                 .client_ca = authority().pem(),
                                 .min_version = version,
                                 .max_version = version});
      BackendTls settings = trusting();
      if (has_wrong_one) {
        settings.client_certificate = wrong.chain;
        settings.client_key = {wrong.key};
      }
      Connection connection(client, context_of(settings), backend);
      connection.shake_hands();  // in TLS 1.3 done on our side before theirs has failed
      connection.server.step();
      REQUIRE(connection.handler.broken.size() == 1);
      CHECK(connection.handler.broken.front().code == ErrorCode::kUpstreamTls);
      CHECK(std::string(connection.handler.broken.front().what) == "client_certificate");
      CHECK(connection.handler.broken.front().retry == RetrySafety::kNotSafe);
      CHECK(client.failures(ClientTlsFailure::kClientCertificate) == 1);
      CHECK(client.sessions->size() == 0);
    }
  }
}

TEST_CASE("OtherFailuresOfAHandshakeAreNamedAndSafeToRetry") {
  const TestBackend old({.shown = authority().issue(), .max_version = TLS1_2_VERSION});
  BackendTls modern = trusting();
  modern.min_version = TlsVersion::kTls13;
  using Fail = std::function<void(Connection&)>;
  const std::vector<std::pair<const char*, Fail>> ways = {
      {"version", [](Connection& c) { c.server.step(); }},
      {"not_tls", [](Connection& c) { c.peer->send("HTTP/1.1 400 Bad Request\r\n\r\n"); }},
      {"handshake",
       [](Connection& c) { c.peer->send(std::string("\x16\x03\x03\x00\x04\x63\x00\x00\x00", 9)); }},
      {"closed", [](Connection& c) { c.peer->end_sending(); }},
      {"closed", [](Connection& c) { c.peer->break_with(); }},
  };
  for (const auto& [what, fail] : ways) {
    CAPTURE(what);
    Client client;
    Connection connection(client, context_of(modern), old);
    fail(connection);
    REQUIRE(connection.handler.broken.size() == 1);
    CHECK(connection.handler.broken.front().code == ErrorCode::kUpstreamTls);
    CHECK(std::string(connection.handler.broken.front().what) == what);
    CHECK(connection.handler.broken.front().retry == RetrySafety::kSafe);
  }
}

TEST_CASE("SessionsAreResumedUnderTheSamePolicyAndNoOther") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    const ClientContextPtr context = context_of(trusting());
    const auto is_resumed = [&](const ClientContextPtr& with, const std::string& address = "10.0.0.1") {
      Connection connection(client, with, backend, address);
      REQUIRE(connection.shake_hands());
      connection.server.send("x");  // brings the tickets of TLS 1.3 along
      CHECK(connection.handler.text == "x");
      CHECK(connection.handler.broken.empty());
      return connection.server.is_resumed();
    };
    CHECK_FALSE(is_resumed(context));
    CHECK(is_resumed(context));
    CHECK(is_resumed(context));
    CHECK(client.counters.handshakes_resumed.get() == 2);
    CHECK_FALSE(is_resumed(context, "10.0.0.2"));  // another endpoint
    std::vector<BackendTls> others(5, trusting());
    others[0].ca_bundle += TestAuthority("Another").pem();
    others[1].allowed_names = {"backend.example"};
    others[2].server_name = "BACKEND.example";
    others[3].verification = BackendVerification::kNone;
    const Issued shown = authority().issue();
    others[4].client_certificate = shown.chain;
    others[4].client_key = {shown.key};
    for (const BackendTls& other : others) CHECK_FALSE(is_resumed(context_of(other)));
    CHECK(is_resumed(context_of(trusting())));  // the same policy, read anew
  }
}

TEST_CASE("NoSessionOutlivesTheCertificateThatWasVerified") {
  Client client;
  const std::int64_t now = std::time(nullptr);
  const TestBackend backend({.shown = authority().issue({.valid_to = now + 600})});
  Connection connection(client, context_of(trusting()), backend);
  REQUIRE(connection.shake_hands());
  connection.server.send("x");
  REQUIRE(client.sessions->size() == 1);
  const auto key = context_of(trusting())->identity() + "10.0.0.1" + '\0' + "443";
  const SSL_SESSION* session = client.sessions->find(key);
  REQUIRE(session != nullptr);
  CHECK(SSL_SESSION_get_timeout(session) <= 600);
}

TEST_CASE("AFailedHandshakeForgetsTheSessionThatItOffered") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  const ClientContextPtr context = context_of(trusting());
  {
    Connection connection(client, context, backend);
    REQUIRE(connection.shake_hands());
    connection.server.send("x");
  }
  REQUIRE(client.sessions->size() == 1);
  Connection connection(client, context, backend);
  connection.peer->end_sending();
  CHECK(client.sessions->size() == 0);
}

TEST_CASE("AnEndWithoutGoodbyeIsACut") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  Connection connection(client, context_of(trusting()), backend);
  REQUIRE(connection.shake_hands());
  connection.server.send("half of it");
  connection.peer->end_sending();
  CHECK(connection.handler.text == "half of it");
  CHECK(connection.handler.num_ends == 0);
  REQUIRE(connection.handler.broken.size() == 1);
  CHECK(std::string(connection.handler.broken.front().what) == "tls_cut");
}

TEST_CASE("AnotherHandlerTakesOverWhenTheHandshakeIsDone") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  Connection connection(client, context_of(trusting()), backend);
  REQUIRE(connection.shake_hands());
  Recorder next;
  connection.transport->start(&next);
  connection.server.send("answer");
  CHECK(next.text == "answer");
  CHECK(next.num_ready == 0);
  CHECK(connection.handler.text.empty());
}

}  // namespace
}  // namespace ingress::tls
