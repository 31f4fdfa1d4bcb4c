// What floor, backend and load share: addresses, sockets and epoll without any library around them, so that
// their own cost stays far below that of a proxy. A failure that makes a measurement void ends the program.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace bench {

// Prints `what` and errno's text, and exits with 1.
[[noreturn]] void die(std::string_view what);

// "127.0.0.1:8080"
sockaddr_in parse_address(std::string_view text);

// A listening socket that does not block; TCP_NODELAY is set, which accepted sockets inherit.
int listen_at(const sockaddr_in& address);

// A connection of `listener` that does not block; -1 when none waits.
int accept_at(int listener);

// A socket that is connecting. `source` picks one of 16 loopback addresses to come from, each with ports of
// its own: a connection per request would use up those of one address. Returns -1 when it fails at once.
int connect_to(const sockaddr_in& address, std::uint32_t source = 0);

// As many open files as the system allows; returns that number.
std::uint64_t raise_file_limit();

// Sockets are watched edge-triggered for both directions, once: no system call re-arms them. Whoever gets an
// event therefore reads until a read comes back short, or remembers to go on later.
class Epoll {
 public:
  Epoll();
  void watch(int fd, std::uint64_t tag) { add(fd, tag, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET); }
  // Level-triggered: one accept per event leaves the others for the next turn.
  void watch_listener(int fd, std::uint64_t tag) { add(fd, tag, EPOLLIN); }
  // The events that are due, at the latest after `patience`; negative waits for ever.
  std::span<epoll_event> wait(std::chrono::nanoseconds patience = std::chrono::nanoseconds{-1});

 private:
  void add(int fd, std::uint64_t tag, std::uint32_t events);

  int fd_;
  static constexpr int kMaxEvents = 256;
  epoll_event events_[kMaxEvents];
};

}  // namespace bench
