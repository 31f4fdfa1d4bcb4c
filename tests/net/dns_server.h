// A DNS server on 127.0.0.1 with scripted answers, driven by the test's loop. What does not fit into a
// datagram is answered truncated, and in full over TCP.
#pragma once

#include <uv.h>

#include <cstdint>
#include <map>
#include <set>
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
    std::vector<std::string> aliases = {};  // the name is an alias of the first, that one of the second, …
    std::uint32_t alias_ttl_seconds = 60;
  };
  enum class Mood : std::uint8_t { kAnswering, kServerFailure, kSilent, kOnlyV6Answers };

  explicit DnsServer(LoopFixture& fixture)
      : fixture_(fixture),
        udp_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        tcp_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const auto any_port = net::parse_ip("127.0.0.1", 0);
    REQUIRE(::bind(tcp_.fd(), any_port->get(), any_port->size) == 0);
    REQUIRE(::listen(tcp_.fd(), 16) == 0);
    // Both protocols on one number: the next one is tried while somebody has it.
    auto same_port = net::parse_ip("127.0.0.1", tcp_.port());
    while (::bind(udp_.fd(), same_port->get(), same_port->size) != 0) {
      tcp_ = RawSocket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      REQUIRE(::bind(tcp_.fd(), any_port->get(), any_port->size) == 0);
      REQUIRE(::listen(tcp_.fd(), 16) == 0);
      same_port = net::parse_ip("127.0.0.1", tcp_.port());
    }
    start(udp_poll_, udp_.fd(), [](uv_poll_t* poll, int, int) { self(poll)->answer_datagrams(); });
    start(tcp_poll_, tcp_.fd(), [](uv_poll_t* poll, int, int) { self(poll)->accept_all(); });
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    int num_closed = 0;
    int num_handles = 2;
    const auto close = [&](uv_poll_t& poll) {
      poll.data = &num_closed;
      uv_close(reinterpret_cast<uv_handle_t*>(&poll),
               [](uv_handle_t* handle) { ++*static_cast<int*>(handle->data); });
    };
    close(udp_poll_);
    close(tcp_poll_);
    for (const auto& stream : streams_) {
      ++num_handles;
      close(stream->poll);
    }
    while (num_closed < num_handles) uv_run(fixture_.loop().uv_loop(), UV_RUN_NOWAIT);
  }

  std::string servers() const { return "127.0.0.1:" + std::to_string(udp_.port()); }

  std::map<std::string, Record> records;  // a name that is not here does not exist
  Mood mood = Mood::kAnswering;
  int num_queries = 0;  // by datagram; A and AAAA count one each
  int num_streams = 0;
  std::set<std::string> names;  // that were asked for

 private:
  struct Stream {
    DnsServer* server;
    RawSocket socket;
    std::string received;
    uv_poll_t poll{};
  };

  static DnsServer* self(uv_poll_t* poll) { return static_cast<DnsServer*>(poll->data); }
  void start(uv_poll_t& poll, int fd, uv_poll_cb on_ready) {
    REQUIRE(uv_poll_init_socket(fixture_.loop().uv_loop(), &poll, fd) == 0);
    poll.data = this;
    uv_poll_start(&poll, UV_READABLE, on_ready);
  }

  void answer_datagrams() {
    for (;;) {
      char query[512];
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t size =
          ::recvfrom(udp_.fd(), query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 12) return;
      ++num_queries;
      if (mood == Mood::kSilent) continue;
      std::string reply = answer(std::string_view(query, static_cast<std::size_t>(size)), 512);
      ::sendto(udp_.fd(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(tcp_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      ++num_streams;
      streams_.push_back(std::make_unique<Stream>(Stream{this, RawSocket(fd), {}}));
      Stream& stream = *streams_.back();
      start(stream.poll, fd, [](uv_poll_t* poll, int, int) {
        auto* const ready = static_cast<Stream*>(poll->data);
        ready->server->answer_stream(*ready);
      });
      stream.poll.data = &stream;
    }
  }

  // RFC 1035 section 4.2.2: each message behind its length.
  void answer_stream(Stream& stream) {
    const std::string bytes = stream.socket.receive();
    if (bytes.empty()) {
      uv_poll_stop(&stream.poll);  // the end; closed with the server
      return;
    }
    stream.received += bytes;
    while (stream.received.size() >= 2) {
      const std::size_t size = static_cast<unsigned char>(stream.received[0]) * 256U +
                               static_cast<unsigned char>(stream.received[1]);
      if (stream.received.size() < 2 + size) return;
      const std::string reply = answer(std::string_view(stream.received).substr(2, size), 65'535);
      stream.received.erase(0, 2 + size);
      const std::string size_bytes{static_cast<char>(reply.size() >> 8), static_cast<char>(reply.size())};
      stream.socket.send(size_bytes + reply);
    }
  }

  static std::string encode_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
      const std::string_view label = name.substr(0, name.find('.'));
      out += static_cast<char>(label.size());
      out += label;
      name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    return out + '\0';
  }
  static void append_record(std::string& out, const std::string& owner, char type, std::uint32_t ttl,
                            const std::string& data) {
    out += owner;
    out += {0, type, 0, 1};
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(ttl >> shift);
    out += {static_cast<char>(data.size() >> 8), static_cast<char>(data.size())};
    out += data;
  }

  // RFC 1035 section 4: header, the question as it came, then the records; the question's name by a pointer.
  std::string answer(std::string_view query, std::size_t max_bytes) {
    std::string name;
    std::size_t at = 12;
    while (query.at(at) != '\0') {
      const auto length = static_cast<std::size_t>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += length + 1;
    }
    names.insert(name);
    const std::string_view question = query.substr(12, at + 1 + 4 - 12);
    const char type = query.at(at + 2);
    const bool is_failing = mood == Mood::kServerFailure || (mood == Mood::kOnlyV6Answers && type == 1);
    const auto known = records.find(name);
    std::string body;
    std::size_t num_records = 0;
    if (known != records.end() && !is_failing) num_records = append_records(body, known->second, type);
    const bool is_truncated = 12 + question.size() + body.size() > max_bytes;
    if (is_truncated) num_records = 0;
    const char code = is_failing ? 2 : known == records.end() ? 3 : 0;
    std::string reply(query.substr(0, 2));
    reply += {static_cast<char>(is_truncated ? '\x83' : '\x81'), static_cast<char>('\x80' | code), 0, 1};
    reply += {static_cast<char>(num_records >> 8), static_cast<char>(num_records), 0, 0, 0, 0};
    reply += question;
    if (!is_truncated) reply += body;
    return reply;
  }

  static std::size_t append_records(std::string& body, const Record& record, char type) {
    std::size_t count = 0;
    std::string owner = "\xc0\x0c";
    for (const std::string& alias : record.aliases) {
      append_record(body, owner, 5, record.alias_ttl_seconds, encode_name(alias));
      owner = encode_name(alias);
      ++count;
    }
    for (const std::string& address : record.addresses) {
      char raw[16];
      const int family = type == 1 ? AF_INET : AF_INET6;
      if ((type != 1 && type != 28) || inet_pton(family, address.c_str(), raw) != 1) continue;
      append_record(body, owner, type, record.ttl_seconds, std::string(raw, type == 1 ? 4 : 16));
      ++count;
    }
    return count;
  }

  LoopFixture& fixture_;
  RawSocket udp_, tcp_;
  uv_poll_t udp_poll_{}, tcp_poll_{};
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace ingress::test
