// A Client on a loop that the test steps, and answers that write down what they are told.
#pragma once

#include <doctest/doctest.h>
#include <uv.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingress/client.h"
#include "net/public_loop.h"
#include "support/h2_frames.h"
#include "support/sockets.h"

namespace ingress::test {

// "200+body|end", "failed timeout".
class Answer final : public ClientEvents {
 public:
  void on_head(std::uint16_t status, const std::vector<ClientField>& fields_in) override {
    fields = fields_in;
    text += std::to_string(status) + "+";
    if (at_head) at_head();
  }
  void on_body(std::string_view piece) override {
    text += piece;
    ++num_pieces;
    if (at_body) at_body();
  }
  void on_end(std::expected<void, Error> outcome) override {
    is_over = true;
    text += outcome ? "|end" : "failed " + std::string(to_string(outcome.error().code));
    if (!outcome) error = outcome.error();
    if (at_end) at_end();
  }

  std::string text;
  std::vector<ClientField> fields;
  std::optional<Error> error;
  int num_pieces = 0;
  bool is_over = false;
  std::function<void()> at_head, at_body, at_end;
  std::unique_ptr<Client::Call> call;
};

class ClientBench {
 public:
  explicit ClientBench(Cluster service, std::string authority = {})
      : old_sigpipe_(std::signal(SIGPIPE, SIG_IGN)), loop(Loop::create().value()) {
    auto made = Client::create(*loop, std::move(service), std::move(authority));
    REQUIRE(made);
    client.emplace(std::move(*made));
  }
  ~ClientBench() {
    answers.clear();
    client.reset();
    loop.reset();
    std::signal(SIGPIPE, old_sigpipe_);
  }

  net::EventLoop& inner() { return *loop->impl().event_loop; }
  // Fails the test after 30 s.
  void run_until(const std::function<bool()>& done) {
    bool is_late = false;
    net::Timer late([](void* flag) { *static_cast<bool*>(flag) = true; }, &is_late);
    late.set(inner().timers(), std::chrono::seconds(30));
    net::Timer pulse([](void*) {}, nullptr);
    while (!done()) {
      REQUIRE_FALSE(is_late);
      pulse.set(inner().timers(), std::chrono::milliseconds(10));
      uv_run(inner().uv_loop(), UV_RUN_ONCE);
    }
  }
  void turns(int num = 10) {
    for (int i = 0; i < num; ++i) uv_run(inner().uv_loop(), UV_RUN_NOWAIT);
  }
  // As if that time had gone by; what is set after it is due at once.
  void pass(std::chrono::milliseconds time) { inner().timers().advance(inner().timers().now() + time); }

  Answer& ask(ClientRequest request = {}) {
    Answer& answer = *answers.emplace_back(std::make_unique<Answer>());
    answer.call = client->send(std::move(request), answer);
    CHECK(answer.text.empty());
    return answer;
  }
  // Asks, and waits for the end.
  Answer& get(ClientRequest request = {}) {
    Answer& answer = ask(std::move(request));
    run_until([&] { return answer.is_over; });
    return answer;
  }

 private:
  void (*old_sigpipe_)(int);

 public:
  std::unique_ptr<Loop> loop;
  std::optional<Client> client;
  std::vector<std::unique_ptr<Answer>> answers;
};

inline Cluster service_at(std::uint16_t port, BackendProtocol protocol = BackendProtocol::kHttp1) {
  return {.name = "api", .endpoints = {{"127.0.0.1", port}}, .protocol = protocol};
}

inline std::string with_length(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Answers each request of each connection with "number of the connection.number of the request".
struct Counting {
  std::atomic<int> num_connections = 0;
  std::mutex mutex;
  std::vector<std::string> requests;
  Backend backend{[this](Socket& socket) {
    const int connection = ++num_connections;
    for (int i = 1;; ++i) {
      std::string request = socket.read_message();
      if (request.empty()) return;
      const std::lock_guard lock(mutex);
      requests.push_back(std::move(request));
      socket.send(with_length(std::to_string(connection) + "." + std::to_string(i)));
    }
  }};
};

// The other end of an HTTP/2 connection, frame by frame; `Wire` reads and writes as a Socket.
template <typename Wire>
class H2Peer {
 public:
  explicit H2Peer(Wire& wire, std::uint32_t max_streams = 100) : wire_(wire) {
    wire_.read_bytes(kH2Preface.size());
    wire_.send(h2_setting(3, max_streams));
  }
  // The number of the next request; 0 when the connection has ended.
  std::uint32_t next_request() {
    for (;;) {
      const std::string head = wire_.read_bytes(9);
      if (head.size() < 9) return 0;
      H2Frame frame = parse(head);
      frame.payload = wire_.read_bytes(size_of(head));
      if (frame.type == kSettings && (frame.flags & kAck) == 0) wire_.send(h2_frame(kSettings, kAck, 0, ""));
      if (frame.type == kRstStream) ++num_resets;
      if (frame.type == kHeaders) return frame.stream;
    }
  }
  void answer(std::uint32_t stream, std::string_view body) {
    wire_.send(h2_response(stream, "200", {}, kEndHeaders) + h2_frame(kData, kEndStream, stream, body));
  }
  int num_resets = 0;

 private:
  static std::size_t size_of(std::string_view head) {
    return h2_number_of(std::string(1, '\0') + std::string(head.substr(0, 3)));
  }
  static H2Frame parse(std::string_view head) {
    return {static_cast<std::uint8_t>(head[3]),
            static_cast<std::uint8_t>(head[4]),
            h2_number_of(head.substr(5)),
            {}};
  }
  Wire& wire_;
};

}  // namespace ingress::test
