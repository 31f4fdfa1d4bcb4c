// Code of the application on the way of a request and its response.
//
// Filters are made once per worker and live on its thread: no locks needed. They run in list order on
// requests and in reverse order on responses. Heads and bodies are views that end with the call.
#pragma once

#include <any>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/export.h"
#include "ingress/message.h"

namespace ingress {

struct Reply {
  std::uint16_t status = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
  std::string why = {};  // snake_case token for the access log; empty = "filter"
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// What a filter says at the end of a call.
class INGRESS_EXPORT Verdict {
 public:
  enum class Kind : std::uint8_t { kNext, kReply, kWait };
  // Goes on with the next filter.
  static Verdict next() { return Verdict(Kind::kNext); }
  // Answers the request; no further filter of the request runs. From a response filter it replaces
  // the response of the backend.
  static Verdict reply(Reply reply);
  static Verdict reply(std::uint16_t status, std::string body) {
    return Verdict::reply(Reply{.status = status, .body = std::move(body)});
  }
  // Suspends the exchange until Resumer::resume(). Take the Resumer first (ExchangeContext::suspend).
  static Verdict wait() { return Verdict(Kind::kWait); }

  Kind kind() const { return kind_; }
  Reply& get_reply() { return *reply_; }

 private:
  explicit Verdict(Kind kind) : kind_(kind) {}
  Kind kind_;
  std::unique_ptr<Reply> reply_;
};

// Runs things on the worker that owns an exchange. Outlives every exchange of that worker.
class INGRESS_EXPORT WorkerContext {
 public:
  virtual ~WorkerContext() = default;
  virtual unsigned index() const = 0;
  // Runs `call` on the worker's thread. Any thread.
  virtual void post(std::move_only_function<void()> call) = 0;
  // Runs `call` once on the worker's thread after `delay`. Worker's thread only.
  virtual void after(std::chrono::milliseconds delay, std::move_only_function<void()> call) = 0;
};

// Wakes a suspended exchange. Copyable; may outlive the exchange: resuming one that has ended (the
// client has gone, a time limit passed) does nothing. Thread: the exchange's worker.
class INGRESS_EXPORT Resumer {
 public:
  struct Target;
  Resumer() = default;
  explicit Resumer(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  // At most once has an effect. Verdict::wait() is not allowed here.
  void resume(Verdict verdict) const;
  // False when resume() would do nothing.
  bool is_alive() const;

 private:
  std::shared_ptr<Target> target_;
};

enum class BodyMode : std::uint8_t {
  kStream,  // on_*_body is called for each piece; the message is sent chunked
  kBuffer,  // on_*_body is called once with all of it; beyond the cap: 413 (request), 502 (response)
};

// One request and its response, as a filter sees them.
class INGRESS_EXPORT ExchangeContext {
 public:
  virtual ~ExchangeContext() = default;
  virtual WorkerContext& worker() = 0;
  virtual std::string_view client_address() const = 0;  // without port; "unix" for a unix socket
  virtual std::uint16_t client_port() const = 0;
  virtual std::string_view listener() const = 0;  // Listener::name
  virtual std::string_view request_id() const = 0;
  virtual std::string_view route() const = 0;  // Route::name, empty when none
  // Copies; shown to on_log and in the access log under "labels".
  virtual void set_label(std::string_view name, std::string_view value) = 0;
  // Room of this filter for this exchange; empty at first.
  virtual std::any& state() = 0;
  // A handle for Verdict::wait().
  virtual Resumer suspend() = 0;
  // Asks for the body; call in on_request or on_response. The largest cap and kBuffer win. Only the first
  // 64 filters of a list can have bodies.
  virtual void want_request_body(BodyMode mode, std::size_t cap_bytes = 1 << 20) = 0;
  virtual void want_response_body(BodyMode mode, std::size_t cap_bytes = 1 << 20) = 0;
};

// All that is known of an exchange when it is over. Views end with the call.
struct ExchangeRecord {
  std::int64_t started_unix_us = 0;
  std::string_view client_address, listener;
  std::uint16_t client_port = 0;                        // 0 when a trusted proxy told the address
  std::string_view peer_address;                        // who connected: the client, or a trusted proxy
  std::string_view method, host, path, protocol;        // "HTTP/1.1"; empty where the head was unreadable
  std::uint16_t status = 0;                             // 499 when the client went before an answer
  std::uint64_t request_bytes = 0, response_bytes = 0;  // of bodies
  std::chrono::microseconds duration{0};
  std::chrono::microseconds upstream_duration{-1};  // connect to response end; -1 = no upstream
  std::string_view upstream_address;                // "10.0.0.1:80"
  std::string_view cluster, route, rule, request_id;
  std::uint32_t num_tries = 0;  // of backends
  std::string_view no_retry;    // token, why the retry policy gave up: "attempts", "budget", …
  std::string_view why;         // token, when the answer was ours or was cut: "no_route"
  std::string_view why_detail;  // refines it: "bad_request" + "two_content_lengths"; may be empty
  std::vector<std::pair<std::string, std::string>> const* labels = nullptr;
};

// Every call is on the worker's thread. Each fires at most once per exchange, except the body calls.
class INGRESS_EXPORT Filter {
 public:
  virtual ~Filter() = default;
  // After routing, before a backend is chosen. Changes of `head` are forwarded; routing is over.
  virtual Verdict on_request(RequestHead& head, ExchangeContext& context) {
    (void)head, (void)context;
    return Verdict::next();
  }
  // A piece of the request's body (all of it with kBuffer); may be changed in place. `is_last` is
  // true exactly once, perhaps with an empty piece. Only kNext and kReply may be said.
  virtual Verdict on_request_body(std::string& piece, bool is_last, ExchangeContext& context) {
    (void)piece, (void)is_last, (void)context;
    return Verdict::next();
  }
  // The backend's final head (never an interim one), before anything is sent to the client. Not
  // called for answers that we make ourselves.
  virtual Verdict on_response(ResponseHead& head, ExchangeContext& context) {
    (void)head, (void)context;
    return Verdict::next();
  }
  virtual Verdict on_response_body(std::string& piece, bool is_last, ExchangeContext& context) {
    (void)piece, (void)is_last, (void)context;
    return Verdict::next();
  }
  // Last call, always, also when the client has gone. Only for exchanges whose head was readable.
  virtual void on_log(const ExchangeRecord& record, ExchangeContext& context) { (void)record, (void)context; }
};

using FilterList = std::vector<std::unique_ptr<Filter>>;

}  // namespace ingress
