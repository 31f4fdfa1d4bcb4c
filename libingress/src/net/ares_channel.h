// c-ares on the loop: its sockets as uv_polls, its timeouts on the wheel.
//
// Owner: a Resolver, through Ptr; then the loop until its polls are closed. Thread: the loop's.
// Always true: an answer comes from a deferred call, never from inside c-ares, so that whoever gets it may
// destroy the channel.
#pragma once

#include <ares.h>
#include <uv.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingress/error.h"
#include "net/loop.h"

namespace ingress::net {

// kNoSuchName: the server is sure. kFailed: nobody can tell now.
enum class LookupStatus : std::uint8_t { kFound, kNoSuchName, kFailed };

struct LookupAnswer {
  LookupStatus status = LookupStatus::kFailed;
  std::vector<std::string> addresses;  // not empty when found; IPv6 before IPv4, each best first (RFC 6724)
  std::chrono::seconds ttl{0};         // the smallest of all records, aliases included
};

class AresChannel {
 public:
  struct Deleter {
    void operator()(AresChannel* channel) const { channel->destroy(); }
  };
  using Ptr = std::unique_ptr<AresChannel, Deleter>;
  using OnAnswer = std::move_only_function<void(LookupAnswer)>;

  // `servers` as for ares_set_servers_ports_csv(); empty for the system's.
  static std::expected<Ptr, Error> create(EventLoop& loop, const std::string& servers);
  // IPv4 and IPv6 addresses of `host`, which is taken as absolute: from the hosts file when that knows it,
  // else from the servers. Found when either family is; no such name only when the servers are sure of both.
  // `on_answer` comes once, unless the channel is destroyed before.
  void look_up(const std::string& host, OnAnswer on_answer);

 private:
  struct Poll;
  struct Query;

  explicit AresChannel(EventLoop& loop) : loop_(loop) {}
  ~AresChannel() = default;
  void destroy();
  void on_socket_state(ares_socket_t fd, int events);
  void process(ares_socket_t readable, ares_socket_t writable);
  void answer(Query* query, int status, ares_addrinfo* info);
  void finish(std::unique_ptr<Query> query);
  void arm_timer();
  void release();

  EventLoop& loop_;
  ares_channel hosts_ = nullptr;    // reads the hosts file only, and so at once
  ares_channel channel_ = nullptr;  // asks the servers only; null once destroyed
  std::vector<Poll*> polls_;
  int num_pending_ = 0;  // polls not yet reported closed and deferred answers: they point here
  Timer timer_{[](void* self) { static_cast<AresChannel*>(self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); },
               this};
};

}  // namespace ingress::net
