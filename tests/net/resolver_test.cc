#include "net/resolver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "net/dns_server.h"
#include "net/net_fixture.h"

namespace {

using ingress::Error;
using ingress::ErrorCode;
using ingress::net::Resolver;
using ingress::net::ResolverOptions;
using ingress::test::DnsServer;
using ingress::test::LoopFixture;
using Addresses = std::vector<std::string>;
using Result = std::expected<Addresses, Error>;
using Mood = DnsServer::Mood;
using std::chrono::milliseconds;

// A name under which nothing is found by accident.
constexpr const char* kName = "backend.ingress.test";

struct Ask {
  int num_calls = 0;
  Addresses addresses;
  std::optional<Error> error;

  void begin(Resolver& resolver, const std::string& host) {
    resolver.resolve(host, [this](Result result) {
      ++num_calls;
      if (result) {
        addresses = *result;
      } else {
        error = result.error();
      }
    });
  }
};

// Answers of which the server says a TTL of 0 are good for as long as the test likes.
ResolverOptions keep_for(milliseconds min_ttl) {
  return {.min_ttl = min_ttl, .max_ttl = std::chrono::hours(1), .keep_warm = milliseconds(0)};
}
constexpr std::chrono::hours kLong{1};
constexpr milliseconds kShort{50};

struct Bench {
  explicit Bench(ResolverOptions options = {}) {
    options.servers = server.servers();
    resolver = Resolver::create(fixture.loop(), std::move(options)).value();
  }
  LoopFixture fixture;
  DnsServer server{fixture};
  std::unique_ptr<Resolver> resolver;

  Ask ask(const std::string& host) {
    Ask question;
    question.begin(*resolver, host);
    fixture.run_until([&] { return question.num_calls == 1; });
    return question;
  }
  // Without a turn of the loop: what is known.
  Ask ask_now(const std::string& host) {
    Ask question;
    question.begin(*resolver, host);
    CHECK(question.num_calls == 1);
    return question;
  }
};

void check_failed(const Ask& ask, const std::string& what) {
  REQUIRE(ask.error);
  CHECK(ask.error->code == ErrorCode::kResolveFailed);
  CHECK(ask.error->retry == ingress::RetrySafety::kSafe);
  CHECK(ask.error->what == what);
}

TEST_CASE("An IP address is its own answer, at once") {
  Bench bench;
  for (const std::string address : {"10.1.2.3", "::1", "2001:db8::7"}) {
    CHECK(bench.ask_now(address).addresses == Addresses{address});
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

TEST_CASE("IPv6 and IPv4 addresses come in turn, and the second time from the cache") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8", "127.0.0.9", "::1"}};
  const Addresses found = bench.ask(kName).addresses;
  REQUIRE(found.size() == 3);
  CHECK(found[0] == "::1");
  CHECK(Addresses{std::min(found[1], found[2]), std::max(found[1], found[2])} ==
        Addresses{"127.0.0.8", "127.0.0.9"});
  CHECK(bench.server.num_queries == 2);
  CHECK(bench.ask_now(kName).addresses == found);
  CHECK(bench.server.num_queries == 2);
  CHECK(bench.resolver->counters().lookups.get() == 1);
}

TEST_CASE("Callers that ask while a look-up is under way share it") {
  Bench bench;
  bench.server.records[kName] = {{"127.0.0.8"}};
  std::vector<Ask> asks(5);
  for (Ask& ask : asks) ask.begin(*bench.resolver, kName);
  bench.fixture.run_until([&] { return asks.back().num_calls == 1; });
  for (const Ask& ask : asks) CHECK(ask.addresses == Addresses{"127.0.0.8"});
  CHECK(bench.server.num_queries == 2);
}

TEST_CASE("A TTL below the floor lasts as long as the floor") {
  Bench bench(keep_for(kLong));
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.records[kName] = {{"127.0.0.9"}, 0};
  CHECK(bench.ask_now(kName).addresses == Addresses{"127.0.0.8"});
  CHECK(bench.server.num_queries == 2);
}

TEST_CASE("At the end of its TTL a name is asked for anew") {
  Bench bench(keep_for(kShort));
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.records[kName] = {{"127.0.0.9"}, 0};
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask(kName).addresses == Addresses{"127.0.0.9"});
  CHECK(bench.server.num_queries == 4);
}

TEST_CASE("A TTL above the cap lasts as long as the cap") {
  Bench bench({.min_ttl = milliseconds(1), .max_ttl = kShort, .keep_warm = milliseconds(0)});
  bench.server.records[kName] = {{"127.0.0.8"}, 1'000'000};
  bench.ask(kName);
  bench.fixture.run_for(kShort + milliseconds(10));
  bench.server.records[kName] = {{"127.0.0.9"}};
  CHECK(bench.ask(kName).addresses == Addresses{"127.0.0.9"});
}

TEST_CASE("A name in use is refreshed in the background, so that nobody waits") {
  Bench bench({.min_ttl = milliseconds(200)});
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.records[kName] = {{"127.0.0.9"}, 3600};
  bench.fixture.run_until([&] { return bench.server.num_queries >= 4; });  // while nobody asks
  bench.fixture.run_until([&] { return bench.ask(kName).addresses == Addresses{"127.0.0.9"}; });
  CHECK(bench.resolver->counters().lookups.get() == 2);
}

TEST_CASE("A name that nobody uses any more is not refreshed") {
  Bench bench({.min_ttl = kShort, .keep_warm = milliseconds(1)});
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.fixture.run_for(3 * kShort);
  CHECK(bench.server.num_queries == 2);
}

TEST_CASE("A name that does not exist is an error, remembered for the floor of the TTL") {
  Bench bench(keep_for(kLong));
  check_failed(bench.ask(kName), "no_such_name");
  const int num_queries = bench.server.num_queries;
  check_failed(bench.ask_now(kName), "no_such_name");
  CHECK(bench.server.num_queries == num_queries);
  // One without addresses is no better.
  bench.server.records["empty.ingress.test"] = {};
  check_failed(bench.ask("empty.ingress.test"), "no_such_name");
  CHECK(bench.resolver->counters().failures.get() == 0);
}

TEST_CASE("The last good answer outlives a failing server, but not a name that is gone") {
  Bench bench(keep_for(kShort));
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  const Addresses good{"127.0.0.8"};
  CHECK(bench.ask(kName).addresses == good);
  bench.server.mood = Mood::kServerFailure;
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask(kName).addresses == good);
  CHECK(bench.resolver->counters().failures.get() == 1);
  CHECK(bench.resolver->counters().stale_answers.get() == 1);
  // The second time nobody waits: asking goes on behind the old answer.
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask_now(kName).addresses == good);
  bench.server.mood = Mood::kAnswering;
  bench.server.records.clear();
  bench.fixture.run_until([&] { return bench.ask(kName).error.has_value(); });
  check_failed(bench.ask(kName), "no_such_name");
  // And what is gone stays gone when the server fails next.
  bench.server.mood = Mood::kServerFailure;
  bench.fixture.run_for(kShort + milliseconds(10));
  check_failed(bench.ask(kName), "server_failed");
}

TEST_CASE("Behind a server that says nothing the last good answer comes when patience ends") {
  Bench bench({.min_ttl = kShort, .patience = milliseconds(100), .keep_warm = milliseconds(0)});
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.mood = Mood::kSilent;
  bench.fixture.run_for(kShort + milliseconds(10));
  const Ask ask = bench.ask(kName);
  CHECK(ask.addresses == Addresses{"127.0.0.8"});
  CHECK(bench.resolver->counters().failures.get() == 0);  // the look-up still runs
  CHECK(bench.resolver->counters().stale_answers.get() == 1);
}

TEST_CASE("The last good answer is not given for ever") {
  Bench bench({.min_ttl = kShort, .keep_warm = milliseconds(0), .max_stale = milliseconds(1)});
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  bench.ask(kName);
  bench.server.mood = Mood::kServerFailure;
  bench.fixture.run_for(kShort + milliseconds(20));
  check_failed(bench.ask(kName), "server_failed");
}

TEST_CASE("A failing server is asked again in the background until it answers") {
  Bench bench({.min_ttl = milliseconds(20), .max_retry = milliseconds(40)});
  bench.server.mood = Mood::kServerFailure;
  check_failed(bench.ask(kName), "server_failed");
  bench.fixture.run_until([&] { return bench.resolver->counters().failures.get() >= 3; });
  bench.server.mood = Mood::kAnswering;
  bench.server.records[kName] = {{"127.0.0.8"}};
  bench.fixture.run_until([&] {
    Ask ask;
    ask.begin(*bench.resolver, kName);
    bench.fixture.run_until([&] { return ask.num_calls == 1; });
    return ask.addresses == Addresses{"127.0.0.8"};
  });
}

TEST_CASE("A failure for one family is no certainty about the name") {
  Bench bench(keep_for(kShort));
  bench.server.records[kName] = {{"127.0.0.8"}, 0};
  CHECK(bench.ask(kName).addresses == Addresses{"127.0.0.8"});
  // AAAA: there is none, for sure. A: the server failed.
  bench.server.mood = Mood::kOnlyV6Answers;
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask(kName).addresses == Addresses{"127.0.0.8"});
  CHECK(bench.resolver->counters().failures.get() == 1);
  // One family is enough for an answer.
  bench.server.records["v6.ingress.test"] = {{"::1", "127.0.0.8"}};
  CHECK(bench.ask("v6.ingress.test").addresses == Addresses{"::1"});
}

TEST_CASE("Aliases are followed, and the smallest TTL on the way counts") {
  Bench bench({.min_ttl = kShort, .keep_warm = milliseconds(0)});
  bench.server.records[kName] = {
      {"127.0.0.8", "::1"}, 3600, {"a.ingress.test", "b.ingress.test", "c.ingress.test"}, 0};
  CHECK(bench.ask(kName).addresses == Addresses{"::1", "127.0.0.8"});
  bench.server.records[kName] = {{"127.0.0.9"}};
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask(kName).addresses == Addresses{"127.0.0.9"});
}

TEST_CASE("An answer that fills no datagram comes over TCP, and is cut to what is useful") {
  Bench bench;
  DnsServer::Record record;
  for (int i = 0; i < 400; ++i) {
    record.addresses.push_back("10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200));
  }
  bench.server.records[kName] = record;
  CHECK(bench.ask(kName).addresses.size() == Resolver::kMaxAddresses);
  CHECK(bench.server.num_streams >= 1);
}

TEST_CASE("Names are absolute: no search domain is ever tried") {
  setenv("LOCALDOMAIN", "hijack.test", 1);
  setenv("RES_OPTIONS", "ndots:5", 1);
  {
    Bench bench;
    bench.server.records["backend.hijack.test"] = {{"127.0.0.66"}};
    check_failed(bench.ask("backend"), "no_such_name");
    CHECK(bench.server.names == std::set<std::string>{"backend"});
  }
  unsetenv("LOCALDOMAIN");
  unsetenv("RES_OPTIONS");
}

TEST_CASE("Names that are no names fail instead of hanging") {
  Bench bench;
  for (const std::string& name : {std::string(), std::string(300, 'x'), std::string("a..b")}) {
    CAPTURE(name);
    CHECK(bench.ask(name).error.has_value());
  }
}

TEST_CASE("A full table makes room by forgetting what nobody uses, and refuses otherwise") {
  Bench bench({.min_ttl = kShort, .keep_warm = milliseconds(0), .max_names = 2});
  for (const char* name : {"a.test", "b.test", "c.test"}) bench.server.records[name] = {{"127.0.0.8"}, 0};
  bench.ask("a.test");
  bench.ask("b.test");
  Ask refused;
  refused.begin(*bench.resolver, "c.test");
  // On a machine that was busy for longer than the TTL there was room.
  if (refused.num_calls == 1) check_failed(refused, "too_many_names");
  bench.fixture.run_for(kShort + milliseconds(10));
  CHECK(bench.ask("c.test").addresses == Addresses{"127.0.0.8"});
}

TEST_CASE("A Resolver may be destroyed with a look-up under way, and inside its callback") {
  Bench bench;
  bench.server.mood = Mood::kSilent;
  Ask ask;
  ask.begin(*bench.resolver, kName);
  bench.fixture.run_turns();
  bench.resolver = Resolver::create(bench.fixture.loop(), {.servers = bench.server.servers()}).value();
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
  CHECK_FALSE(Resolver::create(fixture.loop(), {.servers = "not a server"}));
}

}  // namespace
