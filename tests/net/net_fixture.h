// A loop stepped by the test until what it waits for has happened, a handler that records, raw sockets.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/socket_address.h"
#include "net/tcp.h"
#include "net/transport.h"

namespace ingress::test {

// Turns the loop through libuv, so that what is waited for is looked at after each turn.
class LoopFixture {
 public:
  LoopFixture() : old_sigpipe_(std::signal(SIGPIPE, SIG_IGN)), loop_(net::EventLoop::create().value()) {}
  LoopFixture(const LoopFixture&) = delete;
  LoopFixture& operator=(const LoopFixture&) = delete;
  ~LoopFixture() { std::signal(SIGPIPE, old_sigpipe_); }

  net::EventLoop& loop() { return *loop_; }

  // Fails the test after 30 s.
  void run_until(const std::function<bool()>& done) {
    bool is_late = false;
    net::Timer late([](void* flag) { *static_cast<bool*>(flag) = true; }, &is_late);
    late.set(loop_->timers(), std::chrono::seconds(30));
    // What a timer's callback defers happens right before the loop waits: look again soon.
    net::Timer pulse([](void*) {}, nullptr);
    while (!done()) {
      REQUIRE_FALSE(is_late);
      pulse.set(loop_->timers(), std::chrono::milliseconds(10));
      uv_run(loop_->uv_loop(), UV_RUN_ONCE);
    }
  }
  // For what must not happen: everything that is ready now comes in these turns.
  void run_turns(int num = 10) {
    for (int i = 0; i < num; ++i) uv_run(loop_->uv_loop(), UV_RUN_NOWAIT);
  }
  void run_for(std::chrono::milliseconds time) {
    bool is_over = false;
    net::Timer end([](void* flag) { *static_cast<bool*>(flag) = true; }, &is_over);
    end.set(loop_->timers(), time);
    run_until([&is_over] { return is_over; });
  }

 private:
  void (*old_sigpipe_)(int);
  std::unique_ptr<net::EventLoop> loop_;
};

// Owns a Transport and remembers what it said. Hooks run after the recording.
struct Recorder final : net::TransportHandler {
  explicit Recorder(net::TransportPtr its_transport) : transport(std::move(its_transport)) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void start() { transport->start(this); }
  void on_read(base::Slice bytes) override {
    num_reads++;
    received += bytes.view();
    if (should_keep) kept.push_back(bytes);
    if (on_event) on_event();
  }
  void on_read_end() override {
    num_ends++;
    if (on_event) on_event();
  }
  void on_drained() override {
    num_drained++;
    if (on_event) on_event();
  }
  void on_broken(Error error) override {
    broken.push_back(std::move(error));
    if (on_event) on_event();
  }
  void write(std::string_view bytes, base::BufferPool& pool) {
    base::Chain chain;
    chain.append_copy(bytes, pool);
    transport->write(std::move(chain));
  }
  bool is_broken() const { return !broken.empty(); }

  net::TransportPtr transport;
  std::string received;
  std::vector<base::Slice> kept;
  bool should_keep = false;
  int num_reads = 0;
  int num_ends = 0;
  int num_drained = 0;
  std::vector<Error> broken;
  std::function<void()> on_event;
};

// A blocking socket with a receive timeout, as a client or peer.
class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~RawSocket() { close(); }

  static RawSocket connect_to(const std::string& address, std::uint16_t port) {
    const auto target = net::parse_ip(address, port);
    REQUIRE(target);
    RawSocket result(::socket(target->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(result.fd(), target->get(), target->size) == 0);
    return result;
  }
  // A listening socket on a port of its own.
  static RawSocket listen_on(const std::string& address, int backlog = 16) {
    const auto target = net::parse_ip(address, 0);
    REQUIRE(target);
    RawSocket result(::socket(target->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(result.fd(), target->get(), target->size) == 0);
    REQUIRE(::listen(result.fd(), backlog) == 0);
    return result;
  }
  RawSocket accept() const { return RawSocket(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }
  std::uint16_t port() const {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
    return net::to_peer_address(storage).port;
  }
  void send(std::string_view bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // Up to `max` bytes that are there or come; empty at the end of the stream or on an error.
  std::string receive(std::size_t max = 65536) const {
    std::string bytes(max, '\0');
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }
  // Makes the peer see a reset.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

inline std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

// An acceptor on a port of its own and what it accepted, not started.
struct Server {
  explicit Server(LoopFixture& fixture, const std::string& address = "127.0.0.1") {
    auto bound = net::bind_listening(address, 0, 1);
    REQUIRE(bound);
    port = bound->port;
    acceptor = net::Acceptor::create(
                   fixture.loop(), bound->fds.at(0),
                   [this](net::TransportPtr transport) {
                     accepted.push_back(std::make_unique<Recorder>(std::move(transport)));
                     if (on_accept) on_accept();
                   },
                   &refused)
                   .value();
  }
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<Recorder>> accepted;
  std::function<void()> on_accept;
  base::Counter refused;
  std::unique_ptr<net::Acceptor> acceptor;
};

// A raw client and the started Transport that serves it.
struct Pair {
  explicit Pair(LoopFixture& fixture, const std::string& address = "127.0.0.1") : server(fixture, address) {
    client = std::make_unique<RawSocket>(RawSocket::connect_to(address, server.port));
    fixture.run_until([this] { return !server.accepted.empty(); });
    served = server.accepted.front().get();
  }
  Server server;
  std::unique_ptr<RawSocket> client;
  Recorder* served = nullptr;
};

}  // namespace ingress::test
