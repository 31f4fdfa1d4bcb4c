// Where connections go, what is refused, and what becomes of attempts that are abandoned.
#include "upstream/connector.h"

#include <doctest/doctest.h>

#include <optional>

#include "net/dns_server.h"

namespace ingress::upstream {
namespace {

using test::DnsServer;
using test::LoopFixture;
using test::RawSocket;

constexpr const char* kName = "backend.ingress.test";

struct Bench {
  LoopFixture fixture;
  DnsServer dns{fixture};
  std::unique_ptr<net::Resolver> resolver =
      net::Resolver::create(fixture.loop(), {.servers = dns.servers()}).value();

  struct Outcome {
    int num_calls = 0;
    net::TransportPtr transport;
    std::optional<Error> error;
    std::string peer;
  };
  // Opens, and drops the attempt inside the callback, as an exchange does.
  Outcome open(Connector& connector, const Endpoint& endpoint) {
    Outcome outcome;
    auto attempt = std::make_unique<std::unique_ptr<Connector::Attempt>>();
    *attempt = connector.open(endpoint, std::chrono::seconds(20),
                              [&](std::expected<net::TransportPtr, Error> transport) {
                                ++outcome.num_calls;
                                attempt->reset();
                                if (transport) {
                                  outcome.transport = std::move(*transport);
                                  outcome.peer = outcome.transport->peer().view();
                                } else {
                                  outcome.error = transport.error();
                                }
                              });
    CHECK(outcome.num_calls == 0);
    fixture.run_until([&] { return outcome.num_calls == 1; });
    fixture.run_turns();
    CHECK(outcome.num_calls == 1);
    return outcome;
  }
};

TEST_CASE("AnAbandonedAttemptCallsNobody") {
  for (const LocalBackends local : {LocalBackends::kAllowed, LocalBackends::kRefused}) {
    for (const char* address : {"127.0.0.1", "not-an-address", "some.name"}) {
      for (const bool is_abandoned : {true, false}) {
        CAPTURE(address);
        CAPTURE(is_abandoned);
        auto loop = net::EventLoop::create();
        REQUIRE(loop);
        // Without a resolver, so that names fail too.
        Connector connector(**loop, nullptr, local);
        bool is_called = false;
        auto attempt = connector.open({address, 1}, std::chrono::seconds(5), [&](auto transport) {
          is_called = true;
          CHECK(!transport);
          (*loop)->stop();
        });
        if (is_abandoned) {
          attempt.reset();
          (*loop)->post([&] { (*loop)->stop(); });
        }
        (*loop)->run();
        CHECK(is_called != is_abandoned);
      }
    }
  }
}

TEST_CASE("LocalLiteralsAreConnectedToOnlyWhenAllowed") {
  Bench bench;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  Connector open(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kAllowed);
  Connector closed(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kRefused);
  CHECK(bench.open(open, {"127.0.0.1", listener.port()}).transport);
  struct Row {
    const char* address;
    const char* what;
  };
  for (const Row& row : {Row{"127.0.0.1", "loopback"}, Row{"::1", "loopback"}, Row{"0.0.0.0", "unspecified"},
                         Row{"::", "unspecified"}, Row{"169.254.169.254", "link_local"},
                         Row{"::ffff:127.0.0.1", "loopback"}, Row{"64:ff9b::7f00:1", "loopback"},
                         Row{"ff02::1", "multicast"}, Row{"255.255.255.255", "reserved"}}) {
    CAPTURE(row.address);
    const auto outcome = bench.open(closed, {row.address, listener.port()});
    REQUIRE(outcome.error);
    CHECK(outcome.error->code == ErrorCode::kAddressRefused);
    CHECK(outcome.error->retry == RetrySafety::kSafe);
    CHECK(std::string(outcome.error->what) == row.what);
  }
  CHECK(closed.num_addresses_refused().get() == 9);
  CHECK(open.num_addresses_refused().get() == 0);
}

TEST_CASE("ANameThatTurnsIntoALocalAddressIsRefusedWhateverItWasBefore") {
  Bench bench;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  Connector connector(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kRefused);
  for (const std::string poison : {"127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254"}) {
    CAPTURE(poison);
    const std::string name = "n" + std::to_string(bench.dns.records.size()) + ".ingress.test";
    bench.dns.records[name] = {{poison}};
    const auto outcome = bench.open(connector, {name, listener.port()});
    REQUIRE(outcome.error);
    CHECK(outcome.error->code == ErrorCode::kAddressRefused);
  }
  CHECK(connector.num_addresses_refused().get() == 5);
}

TEST_CASE("LocalhostIsRefusedThoughNoServerIsAsked") {
  Bench bench;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  Connector closed(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kRefused);
  const auto outcome = bench.open(closed, {"localhost", listener.port()});
  REQUIRE(outcome.error);
  CHECK(outcome.error->code == ErrorCode::kAddressRefused);
  Connector open(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kAllowed);
  CHECK(bench.open(open, {"localhost", listener.port()}).transport);
  CHECK(bench.dns.num_queries == 0);
}

TEST_CASE("OfAPoisonedAnswerOnlyTheAddressesThatMayBeStay") {
  using Addresses = std::vector<std::string>;
  const Addresses answer{"127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.2", "224.0.0.1", "junk"};
  Addresses kept = answer;
  CHECK_FALSE(remove_refused(kept, LocalBackends::kAllowed));
  CHECK(kept == answer);
  const auto refusal = remove_refused(kept, LocalBackends::kRefused);
  CHECK(kept == Addresses{"10.0.0.1", "fd00::1", "::ffff:10.0.0.2"});
  REQUIRE(refusal);
  CHECK(std::string(refusal->what) == "not_an_address");
  CHECK_FALSE(remove_refused(kept, LocalBackends::kRefused));
}

TEST_CASE("TheNextAddressOfANameIsTriedWhenOneRefuses") {
  Bench bench;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  bench.dns.records[kName] = {{"::1", "127.0.0.9", "127.0.0.1"}};
  Connector connector(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kAllowed);
  const auto outcome = bench.open(connector, {kName, listener.port()});
  CHECK(outcome.peer == "127.0.0.1");
}

TEST_CASE("ErrorsTellResolvingFromConnecting") {
  Bench bench;
  std::uint16_t closed_port = 0;
  {
    const RawSocket listener = RawSocket::listen_on("127.0.0.1");
    closed_port = listener.port();
  }
  Connector connector(bench.fixture.loop(), bench.resolver.get(), LocalBackends::kAllowed);
  const auto unknown = bench.open(connector, {kName, 80});
  REQUIRE(unknown.error);
  CHECK(unknown.error->code == ErrorCode::kResolveFailed);

  bench.dns.records["closed.ingress.test"] = {{"127.0.0.1"}};
  const auto refused = bench.open(connector, {"closed.ingress.test", closed_port});
  REQUIRE(refused.error);
  CHECK(refused.error->code == ErrorCode::kConnectFailed);
  CHECK(std::string(refused.error->what) == "refused");

  bench.dns.mood = DnsServer::Mood::kSilent;
  int num_calls = 0;
  std::optional<Error> error;
  auto attempt =
      connector.open({"silent.ingress.test", 80}, std::chrono::milliseconds(50), [&](auto transport) {
        ++num_calls;
        if (!transport) error = std::move(transport.error());
      });
  bench.fixture.run_until([&] { return num_calls == 1; });
  REQUIRE(error);
  CHECK(error->code == ErrorCode::kResolveFailed);
  CHECK(std::string(error->what) == "timeout");
}

}  // namespace
}  // namespace ingress::upstream
