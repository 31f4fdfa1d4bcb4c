#include "tls/tls_transport.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "tls/boring.h"

namespace ingress::tls {
namespace {

constexpr std::size_t kMaxRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
// More than this is not copied to fill a record with what comes behind it.
constexpr std::size_t kWorthARecord = kMaxRecordBytes / 2;
// Decrypted before the handler is asked whether it wants more.
constexpr std::size_t kMaxPlainBytes = 64 * 1024;

}  // namespace

std::expected<net::TransportPtr, Error> accept(net::EventLoop& loop, net::TransportPtr stream, ServerTls tls,
                                               TlsCounters& counters) {
  auto* made = new TlsTransport(loop, std::move(stream), std::move(tls), counters);
  net::TransportPtr transport(made);
  if (!made->has_session())
    return std::unexpected(Error{.code = ErrorCode::kOverload, .what = "tls_memory", .detail = {}});
  return transport;
}

std::expected<net::TransportPtr, Error> connect(net::EventLoop& loop, net::TransportPtr stream, ClientTls tls,
                                                ClientTlsCounters& counters) {
  auto* made = new TlsTransport(loop, std::move(stream), std::move(tls), counters);
  net::TransportPtr transport(made);
  if (!made->has_session())
    return std::unexpected(Error{.code = ErrorCode::kOverload, .what = "tls_memory", .detail = {}});
  return transport;
}

TlsTransport::Beginning::Beginning(TlsTransport* self, ServerTls tls, TlsCounters& counters_in)
    : counters(counters_in),
      handshake(std::move(tls.context), std::move(tls.certificates), std::move(tls.policies), tls.protocols),
      place(std::move(tls.place)),
      limit(tls.handshake_limit),
      timer([](void* owner) { static_cast<TlsTransport*>(owner)->on_handshake_timeout(); }, self) {}

TlsTransport::TlsTransport(net::EventLoop& loop, net::TransportPtr stream, ServerTls tls,
                           TlsCounters& counters)
    : loop_(loop), stream_(std::move(stream)) {
  const ErrorScope errors;
  SSL_CTX* context = tls.context->ssl_context();
  beginning_ = std::make_unique<Beginning>(this, std::move(tls), counters);
  make_session(context);
  if (!ssl_) return;
  SSL_set_accept_state(ssl_.get());
  beginning_->handshake.attach(*ssl_);
}

TlsTransport::TlsTransport(net::EventLoop& loop, net::TransportPtr stream, ClientTls tls,
                           ClientTlsCounters& counters)
    : loop_(loop),
      stream_(std::move(stream)),
      client_(std::make_unique<ClientHandshake>(std::move(tls), counters)) {
  const ErrorScope errors;
  make_session(client_->ssl_context());
  if (!ssl_) return;
  SSL_set_connect_state(ssl_.get());
  if (!client_->attach(*ssl_)) ssl_.reset();
}

// Null for lack of memory.
void TlsTransport::make_session(ssl_ctx_st* context) {
  ssl_.reset(SSL_new(context));
  BIO* bio = BIO_new(bio_method());
  if (!ssl_ || bio == nullptr) {
    BIO_free(bio);
    ssl_.reset();
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes it over
  SSL_set_shed_handshake_config(ssl_.get(), 1);
}

TlsTransport::~TlsTransport() = default;

void TlsTransport::FreeSsl::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

void TlsTransport::start(net::TransportHandler* handler) {
  handler_ = handler;
  if (state_ != State::kHandshake) return;
  if (beginning_) beginning_->timer.set(loop_.timers(), beginning_->limit);
  stream_->start(this);
  if (client_) advance_soon();  // the client speaks first
}

void TlsTransport::destroy() {
  close();
  stream_.reset();
  // Our own functions may be on the stack, and calls that were deferred before still point here.
  loop_.defer([this] { delete this; });
}

void TlsTransport::close() {
  if (state_ == State::kClosed) return;
  if (beginning_ && state_ == State::kHandshake) beginning_->counters.handshakes_failed.add();
  say_goodbye();
  state_ = State::kClosed;
  beginning_.reset();
  input_.clear();
  output_.clear();
  if (stream_) stream_->close();
}

void TlsTransport::reset() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  beginning_.reset();
  input_.clear();
  output_.clear();
  stream_->reset();
}

void TlsTransport::shutdown_write() {
  if (is_write_ended_ || state_ == State::kClosed || state_ == State::kFailed || state_ == State::kRefused)
    return;
  say_goodbye();
  is_write_ended_ = true;
  stream_->shutdown_write();
}

// close_notify (RFC 8446 6.1): what the client got is all there is.
void TlsTransport::say_goodbye() {
  if (state_ != State::kOpen || is_write_ended_) return;
  const ErrorScope errors;
  SSL_shutdown(ssl_.get());
  flush();
}

void TlsTransport::pause(net::PauseReason reason) {
  pause_reasons_ |= static_cast<std::uint8_t>(reason);
  stream_->pause(reason);
}

void TlsTransport::resume(net::PauseReason reason) {
  const bool was_paused = pause_reasons_ != 0;
  pause_reasons_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
  stream_->resume(reason);
  // What is here already will not be announced by the stream: bytes, and the end that came behind them.
  if (!was_paused || !is_reading() || is_advance_pending_) return;
  if (has_input()) advance_soon();
}

void TlsTransport::advance_soon() {
  is_advance_pending_ = true;
  loop_.defer([this] {
    is_advance_pending_ = false;
    advance();
  });
}

std::uint64_t TlsTransport::written_bytes() const {
  return plain_bytes_ - std::min<std::uint64_t>(plain_bytes_, stream_->queued_bytes());
}

bool TlsTransport::minds_reset_at_end() const {
  return state_ != State::kOpen || handler_->minds_reset_at_end();
}

void TlsTransport::on_read(base::Slice bytes) {
  // Behind close_notify and a refusal nothing has a meaning.
  if (is_plain_ended_ || state_ == State::kFailed || state_ == State::kRefused) return;
  input_.append(std::move(bytes));
  advance();
}

void TlsTransport::on_read_end() {
  is_input_ended_ = true;
  advance();
}

void TlsTransport::on_drained() {
  if (state_ == State::kOpen) handler_->on_drained();
}

void TlsTransport::on_broken(Error error) {
  const bool is_in_handshake = client_ && state_ == State::kHandshake;
  fail(is_in_handshake ? client_->on_failed(0, ClientHandshake::Stream::kEnded) : std::move(error));
}

void TlsTransport::on_handshake_timeout() {
  fail(state_ == State::kRefused ? beginning_->refused_for : "tls_handshake_timeout");
}

// From the loop only: tells the handler what there is to tell.
void TlsTransport::advance() {
  if (state_ == State::kRefused) return fail(beginning_->refused_for);  // it has ended too
  if (state_ == State::kHandshake && !advance_handshake()) return;
  if (is_reading()) read_plain();
}

// Whether the handshake is done.
bool TlsTransport::advance_handshake() {
  const ErrorScope errors;
  const int result = SSL_do_handshake(ssl_.get());
  flush();  // an alert too
  if (result == 1) {
    if (!client_ && !admit_client()) return false;
    finish_handshake();
    return true;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ && !is_input_ended_) return false;
  if (client_) {
    using Stream = ClientHandshake::Stream;
    fail(client_->on_failed(ERR_peek_error(), is_input_ended_ ? Stream::kEnded : Stream::kOpen));
    return false;
  }
  if (const auto why = client_refusal()) {
    refuse_client(*why);
    return false;
  }
  fail(is_input_ended_ ? "tls_closed_in_handshake" : "tls_handshake_failed");
  return false;
}

void TlsTransport::finish_handshake() {
  if (client_) {
    client_->on_done(*ssl_);
  } else {
    beginning_->counters.handshakes.add();
    if (SSL_session_reused(ssl_.get())) beginning_->counters.handshakes_resumed.add();
    Handshake& handshake = beginning_->handshake;
    server_name_ = handshake.server_name();
    if (!server_name_.empty() && !handshake.is_default()) names_ = handshake.names();
    if (handshake.policy() != nullptr)
      policy_ = std::make_unique<const std::string>(handshake.policy()->digest());
    SSL_set_app_data(ssl_.get(), nullptr);
    beginning_.reset();
  }
  state_ = State::kOpen;
  has_opened_ = true;
  handler_->on_ready();
}

// SSL_read() and SSL_write() begin with a clean error queue by themselves; to clear it around each once more
// would cost as much as to decrypt a small record.
void TlsTransport::read_plain() {
  while (is_reading()) {
    const std::span<char> space = loop_.read_space();
    const std::size_t room = std::min(space.size(), kMaxPlainBytes);
    std::size_t size = 0;
    int result = 1;
    while (result > 0 && size < room && (size == 0 || has_input())) {
      result = SSL_read(ssl_.get(), space.data() + size, static_cast<int>(room - size));
      if (result > 0) size += static_cast<std::size_t>(result);
    }
    const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    if (size > 0) handler_->on_read(loop_.take_read(size));
    if (result > 0 && has_input()) continue;
    if (error == SSL_ERROR_SSL) {
      auto refused = client_ ? client_->on_refused(ERR_peek_error()) : std::nullopt;
      ERR_clear_error();
      flush();  // the alert
      refused ? fail(std::move(*refused)) : fail("tls_record");
    } else if (error != SSL_ERROR_NONE && (error != SSL_ERROR_WANT_READ || is_input_ended_)) {
      note_plain_end();
    }
    break;
  }
  if (state_ == State::kOpen) flush();  // answers to key updates
}

// Whether another SSL_read() may bring something: bytes, or the end behind them.
bool TlsTransport::has_input() const {
  return !input_.is_empty() || is_input_ended_ || SSL_has_pending(ssl_.get()) ||
         (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

// The peer's close_notify, or the end of the stream without one: whether a request was cut is for its framing
// to say. A response may end with the stream, and then only close_notify tells it from one that somebody in
// between has cut (RFC 9112 9.8).
void TlsTransport::note_plain_end() {
  if (!is_reading()) return;  // resume() comes back here
  if (client_ && (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) == 0) return fail("tls_cut");
  is_plain_ended_ = true;
  input_.clear();
  handler_->on_read_end();
}

void TlsTransport::write(base::Chain&& bytes) {
  if (state_ != State::kOpen || is_write_ended_) {
    bytes.clear();
    return;
  }
  // Records are filled, so that a head and a small body are one; a large piece is not copied for that.
  char record[kMaxRecordBytes];
  std::size_t filled = 0;
  plain_bytes_ += bytes.size_bytes();
  while (!bytes.is_empty()) {
    const base::Slice slice = bytes.take_front();
    std::string_view rest = slice.view();
    while (!rest.empty()) {
      if (filled == 0 && (rest.size() >= kWorthARecord || bytes.is_empty())) {
        const std::size_t part = std::min(rest.size(), kMaxRecordBytes);
        encrypt(rest.data(), part);
        rest.remove_prefix(part);
        continue;
      }
      const std::size_t part = std::min(rest.size(), kMaxRecordBytes - filled);
      std::memcpy(record + filled, rest.data(), part);
      filled += part;
      rest.remove_prefix(part);
      if (filled == kMaxRecordBytes) encrypt(record, std::exchange(filled, 0));
    }
  }
  if (filled > 0) encrypt(record, filled);
  flush();
}

void TlsTransport::encrypt(const char* bytes, std::size_t size) {
  // Takes all or fails: what it writes to never refuses.
  if (SSL_write(ssl_.get(), bytes, static_cast<int>(size)) != static_cast<int>(size)) {
    ERR_clear_error();
    fail_later("tls_write");
  }
}

void TlsTransport::flush() {
  if (output_.is_empty()) return;
  stream_->write(std::move(output_));
  output_.clear();  // keeps its array
}

void TlsTransport::fail(const char* what) {
  const ErrorSide side = client_ ? ErrorSide::kUpstream : ErrorSide::kDownstream;
  fail({.code = ErrorCode::kIo, .side = side, .what = what, .detail = {}});
}

// Once; what comes later has nothing to add.
void TlsTransport::fail(Error error) {
  if (state_ == State::kFailed || state_ == State::kClosed) return;
  if (beginning_ && state_ == State::kHandshake) beginning_->counters.handshakes_failed.add();
  state_ = State::kFailed;
  beginning_.reset();
  handler_->on_broken(std::move(error));
}

// From inside a call of the owner's.
void TlsTransport::fail_later(const char* what) {
  loop_.defer([this, what] { fail(what); });
}

// Which of several certificates was shown only BoringSSL knows, and not when a session is resumed: all have
// to prove the host. That the one shown is not for the name that the client asked for is the client's to
// judge.
bool TlsTransport::may_serve(std::string_view host, std::string_view policy) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host == server_name_) return true;
  return policy == (policy_ ? std::string_view(*policy_) : std::string_view()) &&
         std::ranges::all_of(names_, [&](const auto& names) { return names->cover(host); });
}

std::string_view TlsTransport::protocol() const {
  const std::uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace ingress::tls
