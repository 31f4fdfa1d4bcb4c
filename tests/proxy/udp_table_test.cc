// Sessions by path, and their numbers by source.
#include "proxy/udp_table.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <set>

namespace ingress::proxy {
namespace {

struct Session {
  int number;
};

net::DatagramPath path_of(std::uint8_t host, std::uint16_t port, std::uint8_t local = 0) {
  net::DatagramPath path;
  path.client = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, host};
  path.local[15] = local;
  path.port = port;
  path.family = AF_INET;
  return path;
}

TEST_CASE("ASessionIsFoundByEveryPartOfItsPath") {
  UdpTable<Session> table;
  int number = 0;
  for (std::uint8_t host = 1; host <= 10; ++host)
    for (std::uint16_t port = 1; port <= 10; ++port)
      for (std::uint8_t local = 0; local < 3; ++local)
        table.add(path_of(host, port, local), std::make_unique<Session>(Session{number++}));
  CHECK(table.size() == 300);
  CHECK(table.num_sources() == 10);
  number = 0;
  for (std::uint8_t host = 1; host <= 10; ++host)
    for (std::uint16_t port = 1; port <= 10; ++port)
      for (std::uint8_t local = 0; local < 3; ++local)
        CHECK(table.find(path_of(host, port, local))->number == number++);
  CHECK(table.find(path_of(11, 1)) == nullptr);
  std::set<int> visited;
  table.for_each([&](const Session& session) { visited.insert(session.number); });
  CHECK(visited.size() == 300);
}

TEST_CASE("LimitsHoldInAllAndForEachSource") {
  UdpTable<Session> table;
  CHECK_FALSE(table.refusal(path_of(1, 1), 3, 2));
  table.add(path_of(1, 1), std::make_unique<Session>());
  CHECK_FALSE(table.refusal(path_of(1, 2), 3, 2));
  table.add(path_of(1, 2), std::make_unique<Session>());
  CHECK(table.refusal(path_of(1, 3), 3, 2) == UdpDrop::kMaxSessionsPerSource);
  CHECK_FALSE(table.refusal(path_of(1, 3), 3, 0));
  CHECK_FALSE(table.refusal(path_of(2, 1), 3, 2));
  table.add(path_of(2, 1), std::make_unique<Session>());
  CHECK(table.refusal(path_of(3, 1), 3, 2) == UdpDrop::kMaxSessions);
  CHECK(table.take(path_of(1, 1)) != nullptr);
  CHECK(table.take(path_of(1, 1)) == nullptr);
  CHECK_FALSE(table.refusal(path_of(1, 3), 3, 2));
}

TEST_CASE("NothingIsLeftOfSourcesWithoutSessions") {
  UdpTable<Session> table;
  for (std::uint8_t host = 1; host <= 100; ++host) table.add(path_of(host, 1), std::make_unique<Session>());
  for (std::uint8_t host = 1; host <= 100; ++host) CHECK(table.take(path_of(host, 1)) != nullptr);
  CHECK(table.size() == 0);
  CHECK(table.num_sources() == 0);
  CHECK(table.any() == nullptr);
}

}  // namespace
}  // namespace ingress::proxy
