#include "bench/proxy/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bench {

void die(std::string_view what) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(what.size()), what.data(), std::strerror(errno));
  std::exit(1);
}

sockaddr_in parse_address(std::string_view text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = text.rfind(':');
  const std::string ip(text.substr(0, colon));
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string_view::npos || inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end) {
    errno = EINVAL;
    die("an address is IP:PORT");
  }
  address.sin_port = htons(port);
  return address;
}

int listen_at(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0)
    die("listen");
  return fd;
}

int accept_at(int listener) {
  return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int connect_to(const sockaddr_in& address, std::uint32_t source) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % 16);
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) die("TCP_NODELAY");
  // The port is chosen at connect, when the whole pair of addresses counts.
  if (source % 16 != 0 && (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
                           bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0))
    die("bind");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS)
    return fd;
  close(fd);
  return -1;
}

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
  return limit.rlim_cur;
}

Epoll::Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)), events_{} {
  if (fd_ < 0) die("epoll_create1");
}

void Epoll::add(int fd, std::uint64_t tag, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = tag}};
  if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

std::span<epoll_event> Epoll::wait(std::chrono::nanoseconds patience) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;

  int count = 0;
  if (patience.count() < 0) {
    count = epoll_wait(fd_, events_, kMaxEvents, -1);  // valgrind 3.19 knows no epoll_pwait2
  } else {
    const timespec time{.tv_sec = patience.count() / kNsPerSecond,
                        .tv_nsec = patience.count() % kNsPerSecond};
    count = epoll_pwait2(fd_, events_, kMaxEvents, &time, nullptr);
  }
  if (count < 0 && errno != EINTR) die("epoll");
  return {events_, static_cast<std::size_t>(count < 0 ? 0 : count)};
}

}  // namespace bench
