// One request and its response, from the complete request head to the access log line.
//
// The phases are one enum, run by one short loop (run() in exchange.cc); everything that happens from
// outside only leaves a fact behind and runs the loop again. What may fail enters fail(), which asks once
// whether another try is safe; after the response head has been sent it can only cut the stream.
// Owner: the worker's pool; lent to a downstream connection per request. Thread: the worker's.
// Caller: start(), then the on_request_* and on_client_* events until DownstreamStream::finish().
// Always true: served from exactly one snapshot, pinned until the response head has been sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/filter.h"
#include "net/timer_wheel.h"
#include "policy/filter_chain.h"
#include "proxy/body_pipe.h"
#include "proxy/downstream_stream.h"
#include "proxy/grpc_call.h"
#include "proxy/mirror.h"
#include "proxy/services.h"
#include "proxy/tries.h"
#include "proxy/tunnel.h"
#include "routing/compiled_route.h"
#include "upstream/open_stream.h"

namespace ingress::proxy {

enum class Phase : std::uint8_t {
  kIdle,  // in the pool
  kRoute,
  kRequestFilters,
  kHoldRequest,  // a filter wants the whole body first
  kBackOff,      // before another try
  kPickUpstream,
  kConnect,
  kSendRequest,    // head and body on their way; the response may come any time
  kAwaitResponse,  // request sent
  kResponseFilters,
  kHoldResponse,  // a filter wants the whole body first
  kRelay,         // response head sent
  kTunnel,        // a 101 was; only bytes are passed on
  kDone,
};

class Exchange final : public ExchangeContext,
                       private upstream::UpstreamEvents,
                       private upstream::ConnectionWaiter {
 public:
  explicit Exchange(Services& services);
  ~Exchange() override;

  // Serves the request. Answers may be sent from inside this call.
  void start(DownstreamStream& stream, const RequestStart& start);
  // Answers a request that cannot be served, in place of start().
  void refuse(DownstreamStream& stream, const RequestStart& start, Error error);

  void on_request_body(base::Chain&& piece) {
    if (grpc_.web) return push_grpc_web(std::move(piece));
    request_.push(std::move(piece));
  }
  // `trailers` stay valid until finish().
  void on_request_end(const Headers& trailers) {
    request_.end(trailers.is_empty() ? trailers : passing_trailers(trailers));
  }
  // Once after each read that brought one of the two above.
  void on_request_read_done();
  // The body is broken or did not come in time.
  void on_request_failed(Error error) { fail(std::move(error)); }
  void on_client_drained();
  // After DownstreamStream::begin_tunnel(): what the client sends, and that it ended its half (may be told
  // again).
  void on_tunnel_bytes(base::Chain&& bytes);
  void on_tunnel_end();
  // The time for tunnels is over.
  void on_tunnel_drain();
  // The client cannot be answered any more.
  void on_client_gone(Error error);
  Phase phase() const { return phase_; }
  // One of gRPC, whose two directions may go on for as long as they like.
  bool is_call() const { return grpc_.is_call; }

  // ExchangeContext
  WorkerContext& worker() override { return services_.context; }
  std::string_view client_address() const override { return client_address_; }
  std::uint16_t client_port() const override { return client_port_; }
  std::string_view listener() const override { return start_->listener.name; }
  std::string_view request_id() const override { return request_id_; }
  std::string_view route() const override {
    return rule_ ? std::string_view(rule_->route->name) : route_name_;
  }
  void set_label(std::string_view name, std::string_view value) override;
  std::any& state() override { return filters_.state(); }
  Resumer suspend() override;
  void want_request_body(BodyMode mode, std::size_t cap_bytes) override;
  void want_response_body(BodyMode mode, std::size_t cap_bytes) override;

 private:
  friend class ingress::Resumer;  // resume()
  enum class Step : std::uint8_t { kGoOn, kWait };

  // exchange.cc: the story
  void prepare(DownstreamStream& stream, const RequestStart& start);
  void run();
  Step step();
  Step route_request();
  void set_client_facts();
  void set_certificate_fields();
  const Headers& passing_trailers(const Headers& trailers);
  Step filter_request();
  Step hold_request();
  Step filter_response();
  Step hold_response();
  Step take_verdict(Verdict verdict, Phase next);
  Step take_stage_result(policy::StageResult result, BodyPipe& pipe);
  void resume(Verdict verdict);
  void drop_resumer();

  // exchange_https.cc: requests that should have come by TLS, and those that did
  bool may_come_this_way(std::string_view host) const;
  bool belongs_on_https() const;
  void redirect_to_https();
  bool wants_hsts() const { return rule_ != nullptr && rule_->value->hsts && start_->secure != nullptr; }
  void tell_hsts(ResponseHead& head) const;

  // exchange_grpc.cc: calls of gRPC
  bool begin_grpc();
  bool take_grpc_timeout();
  void write_grpc_head();
  void tell_grpc_timeout();
  void on_deadline();
  bool is_grpc_call() const;
  void push_grpc_web(base::Chain&& piece);
  bool check_grpc_web();
  void answer_grpc(ErrorCode code, std::uint16_t http_status);
  void answer_grpc(std::uint16_t http_status, std::string_view text);
  void answer_grpc(const Reply& reply);
  void send_grpc_answer(ResponseHead& head, http::GrpcStatus status, std::string_view message);
  void note_grpc_head(http::BodyFraming framing);
  void note_grpc_status(const Headers& headers);
  bool end_grpc(const Error& error, std::uint16_t http_status);
  void label_grpc_status();
  void forget_grpc();

  // exchange_upstream.cc: the backend's side
  Step pick_upstream();
  Step open_connection();
  Step send_request();
  enum class Waiting : std::uint8_t { kNothing, kForConnection, kToWrite, kForHead, kForBody };
  void on_connected(std::expected<upstream::ClientStreamPtr, Error> stream);
  upstream::StreamNeeds stream_needs() const;
  void begin_attempt();
  void note_outcome(upstream::TryOutcome outcome);
  void release_upstream();
  http::BodyFraming upstream_framing() const;
  std::string proxy_header_for(const Cluster& cluster) const;
  void on_response_interim(ResponseHead& head) override;
  void on_response_head(ResponseHead& head, http::BodyFraming framing) override;
  void on_response_body(base::Chain&& piece) override;
  void on_response_end(const Headers& trailers) override;
  void on_response_read_done() override;
  void on_upstream_drained() override;
  void on_upstream_failed(Error error) override;
  void note_failure(const Error& error);
  void on_step_timeout();
  void watch_upstream();
  void wait_for(Waiting waiting, std::chrono::milliseconds limit);

  // exchange_limits.cc: the limits of a cluster that hold for the process
  bool take_request_permit();
  bool take_retry_permit();
  Step wait_for_connection();
  void on_connection_granted(upstream::Permit permit, upstream::ClientStreamPtr stream) override;

  // exchange_relay.cc: bodies
  void pump_request();
  void pump_response();
  void commit(http::BodyFraming framing);

  // exchange_tunnel.cc: upgrades
  void put_back_offer();
  void take_upgrade(ResponseHead& head);
  void begin_tunnel();
  void end_tunnel(TunnelEnd how);
  void end_tunnel_if_over();
  // The 101 has been sent, whatever the phase is now.
  bool was_upgraded() const { return status_ == 101; }

  // exchange_retry.cc: another try
  const RetryPolicy* retry_policy() const;
  bool try_again(const Error& error);
  bool try_again(policy::TryFailure failure, RetrySafety safety);
  bool take_retry_place(const RetryBudget& budget);
  void refuse_retry(policy::RetryRefusal refusal);
  bool wait_for_descriptors(const Error& error);
  void back_off(policy::TryFailure failure, const RetryBackoff& backoff);
  void begin_next_try();
  void drain_refused(base::Chain&& piece);
  void start_try_clock();
  void begin_sending();
  Replay choose_replay() const;
  void tell_deadline();
  void keep_for_retry(base::Chain& piece);
  void compact_kept();
  void on_try_timeout();
  void on_backend_timeout();

  // exchange_mirror.cc: copies of the request for others
  void begin_mirrors();
  void end_mirrors();
  policy::StageResult pull_mirrored(base::Chain& out);

  // exchange_reply.cc: answers of our own, the end
  void fail(Error error);
  void answer(const FixedReply& reply);
  void answer(const Reply& reply);
  void answer(std::uint16_t status, std::string_view text);
  void send_answer(ResponseHead& head, std::string_view body);
  void cut(const Error& error);
  void end(Finish how);

  // exchange_log.cc
  void note_why(ErrorCode code, std::string_view detail);
  void unpin();
  void log();
  // Whether anybody will ask how it went, beyond what is counted.
  bool is_recorded() const { return services_.access_log != nullptr || !filters_.is_empty(); }
  void forget();

  // What it holds of the limits of its cluster; all empty for a cluster without any.
  struct LimitUse {
    std::shared_ptr<upstream::BreakerGate> gate;
    CircuitBreakers limits;
    upstream::Permit request, retry;
    upstream::Permit connection;  // to be opened, or while it connects
    upstream::BreakerGate::Ticket ticket;
  };

  Services& services_;
  DownstreamStream* stream_ = nullptr;
  std::optional<RequestStart> start_;
  std::unique_ptr<Headers> kept_trailers_;  // of the request, where some were left out
  Phase phase_ = Phase::kIdle;
  bool is_running_ = false;    // run() is on the stack: events only leave facts
  bool is_in_read_ = false;    // on_request_read_done() is still to come: nothing is flushed before
  bool is_suspended_ = false;  // a filter said wait
  // Of the client's request, whatever filters have made of it since.
  bool is_head_request_ = false;

  // Valid while pinned.
  WorkerView* view_ = nullptr;
  const routing::CompiledRule* rule_ = nullptr;
  const upstream::ClusterEntry* cluster_ = nullptr;
  // Copies of what is needed after unpinning.
  std::string route_name_, rule_name_, cluster_name_;
  ClusterTimeouts cluster_timeouts_;
  ClusterLimits cluster_limits_;

  policy::FilterChain filters_;
  std::shared_ptr<Resumer::Target> resumer_;  // made on demand
  std::vector<std::pair<std::string, std::string>> labels_;

  BodyPipe request_{policy::Direction::kRequest};
  BodyPipe response_{policy::Direction::kResponse};
  base::Chain held_request_, held_response_;  // what left the filters and was not sent yet

  LimitUse limit_use_;
  std::vector<MirrorFeed> mirrors_;
  bool is_mirrored_ = false;
  Tries tries_;
  upstream::EndpointRef endpoint_;
  bool has_sent_body_ = false;  // bytes of the body left: a further try needs them again
  bool is_request_sent_ = false;
  bool has_sent_interim_ = false;    // since the last flush
  bool is_response_paused_ = false;  // the client does not keep up
  Waiting waiting_ = Waiting::kNothing;
  std::string proxy_header_;  // that connections of this request begin with; empty: none
  std::unique_ptr<upstream::Connector::Attempt> attempt_;
  upstream::ClientStreamPtr conn_;         // the connection to the backend, or a stream of one
  ResponseHead* response_head_ = nullptr;  // in conn_
  http::BodyFraming response_framing_;
  std::int64_t kept_length_ = -1;
  bool has_answer_body_ = false;  // bytes may follow the head that was sent
  // Protocols that the client offers, then the one that the backend chose. Of the heads.
  std::string_view upgrade_;
  std::unique_ptr<Tunnel> tunnel_;  // from the backend's 101 on
  GrpcCall grpc_;

  net::Timer deadline_;            // the whole request
  net::Timer step_timer_;          // the backend's next move
  std::size_t queued_before_ = 0;  // when step_timer_ was set for kToWrite

  // For the log.
  std::string request_id_;
  std::string_view client_address_;  // whom the peer speaks for: of the peer, or of a header field
  std::uint16_t client_port_ = 0;    // 0 = not known
  std::int64_t started_us_ = 0, upstream_started_us_ = -1, upstream_us_ = -1, ended_us_ = -1;
  std::int64_t try_started_us_ = -1;  // -1 = nobody asks how long it takes
  std::uint16_t status_ = 0;
  std::uint64_t response_bytes_ = 0;
  std::string why_, why_detail_, upstream_label_;
};

}  // namespace ingress::proxy
