// Datagram sockets: binding in groups, batches in and back, and what they know of both ends.
#include "net/datagrams.h"

#include <doctest/doctest.h>

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "net/datagram_batch.h"
#include "net/net_fixture.h"
#include "support/datagrams.h"

namespace ingress::test {
namespace {

struct Group {
  explicit Group(const std::string& address, unsigned count = 1, std::uint16_t wanted = 0) {
    auto bound = net::bind_datagrams(address, wanted, count);
    REQUIRE(bound);
    fds = bound->fds;
    port = bound->port;
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    for (const int fd : fds) ::close(fd);
  }
  // The index of the socket that has something to read.
  std::size_t wait_readable() const {
    std::vector<pollfd> polls;
    for (const int fd : fds) polls.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    REQUIRE(::poll(polls.data(), polls.size(), kPatienceMs) > 0);
    for (std::size_t i = 0; i < polls.size(); ++i)
      if (polls[i].revents != 0) return i;
    FAIL("none");
    return 0;
  }
  std::vector<int> fds;
  std::uint16_t port = 0;
};

TEST_CASE("OneSocketOfAGroupGetsAllOfAClient") {
  const Group group("127.0.0.1", 4);
  net::DatagramBatch batch;
  std::set<std::size_t> used;
  for (int i = 0; i < 40; ++i) {
    const DatagramClient client(group.port);
    std::set<std::size_t> of_client;
    for (int round = 0; round < 5; ++round) {
      REQUIRE(client.send("x"));
      const std::size_t index = group.wait_readable();
      CHECK(batch.receive(group.fds[index]) == 1);
      of_client.insert(index);
    }
    CHECK(of_client.size() == 1);
    used.merge(of_client);
  }
  CHECK(used.size() > 1);
}

TEST_CASE("APortIsSharedWithTcpAndWithNobodyElse") {
  // The kernel picks ports for datagrams without regard to TCP, where another program may have this one.
  constexpr int kTries = 20;
  std::optional<Group> free_for_tcp;
  std::expected<net::BoundSockets, Error> tcp;
  for (int i = 0; i < kTries && (!free_for_tcp || !tcp); ++i) {
    free_for_tcp.emplace("127.0.0.1", 2);
    tcp = net::bind_listening("127.0.0.1", free_for_tcp->port, 2);
  }
  REQUIRE(tcp);
  const Group& group = *free_for_tcp;
  for (const int fd : tcp->fds) ::close(fd);
  const auto again = net::bind_datagrams("127.0.0.1", group.port, 2);
  REQUIRE_FALSE(again);
  CHECK(again.error().text() == "address in use: 127.0.0.1:" + std::to_string(group.port));
  CHECK_FALSE(net::bind_datagrams("localhost", 0, 1));
}

TEST_CASE("ABatchGoesBackWithEachDatagramWhole") {
  const Group group("127.0.0.1");
  const DatagramClient client(group.port);
  const std::string longest(65'507, 'l');
  const std::string sent[] = {"a", "", "three", longest};
  for (const std::string& bytes : sent) REQUIRE(client.send(bytes));
  net::DatagramBatch batch;
  group.wait_readable();
  REQUIRE(batch.receive(group.fds[0]) == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(batch.bytes(i) == sent[i]);
  CHECK(batch.receive(group.fds[0]) == 0);  // and they are gone then
  REQUIRE(client.send("a"));
  REQUIRE(client.send(""));
  REQUIRE(client.send(longest));
  group.wait_readable();
  REQUIRE(batch.receive(group.fds[0]) == 3);
  const net::DatagramPath path = batch.path(0);
  CHECK(path == batch.path(2));
  CHECK(path.peer().view() == "127.0.0.1");
  CHECK(path.local == decltype(path.local){});  // there is no other
  const net::DatagramsSent back = batch.reply(group.fds[0], 1, 2, path);
  CHECK(back.num == 2);
  CHECK(back.num_bytes == longest.size());
  CHECK(client.receive() == "");
  CHECK(client.receive() == longest);
}

TEST_CASE("MoreThanABatchComesInSeveral") {
  const Group group("127.0.0.1");
  const DatagramClient client(group.port);
  for (int i = 0; i < 20; ++i) REQUIRE(client.send(std::to_string(i)));
  net::DatagramBatch batch;
  group.wait_readable();
  REQUIRE(batch.receive(group.fds[0]) == 16);
  CHECK(batch.bytes(15) == "15");
  REQUIRE(batch.receive(group.fds[0]) == 4);
  CHECK(batch.bytes(3) == "19");
}

TEST_CASE("AnAnswerLeavesFromTheAddressThatWasSpokenTo") {
  for (const char* wildcard : {"0.0.0.0", "::"}) {
    CAPTURE(wildcard);
    if (!net::bind_datagrams(wildcard, 0, 1)) continue;  // a machine without IPv6
    const Group group(wildcard);
    net::DatagramBatch batch;
    for (const char* server : {"127.0.0.1", "127.0.0.2", "127.1.2.3"}) {
      CAPTURE(server);
      const DatagramClient client(server, group.port);  // takes nothing from elsewhere
      REQUIRE(client.send("x"));
      group.wait_readable();
      REQUIRE(batch.receive(group.fds[0]) == 1);
      CHECK(batch.path(0).peer().view() == "127.0.0.1");
      CHECK(batch.reply(group.fds[0], 0, 1, batch.path(0)).num == 1);
      CHECK(client.receive() == "x");
    }
  }
}

TEST_CASE("TheSourceOfAPathIsAnAddressOrANetworkOf64Bits") {
  const auto path_of = [](std::initializer_list<std::uint8_t> bytes) {
    net::DatagramPath path;
    std::copy(bytes.begin(), bytes.end(), path.client.begin());
    return path;
  };
  const auto a = path_of({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8});
  const auto b = path_of({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9});
  const auto c = path_of({0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(a.source() == b.source());
  CHECK(a.source() != c.source());
  const auto v4 = path_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1});
  const auto other_v4 = path_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2});
  CHECK(v4.source() != other_v4.source());
  CHECK(v4.peer().view() == "10.0.0.1");
  CHECK(a.peer().view() == "2001:db8:0:1:102:304:506:708");
}

TEST_CASE("AConnectedSocketHearsItsPeerAndItsRefusal") {
  LoopFixture fixture;
  int fd = -1;
  std::uint16_t port = 0;
  {
    const Group peer("127.0.0.1");
    port = peer.port;
    const auto connected = net::connect_datagrams("127.0.0.1", peer.port);
    REQUIRE(connected);
    fd = *connected;
    CHECK(net::send_datagram(fd, "hello").num == 1);
    net::DatagramBatch batch;
    peer.wait_readable();
    REQUIRE(batch.receive(peer.fds[0]) == 1);
    CHECK(batch.reply(peer.fds[0], 0, 1, batch.path(0)).num == 1);
  }
  struct Heard {
    net::DatagramBatch batch;
    net::DatagramSocketPtr socket;
    std::vector<std::string> texts;
    bool is_refused = false;
  } heard;
  auto socket = net::DatagramSocket::adopt(
      fixture.loop(), fd,
      [](void* self) {
        auto& to = *static_cast<Heard*>(self);
        const int num = to.batch.receive(to.socket->fd());
        if (num < 0) to.is_refused = errno == ECONNREFUSED;
        for (int i = 0; i < num; ++i) to.texts.emplace_back(to.batch.bytes(static_cast<std::size_t>(i)));
      },
      &heard);
  REQUIRE(socket);
  heard.socket = std::move(*socket);
  fixture.run_until([&] { return !heard.texts.empty(); });
  CHECK(heard.texts == std::vector<std::string>{"hello"});
  net::send_datagram(fd, "to nobody");
  fixture.run_until([&] { return heard.is_refused; });
  // It goes on being watched after that.
  heard.is_refused = false;
  const Group reborn("127.0.0.1", 1, port);
  REQUIRE(net::send_datagram(fd, "again").num == 1);
  net::DatagramBatch batch;
  reborn.wait_readable();
  REQUIRE(batch.receive(reborn.fds[0]) == 1);
  batch.reply(reborn.fds[0], 0, 1, batch.path(0));
  fixture.run_until([&] { return heard.texts.size() == 2; });
  heard.socket.reset();
  fixture.run_turns();
}

TEST_CASE("ARefusalTakesTheNextDatagramNotAway") {
  std::uint16_t port = 0;
  {
    const Group gone("127.0.0.1");
    port = gone.port;
  }
  const auto fd = net::connect_datagrams("127.0.0.1", port);
  REQUIRE(fd);
  CHECK_FALSE(net::send_datagram(*fd, "first").is_refused);
  const Group reborn("127.0.0.1", 1, port);
  const net::DatagramsSent second = net::send_datagram(*fd, "second");
  CHECK(second.is_refused);
  CHECK(second.num == 1);
  reborn.wait_readable();
  net::DatagramBatch batch;
  REQUIRE(batch.receive(reborn.fds[0]) == 1);
  CHECK(batch.bytes(0) == "second");
  ::close(*fd);
}

}  // namespace
}  // namespace ingress::test
