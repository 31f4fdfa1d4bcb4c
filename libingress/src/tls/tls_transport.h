// TLS over a Transport: what is above reads and writes plain bytes.
//
// Owner: whoever holds the TransportPtr; after destroy() the loop, for the rest of the turn. Thread: the
// loop's.
// Caller: as of any Transport. on_read comes when the handshake is done; one that fails, or on the server's
// side takes longer than its limit, comes as on_broken. The handler may be another from on_ready on.
// Always true: bytes of one write() leave in one write of the stream below; an idle connection holds no
// buffer and nothing of its handshake but what secure() tells.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "net/loop.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "tls/client_handshake.h"
#include "tls/handshake.h"
#include "tls/handshake_limits.h"

struct bio_method_st;
struct bio_st;
struct ssl_ctx_st;
struct ssl_st;

namespace ingress::tls {

// Of one worker. Outlives its transports.
struct TlsCounters {
  base::Counter handshakes;          // completed
  base::Counter handshakes_resumed;  // of these
  base::Counter handshakes_failed;
  std::array<base::Counter, kNumClientRefusals> clients_refused;  // of these
  base::Counter handshakes_refused;  // for HandshakeLimits; counted by who asks them
};

struct ServerTls {
  std::shared_ptr<const ServerContext> context;
  std::shared_ptr<const CertTable> certificates;          // those of the newest snapshot
  std::shared_ptr<const PolicyTable> policies = nullptr;  // of the same; may be null
  std::chrono::milliseconds handshake_limit;
  std::optional<HandshakeLimits::Place> place = {};  // given back when the handshake is over
  Protocols protocols = Protocols::kHttp;
};

// The server's side of a connection that was just accepted. Fails for lack of memory only.
std::expected<net::TransportPtr, Error> accept(net::EventLoop& loop, net::TransportPtr stream, ServerTls tls,
                                               TlsCounters& counters);

// The client's side of a connection that was just opened, likewise. How long the handshake may take is the
// caller's to say.
std::expected<net::TransportPtr, Error> connect(net::EventLoop& loop, net::TransportPtr stream, ClientTls tls,
                                                ClientTlsCounters& counters);

class TlsTransport final : public net::Transport, private net::TransportHandler, private net::SecureSession {
 public:
  TlsTransport(net::EventLoop& loop, net::TransportPtr stream, ServerTls tls, TlsCounters& counters);
  TlsTransport(net::EventLoop& loop, net::TransportPtr stream, ClientTls tls, ClientTlsCounters& counters);
  bool has_session() const { return ssl_ != nullptr; }

  void start(net::TransportHandler* handler) override;
  void set_handler(net::TransportHandler* handler) override { handler_ = handler; }
  void write(base::Chain&& bytes) override;
  std::size_t queued_bytes() const override { return stream_->queued_bytes(); }
  // Plain bytes; as long as some are queued below, those in the queue are taken for plain ones too.
  std::uint64_t written_bytes() const override;
  void pause(net::PauseReason reason) override;
  void resume(net::PauseReason reason) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  const net::PeerAddress& peer() const override { return stream_->peer(); }
  const net::PeerAddress& local() const override { return stream_->local(); }
  bool is_ready() const override { return has_opened_; }
  const net::SecureSession* secure() const override { return has_opened_ ? this : nullptr; }

 protected:
  void destroy() override;

 private:
  // kRefused: the client was told so, and has a while to read it.
  enum class State : std::uint8_t { kHandshake, kRefused, kOpen, kFailed, kClosed };
  struct FreeSsl {
    void operator()(ssl_st* ssl) const;
  };

  ~TlsTransport();

  // net::TransportHandler
  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  bool minds_reset_at_end() const override;
  void on_drained() override;
  void on_broken(Error error) override;

  // net::SecureSession
  bool may_serve(std::string_view host, std::string_view policy) const override;
  std::string_view server_name() const override { return server_name_; }
  std::string_view protocol() const override;
  std::span<const net::ClientField> client_fields() const override;

  static int bio_read(bio_st* bio, char* out, int size);
  static int bio_write(bio_st* bio, const char* bytes, int size);
  static long bio_control(bio_st* bio, int command, long, void*);
  static const bio_method_st* bio_method();

  void make_session(ssl_ctx_st* context);
  void advance();
  void advance_soon();
  bool advance_handshake();
  void finish_handshake();
  std::optional<ClientRefusal> client_refusal() const;
  bool admit_client();
  void refuse_client(ClientRefusal why);
  void read_plain();
  bool has_input() const;
  void note_plain_end();
  void encrypt(const char* bytes, std::size_t size);
  void flush();
  void fail(Error error);
  void fail(const char* what);
  void fail_later(const char* what);
  void say_goodbye();
  bool is_reading() const { return state_ == State::kOpen && pause_reasons_ == 0 && !is_plain_ended_; }
  void on_handshake_timeout();

  net::EventLoop& loop_;
  net::TransportPtr stream_;
  net::TransportHandler* handler_ = nullptr;
  std::unique_ptr<ssl_st, FreeSsl> ssl_;

  struct Beginning {  // of the server's side; gone once the handshake is done
    Beginning(TlsTransport* self, ServerTls tls, TlsCounters& counters_in);
    TlsCounters& counters;
    Handshake handshake;
    std::optional<HandshakeLimits::Place> place;
    std::chrono::milliseconds limit;
    net::Timer timer;
    const char* refused_for = "";
  };
  std::unique_ptr<Beginning> beginning_;
  std::unique_ptr<ClientHandshake> client_;  // null: the server's side
  std::string server_name_;
  // Of the certificates offered; empty: any host.
  std::vector<std::shared_ptr<const CertificateNames>> names_;
  std::unique_ptr<const std::string> policy_;                     // HostPolicy::digest(); null: none
  std::unique_ptr<std::vector<net::ClientField>> client_fields_;  // null: none

  base::Chain input_;              // read from the stream, not yet taken by BoringSSL
  base::Chain output_;             // made by BoringSSL, not yet written to the stream
  std::uint64_t plain_bytes_ = 0;  // given to BoringSSL
  State state_ = State::kHandshake;
  std::uint8_t pause_reasons_ = 0;
  bool has_opened_ = false;      // the handshake is done
  bool is_input_ended_ = false;  // the stream's
  bool is_plain_ended_ = false;  // the handler was told
  bool is_write_ended_ = false;
  bool is_advance_pending_ = false;
};

}  // namespace ingress::tls
