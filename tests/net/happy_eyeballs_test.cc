#include "net/happy_eyeballs.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "support/fake_transport.h"

namespace ingress::net {
namespace {

using std::chrono::milliseconds;
using Addresses = std::vector<std::string>;

TEST_CASE("Families alternate, beginning with the first one") {
  struct Row {
    Addresses given, expected;
  };
  const std::vector<Row> rows{
      {{}, {}},
      {{"1.1.1.1"}, {"1.1.1.1"}},
      {{"1.1.1.1", "2.2.2.2"}, {"1.1.1.1", "2.2.2.2"}},
      {{"::1", "::2", "1.1.1.1"}, {"::1", "1.1.1.1", "::2"}},
      {{"::1", "1.1.1.1", "2.2.2.2", "3.3.3.3"}, {"::1", "1.1.1.1", "2.2.2.2", "3.3.3.3"}},
      {{"1.1.1.1", "2.2.2.2", "::1", "::2"}, {"1.1.1.1", "::1", "2.2.2.2", "::2"}},
  };
  for (const Row& row : rows) CHECK(interleave_families(row.given) == row.expected);
}

// Time stepped by hand, attempts that end when the test says so.
struct Bench {
  struct FakeAttempt final : ConnectAttempt {
    FakeAttempt(Bench& bench_in, std::string address_in) : bench(bench_in), address(std::move(address_in)) {
      ++bench.num_open;
    }
    ~FakeAttempt() override {
      --bench.num_open;
      bench.callbacks.erase(address);
    }
    Bench& bench;
    std::string address;
  };

  std::unique_ptr<ConnectRace> race_to(Addresses addresses) {
    return std::make_unique<ConnectRace>(
        wheel, std::move(addresses),
        [this](const std::string& address, OnConnect on_connect) {
          begun += (begun.empty() ? "" : " ") + address;
          callbacks.emplace(address, std::move(on_connect));
          return std::make_unique<FakeAttempt>(*this, address);
        },
        [this](std::expected<TransportPtr, Error> result) {
          ++num_calls;
          if (result) {
            transport = std::move(*result);
          } else {
            error = result.error();
          }
          open_at_call = num_open;
          if (on_call) on_call();
        });
  }
  void pass(milliseconds time) { wheel.advance(now += time); }
  void fail(const std::string& address, const char* what) {
    OnConnect call = std::move(callbacks.at(address));
    call(std::unexpected(Error{.code = ErrorCode::kConnectFailed, .what = what}));
  }
  void connect(const std::string& address) {
    OnConnect call = std::move(callbacks.at(address));
    peer = test::FakePeer::make();
    call(peer->take_transport());
  }

  milliseconds now{1000};
  TimerWheel wheel{now};
  std::map<std::string, OnConnect> callbacks;
  std::string begun;
  int num_open = 0, num_calls = 0, open_at_call = -1;
  std::shared_ptr<test::FakePeer> peer;
  TransportPtr transport;
  std::optional<Error> error;
  std::function<void()> on_call;
};

TEST_CASE("The next address is tried after 250 ms without an answer, not before") {
  Bench bench;
  const auto race = bench.race_to({"::1", "1.1.1.1", "::2"});
  CHECK(bench.begun == "::1");
  bench.pass(milliseconds(240));
  CHECK(bench.begun == "::1");
  bench.pass(milliseconds(20));
  CHECK(bench.begun == "::1 1.1.1.1");
  bench.pass(milliseconds(240));
  CHECK(bench.begun == "::1 1.1.1.1");
  bench.pass(milliseconds(20));
  CHECK(bench.begun == "::1 1.1.1.1 ::2");
  CHECK(bench.wheel.num_set() == 0);  // nobody is left to be tried
  CHECK(bench.num_calls == 0);
}

TEST_CASE("The first connection wins, and by then the others are abandoned") {
  for (const std::string winner : {"::1", "1.1.1.1"}) {
    CAPTURE(winner);
    Bench bench;
    const auto race = bench.race_to({"::1", "1.1.1.1", "::2"});
    bench.pass(milliseconds(260));
    bench.connect(winner);
    CHECK(bench.num_calls == 1);
    CHECK(bench.transport);
    CHECK(bench.open_at_call == 0);
    CHECK(bench.wheel.num_set() == 0);
    bench.pass(milliseconds(1000));
    CHECK(bench.begun == "::1 1.1.1.1");
  }
}

TEST_CASE("A failed attempt makes room for the next at once, and its pause starts anew") {
  Bench bench;
  const auto race = bench.race_to({"::1", "1.1.1.1", "::2"});
  bench.pass(milliseconds(200));
  bench.fail("::1", "refused");
  CHECK(bench.begun == "::1 1.1.1.1");
  bench.pass(milliseconds(200));
  CHECK(bench.begun == "::1 1.1.1.1");
  bench.pass(milliseconds(60));
  CHECK(bench.begun == "::1 1.1.1.1 ::2");
  bench.connect("1.1.1.1");
  CHECK(bench.num_calls == 1);
  CHECK(bench.transport);
}

TEST_CASE("Only when the last one has failed the race has, with the last error") {
  Bench bench;
  const auto race = bench.race_to({"::1", "1.1.1.1"});
  bench.pass(milliseconds(260));
  bench.fail("1.1.1.1", "refused");
  CHECK(bench.num_calls == 0);
  bench.fail("::1", "unreachable");
  CHECK(bench.num_calls == 1);
  REQUIRE(bench.error);
  CHECK(std::string(bench.error->what) == "unreachable");
}

TEST_CASE("A race that is dropped abandons what it began") {
  Bench bench;
  auto race = bench.race_to({"::1", "1.1.1.1", "::2"});
  bench.pass(milliseconds(260));
  CHECK(bench.num_open == 2);
  race.reset();
  CHECK(bench.num_open == 0);
  CHECK(bench.wheel.num_set() == 0);
  CHECK(bench.num_calls == 0);
}

TEST_CASE("The callback may destroy the race, however it ends") {
  for (const bool is_connected : {true, false}) {
    Bench bench;
    auto race = bench.race_to({"::1"});
    bench.on_call = [&race] { race.reset(); };
    if (is_connected) {
      bench.connect("::1");
    } else {
      bench.fail("::1", "refused");
    }
    CHECK(bench.num_calls == 1);
    CHECK(!race);
  }
}

}  // namespace
}  // namespace ingress::net
