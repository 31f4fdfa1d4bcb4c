// A Server on a free port with its loop on a thread of its own, stopped and joined at the end.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ingress/server.h"
#include "support/sockets.h"

namespace ingress::test {

// Keeps what it is told; wait_for() waits for the n-th record.
class RecordingLog final : public AccessLog {
 public:
  struct Line {
    std::uint16_t status;
    std::string why, detail, path, route, upstream, protocol, no_retry;
    std::uint32_t tries;
    std::uint64_t request_bytes, response_bytes;
    std::string grpc_status;  // a label
  };
  void write(unsigned, const ExchangeRecord& record) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({record.status,
                      std::string(record.why),
                      std::string(record.why_detail),
                      std::string(record.path),
                      std::string(record.route),
                      std::string(record.upstream_address),
                      std::string(record.protocol),
                      std::string(record.no_retry),
                      record.num_tries,
                      record.request_bytes,
                      record.response_bytes,
                      {}});
    for (const auto& [name, value] : *record.labels) {
      if (name == "grpc_status") lines_.back().grpc_status = value;
    }
    changed_.notify_all();
  }
  struct Stream {
    std::string client, listener, protocol, upstream, cluster, why, detail;
    std::uint16_t client_port;
    std::uint64_t client_bytes, backend_bytes, client_datagrams, backend_datagrams;
  };
  void write_stream(unsigned, const StreamRecord& record) override {
    const std::lock_guard lock(mutex_);
    streams_.push_back({std::string(record.client_address), std::string(record.listener),
                        std::string(record.protocol), std::string(record.upstream_address),
                        std::string(record.cluster), std::string(record.why), std::string(record.why_detail),
                        record.client_port, record.client_bytes, record.backend_bytes,
                        record.client_datagrams, record.backend_datagrams});
    changed_.notify_all();
  }
  Stream wait_for_stream(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                              [&] { return streams_.size() >= count; }));
    return streams_[count - 1];
  }
  std::size_t num_streams() {
    const std::lock_guard lock(mutex_);
    return streams_.size();
  }
  Line wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                              [&] { return lines_.size() >= count; }));
    return lines_[count - 1];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Line> lines_;
  std::vector<Stream> streams_;
};

inline GatewayConfig one_backend(std::uint16_t port) {
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 0}};
  config.clusters = {{.name = "backend", .endpoints = {{"127.0.0.1", port}}}};
  config.routes = {{.name = "all", .rules = {{.backends = {{.cluster = "backend"}}}}}};
  return config;
}

class RunningServer {
 public:
  explicit RunningServer(const GatewayConfig& config, ServerOptions options = {}) {
    options.access_log = log_;
    options.local_backends = LocalBackends::kAllowed;
    auto server = Server::create(std::move(options));
    REQUIRE(server);
    server_.emplace(std::move(*server));
    publish(config);
    loop_ = std::thread([this] { CHECK(server_->run()); });
  }
  ~RunningServer() {
    server_->stop_now();
    if (loop_.joinable()) loop_.join();
  }
  // Until a stop() is through.
  void wait_until_stopped() { loop_.join(); }
  Server& server() { return *server_; }
  std::uint16_t port(std::string_view listener = "web") const {
    for (const ListenerStatus& status : server_->status().listeners) {
      if (status.name == listener) return status.port;
    }
    return 0;
  }
  RecordingLog& log() { return *log_; }
  void publish(const GatewayConfig& config) {
    const auto generation = server_->publish(config);
    for (const Problem& problem : generation ? std::vector<Problem>{} : generation.error()) {
      FAIL_CHECK(problem.field << ": " << problem.why);
    }
    REQUIRE(generation);
    wait_until_adopted(*generation);
  }
  // Every worker serves it.
  void wait_until_adopted(Generation generation) {
    for (;;) {
      bool is_everywhere = true;
      for (const WorkerStatus& worker : server_->status().workers) {
        is_everywhere = is_everywhere && worker.adopted >= generation;
      }
      if (is_everywhere) return;
      std::this_thread::yield();
    }
  }

 private:
  std::shared_ptr<RecordingLog> log_ = std::make_shared<RecordingLog>();
  std::optional<Server> server_;
  std::thread loop_;
};

// Answers each request with its body and "X-Seen" with its request line, keep-alive.
inline void serve_echo(Socket& socket) {
  for (;;) {
    const std::string message = socket.read_message();
    if (message.empty()) return;
    const std::size_t end = message.find("\r\n\r\n") + 4;
    const std::string body = message.substr(end);
    socket.send("HTTP/1.1 200 OK\r\nX-Seen: " + message.substr(0, message.find("\r\n")) +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
}

}  // namespace ingress::test
