// Blocking datagram sockets for tests that talk to a real server: every wait ends after kPatienceMs at most.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "support/sockets.h"

namespace ingress::test {

inline sockaddr_in ipv4(const char* address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

// Connected: takes what comes from there only.
class DatagramClient {
 public:
  DatagramClient(const char* server, std::uint16_t port, const char* own_address = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in own = ipv4(own_address, 0), peer = ipv4(server, port);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
      std::abort();
  }
  explicit DatagramClient(std::uint16_t port) : DatagramClient("127.0.0.1", port) {}
  DatagramClient(DatagramClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DatagramClient& operator=(DatagramClient&&) = delete;
  ~DatagramClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // Nothing when none came.
  std::optional<std::string> receive(int patience_ms = kPatienceMs) const {
    pollfd poll{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, patience_ms) <= 0) return std::nullopt;
    std::string bytes(65'536, '\0');
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }
  std::optional<std::string> ask(std::string_view bytes) const {
    return send(bytes) ? receive() : std::nullopt;
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Answers each datagram with what `answer` makes of it, from a thread of its own.
class DatagramBackend {
 public:
  using Answer = std::function<std::string(std::string_view)>;
  explicit DatagramBackend(
      Answer answer = [](std::string_view bytes) { return std::string(bytes); },
      const char* address = "127.0.0.1")
      : answer_(std::move(answer)),
        fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        stop_fd_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in own = ipv4(address, 0);
    socklen_t size = sizeof own;
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size) != 0)
      std::abort();
    port_ = ntohs(own.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  // With its name in front.
  static Answer named(std::string name) {
    return [name = std::move(name)](std::string_view bytes) { return name + ":" + std::string(bytes); };
  }
  DatagramBackend(const DatagramBackend&) = delete;
  DatagramBackend& operator=(const DatagramBackend&) = delete;
  ~DatagramBackend() {
    const std::uint64_t one = 1;
    if (::write(stop_fd_, &one, sizeof one) != sizeof one) std::abort();
    thread_.join();
    ::close(fd_);
    ::close(stop_fd_);
  }
  std::uint16_t port() const { return port_; }
  unsigned num_received() const { return num_received_.load(); }
  // Of what is being answered, or was last.
  std::uint16_t last_peer_port() const { return last_peer_port_.load(); }

 private:
  void run() {
    std::string bytes(65'536, '\0');
    for (;;) {
      pollfd polls[2] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                         {.fd = stop_fd_, .events = POLLIN, .revents = 0}};
      if (::poll(polls, 2, -1) < 0 || polls[1].revents != 0) return;
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const ssize_t got =
          ::recvfrom(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
      if (got < 0) continue;
      ++num_received_;
      last_peer_port_ = ntohs(peer.sin_port);
      const std::string out = answer_({bytes.data(), static_cast<std::size_t>(got)});
      ::sendto(fd_, out.data(), out.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&peer), size);
    }
  }

  Answer answer_;
  int fd_, stop_fd_;
  std::uint16_t port_ = 0;
  std::atomic<unsigned> num_received_{0};
  std::atomic<std::uint16_t> last_peer_port_{0};
  std::thread thread_;
};

}  // namespace ingress::test
