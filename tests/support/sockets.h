// Plain blocking sockets for tests that talk to a real server: every wait ends after kPatience at most.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ingress::test {

inline constexpr int kPatienceMs = 10'000;

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One connection. Reading gives what came before the peer ended or patience ran out.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(read_, other.read_);
    return *this;
  }
  ~Socket() { close(); }

  static Socket connect(std::uint16_t port) {
    Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      socket.close();
    return socket;
  }

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // The peer sees a reset instead of an end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything up to and with `mark`; what follows is kept for the next call. Empty when it never came.
  std::string read_until(std::string_view mark) {
    for (;;) {
      if (const std::size_t at = read_.find(mark); at != std::string::npos) return take(at + mark.size());
      if (!read_more()) return {};
    }
  }
  std::string read_bytes(std::size_t count) {
    while (read_.size() < count && read_more()) {
    }
    return take(std::min(count, read_.size()));
  }
  // Everything until the peer ends.
  std::string read_to_end() {
    while (read_more()) {
    }
    return std::exchange(read_, {});
  }
  // A message with Content-Length or without a body, head and body together.
  std::string read_message() {
    std::string head = read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at != std::string::npos) head += read_bytes(std::strtoull(head.c_str() + at + 16, nullptr, 10));
    return head;
  }
  // True when the peer has ended or reset the connection and nothing was left to read.
  bool is_ended() {
    if (!read_.empty()) return false;
    return !read_more() && !has_timed_out_;
  }

 private:
  std::string take(std::size_t count) {
    std::string out = read_.substr(0, count);
    read_.erase(0, count);
    return out;
  }
  bool read_more() {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    has_timed_out_ = ::poll(&wait, 1, kPatienceMs) == 0;
    if (has_timed_out_) return false;
    char bytes[16 * 1024];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    read_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  bool has_timed_out_ = false;
  std::string read_;
};

// A listening socket on a free port of 127.0.0.1.
class ListeningSocket {
 public:
  ListeningSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(fd_, 128);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  std::uint16_t port() const { return port_; }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  // Wakes accept().
  void stop() { ::shutdown(fd_, SHUT_RDWR); }
  Socket accept() { return Socket(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

// A backend that runs `serve` for each connection, each on a thread of its own.
class Backend {
 public:
  explicit Backend(std::function<void(Socket&)> serve) : serve_(std::move(serve)) {
    accepting_ = std::thread([this] {
      for (;;) {
        Socket socket = listening_.accept();
        if (!socket.is_open()) return;
        serving_.emplace_back([this, held = std::move(socket)]() mutable { serve_(held); });
      }
    });
  }
  ~Backend() {
    listening_.stop();
    accepting_.join();
    for (std::thread& thread : serving_) thread.join();
  }
  std::uint16_t port() const { return listening_.port(); }

 private:
  std::function<void(Socket&)> serve_;
  ListeningSocket listening_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

}  // namespace ingress::test
