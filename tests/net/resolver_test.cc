#include "net/resolver.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "net/dns_server.h"
#include "net/net_fixture.h"

namespace {

using ingress::Error;
using ingress::ErrorCode;
using ingress::net::Resolver;
using ingress::test::DnsServer;
using ingress::test::LoopFixture;
using Result = std::expected<std::vector<std::string>, Error>;
using Mood = DnsServer::Mood;
using std::chrono::milliseconds;

// A name under which nothing is found by accident.
constexpr const char* kName = "backend.ingress.test";

struct Ask {
  int num_calls = 0;
  std::vector<std::string> addresses;
  std::optional<Error> error;

  void begin(Resolver& resolver, const std::string& host) {
    resolver.resolve(host, [this](Result result) {
      ++num_calls;
      if (result) {
        addresses = *result;
        std::ranges::sort(addresses);
      } else {
        error = result.error();
      }
    });
  }
};

struct Bench {
  LoopFixture fixture;
  DnsServer server{fixture};
  std::unique_ptr<Resolver> resolver = Resolver::create(fixture.loop(), server.servers()).value();

  Ask ask(const std::string& host) {
    Ask question;
    question.begin(*resolver, host);
    fixture.run_until([&] { return question.num_calls == 1; });
    return question;
  }
};

TEST_CASE("An IP address is its own answer, at once") {
  Bench bench;
  for (const std::string address : {"10.1.2.3", "::1", "2001:db8::7"}) {
    Ask ask;
    ask.begin(*bench.resolver, address);
    CHECK(ask.addresses == std::vector{address});
  }
  CHECK(bench.server.num_queries == 0);
}

TEST_CASE("localhost resolves without a server") {
  Bench bench;
  bench.server.mood = Mood::kSilent;
  const Ask ask = bench.ask("localhost");
  CHECK(std::ranges::find(ask.addresses, "127.0.0.1") != ask.addresses.end());
  CHECK(bench.server.num_queries == 0);
}

TEST_CASE("IPv4 and IPv6 addresses come together, and the second time from the cache") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8", "127.0.0.9", "::1"}};
  const std::vector<std::string> all{"127.0.0.8", "127.0.0.9", "::1"};
  CHECK(bench.ask(kName).addresses == all);
  CHECK(bench.server.num_queries == 2);
  Ask again;
  again.begin(*bench.resolver, kName);
  CHECK(again.num_calls == 1);
  CHECK(again.addresses == all);
  CHECK(bench.server.num_queries == 2);
}

TEST_CASE("Callers that ask while a query is under way share it") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8"}};
  std::vector<Ask> asks(5);
  for (Ask& ask : asks) ask.begin(*bench.resolver, kName);
  bench.fixture.run_until([&] { return asks.back().num_calls == 1; });
  for (const Ask& ask : asks) CHECK(ask.addresses == std::vector<std::string>{"127.0.0.8"});
  CHECK(bench.server.num_queries == 2);
}

TEST_CASE("A TTL of 0 is kept for a second and then asked anew") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.records[kName] = {{"127.0.0.9"}, 0};
  CHECK(bench.ask(kName).addresses == std::vector<std::string>{"127.0.0.8"});
  bench.fixture.run_for(milliseconds(1'010));
  CHECK(bench.ask(kName).addresses == std::vector<std::string>{"127.0.0.9"});
  CHECK(bench.server.num_queries == 4);
}

TEST_CASE("A name that does not exist is an error, remembered for a second") {
  Bench bench;
  const Ask ask = bench.ask(kName);
  REQUIRE(ask.error);
  CHECK(ask.error->code == ErrorCode::kResolveFailed);
  CHECK(std::string(ask.error->what) == "dns");
  CHECK(ask.error->retry == ingress::RetrySafety::kSafe);
  const int num_queries = bench.server.num_queries;
  Ask again;
  again.begin(*bench.resolver, kName);
  CHECK(again.error.has_value());
  CHECK(bench.server.num_queries == num_queries);
}

TEST_CASE("The last good answer outlives a failing server, but not a name that is gone") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8"}, 1};
  const std::vector<std::string> good{"127.0.0.8"};
  CHECK(bench.ask(kName).addresses == good);
  bench.server.mood = Mood::kServerFailure;
  bench.fixture.run_for(milliseconds(1'010));
  CHECK(bench.ask(kName).addresses == good);
  bench.fixture.run_for(milliseconds(1'010));
  // The second time nobody waits: asking goes on behind the old answer.
  Ask stale;
  stale.begin(*bench.resolver, kName);
  CHECK(stale.num_calls == 1);
  CHECK(stale.addresses == good);
  bench.server.mood = Mood::kAnswering;
  bench.server.records.clear();
  bench.fixture.run_until([&] { return bench.ask(kName).error.has_value(); });
}

TEST_CASE("A server that never answered is an error at the end of the tries") {
  Bench bench;
  bench.server.mood = Mood::kServerFailure;
  const Ask ask = bench.ask(kName);
  REQUIRE(ask.error);
  CHECK(ask.error->code == ErrorCode::kResolveFailed);
}

TEST_CASE("Names that are no names fail instead of hanging") {
  Bench bench;
  for (const std::string& name : {std::string(), std::string(300, 'x'), std::string("a..b")}) {
    CAPTURE(name);
    CHECK(bench.ask(name).error.has_value());
  }
}

TEST_CASE("A Resolver may be destroyed with a query under way, and inside its callback") {
  Bench bench;
  bench.server.mood = Mood::kSilent;
  Ask ask;
  ask.begin(*bench.resolver, kName);
  bench.fixture.run_turns();
  bench.resolver = Resolver::create(bench.fixture.loop(), bench.server.servers()).value();
  bench.fixture.run_turns();
  CHECK(ask.num_calls == 0);

  bench.server.mood = Mood::kAnswering;
  bench.server.records[kName] = {{"127.0.0.8"}};
  int num_calls = 0;
  for (int i = 0; i < 3; ++i) {
    bench.resolver->resolve(kName, [&](Result) {
      ++num_calls;
      bench.resolver.reset();
    });
  }
  bench.fixture.run_until([&] { return num_calls == 1; });
  bench.fixture.run_turns();
  CHECK(num_calls == 1);
}

TEST_CASE("Servers that are no addresses are refused") {
  LoopFixture fixture;
  CHECK_FALSE(Resolver::create(fixture.loop(), "not a server"));
}

}  // namespace
