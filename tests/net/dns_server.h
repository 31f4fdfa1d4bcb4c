// A DNS server on 127.0.0.1 with scripted answers, driven by the test's loop.
#pragma once

#include <uv.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/net_fixture.h"

namespace ingress::test {

class DnsServer {
 public:
  struct Record {
    std::vector<std::string> addresses;  // IPv4 and IPv6
    std::uint32_t ttl_seconds = 60;
  };
  enum class Mood : std::uint8_t { kAnswering, kServerFailure, kSilent };

  explicit DnsServer(LoopFixture& fixture)
      : fixture_(fixture), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const auto any_port = net::parse_ip("127.0.0.1", 0);
    REQUIRE(::bind(socket_.fd(), any_port->get(), any_port->size) == 0);
    REQUIRE(uv_poll_init_socket(fixture.loop().uv_loop(), &poll_, socket_.fd()) == 0);
    poll_.data = this;
    uv_poll_start(&poll_, UV_READABLE,
                  [](uv_poll_t* poll, int, int) { static_cast<DnsServer*>(poll->data)->answer_all(); });
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    bool is_closed = false;
    poll_.data = &is_closed;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
             [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
    while (!is_closed) uv_run(fixture_.loop().uv_loop(), UV_RUN_NOWAIT);
  }

  std::string servers() const { return "127.0.0.1:" + std::to_string(socket_.port()); }

  std::map<std::string, Record> records;  // a name that is not here does not exist
  Mood mood = Mood::kAnswering;
  int num_queries = 0;  // A and AAAA count one each

 private:
  void answer_all() {
    for (;;) {
      char query[512];
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t size =
          ::recvfrom(socket_.fd(), query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 12) return;
      ++num_queries;
      if (mood == Mood::kSilent) continue;
      const std::string reply = answer(std::string_view(query, static_cast<std::size_t>(size)));
      ::sendto(socket_.fd(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

  // RFC 1035 section 4: header, the question as it came, then the records, named by a pointer to it.
  std::string answer(std::string_view query) const {
    std::string name;
    std::size_t at = 12;
    while (query.at(at) != '\0') {
      const auto length = static_cast<std::size_t>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += length + 1;
    }
    const std::string_view question = query.substr(12, at + 1 + 4 - 12);
    const char type = query.at(at + 2);
    const auto known = records.find(name);
    std::vector<std::string> data;
    if (known != records.end() && mood == Mood::kAnswering) {
      for (const std::string& address : known->second.addresses) {
        unsigned char raw[16];
        if (type == 1 && inet_pton(AF_INET, address.c_str(), raw) == 1) {
          data.emplace_back(reinterpret_cast<char*>(raw), 4);
        }
        if (type == 28 && inet_pton(AF_INET6, address.c_str(), raw) == 1) {
          data.emplace_back(reinterpret_cast<char*>(raw), 16);
        }
      }
    }
    const char code = mood == Mood::kServerFailure ? 2 : known == records.end() ? 3 : 0;
    std::string reply(query.substr(0, 2));
    reply += {'\x81', static_cast<char>('\x80' | code), 0, 1, 0, static_cast<char>(data.size()), 0, 0, 0, 0};
    reply += question;
    for (const std::string& address : data) {
      const std::uint32_t ttl = known->second.ttl_seconds;
      reply += {'\xc0', 12, 0, type, 0, 1};
      for (int shift = 24; shift >= 0; shift -= 8) reply += static_cast<char>(ttl >> shift);
      reply += {0, static_cast<char>(address.size())};
      reply += address;
    }
    return reply;
  }

  LoopFixture& fixture_;
  RawSocket socket_;
  uv_poll_t poll_{};
};

}  // namespace ingress::test
