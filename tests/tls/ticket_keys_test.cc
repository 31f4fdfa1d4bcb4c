// Tickets open as long as their key is kept, and nothing else opens.
#include "tls/ticket_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

namespace ingress::tls {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Keys {
  std::chrono::steady_clock::time_point now{std::chrono::hours(1000)};
  TicketKeys keys{[this] { return now; }};
};

Bytes seal(TicketKeys& keys, const Bytes& session) {
  Bytes out(session.size() + TicketKeys::kOverheadBytes);
  const auto size = keys.seal(session, out);
  REQUIRE(size == out.size());
  return out;
}

std::optional<Bytes> open(const TicketKeys& keys, const Bytes& ticket) {
  Bytes out(ticket.size());
  const auto size = keys.open(ticket, out);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

const Bytes kSession = {1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST_CASE("ATicketOpensToItsSessionAndShowsNothingOfIt") {
  Keys it;
  const Bytes first = seal(it.keys, kSession);
  CHECK(open(it.keys, first) == kSession);
  CHECK(std::ranges::search(first, kSession).empty());
  CHECK(seal(it.keys, kSession) != first);
}

TEST_CASE("SealsAndOpensInPlace") {
  Keys it;
  Bytes buffer = kSession;
  buffer.resize(kSession.size() + TicketKeys::kOverheadBytes);
  REQUIRE(it.keys.seal(std::span(buffer).first(kSession.size()), buffer) == buffer.size());
  REQUIRE(it.keys.open(buffer, buffer) == kSession.size());
  buffer.resize(kSession.size());
  CHECK(buffer == kSession);
}

TEST_CASE("NoChangedOrCutTicketOpens") {
  Keys it;
  const Bytes ticket = seal(it.keys, kSession);
  for (std::size_t i = 0; i < ticket.size(); ++i) {
    Bytes changed = ticket;
    changed[i] ^= 1;
    CHECK_MESSAGE(!open(it.keys, changed), i);
    CHECK_MESSAGE(!open(it.keys, Bytes(ticket.begin(), ticket.begin() + static_cast<std::ptrdiff_t>(i))), i);
  }
  Keys others;
  CHECK_FALSE(open(others.keys, ticket));
}

TEST_CASE("TooLittleRoomIsNoTicket") {
  Keys it;
  Bytes out(kSession.size() + TicketKeys::kOverheadBytes - 1);
  CHECK_FALSE(it.keys.seal(kSession, out));
}

TEST_CASE("KeysRotateAndTheLastThreeOpen") {
  Keys it;
  std::vector<Bytes> tickets;
  for (int i = 0; i < 5; ++i) {
    tickets.push_back(seal(it.keys, kSession));
    it.now += TicketKeys::kLifetime;
  }
  // The fifth key is a lifetime old now and still the newest.
  CHECK_FALSE(open(it.keys, tickets[0]));
  CHECK_FALSE(open(it.keys, tickets[1]));
  CHECK_FALSE(open(it.keys, tickets[2]));  // its three lifetimes are over
  CHECK(open(it.keys, tickets[3]) == kSession);
  CHECK(open(it.keys, tickets[4]) == kSession);
  it.now += TicketKeys::kLifetime * 3;  // nobody came in between
  CHECK_FALSE(open(it.keys, tickets[4]));
}

TEST_CASE("WorkersShareThem") {
  TicketKeys keys;
  std::vector<std::thread> workers;
  std::vector<Bytes> tickets(4);
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    workers.emplace_back([&, i] {
      Bytes out(kSession.size() + TicketKeys::kOverheadBytes);
      for (int k = 0; k < 200; ++k) {
        if (keys.seal(kSession, out)) tickets[i] = out;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const Bytes& ticket : tickets) CHECK(open(keys, ticket) == kSession);
}

}  // namespace
}  // namespace ingress::tls
