// Streams that come by a listening socket.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <utility>

#include "net/public_loop.h"
#include "net/socket_address.h"
#include "net/tcp.h"
#include "tls/stream_identity.h"
#include "tls/transport_stream.h"

namespace ingress {
namespace tls {
namespace {

constexpr std::chrono::milliseconds kHandshakeLimit{10'000};
constexpr std::size_t kMaxHandshakes = 64;

}  // namespace

// What callbacks may outlive. Owner: the handle, and callbacks that run.
class StreamAccepting final : public std::enable_shared_from_this<StreamAccepting> {
 public:
  using OnStream = std::function<void(std::unique_ptr<Stream>)>;
  using OnRefused = std::function<void(const Error&)>;

  StreamAccepting(net::EventLoop& loop, std::shared_ptr<StreamServerSide> side, OnStream on_stream,
                  OnRefused on_refused)
      : loop_(loop),
        side_(std::move(side)),
        on_stream_(std::move(on_stream)),
        on_refused_(std::move(on_refused)) {}

  std::expected<void, Error> listen(int fd) {
    auto acceptor = net::Acceptor::create(loop_, fd, [this](net::TransportPtr transport) {
      const auto held = shared_from_this();
      on_accept(std::move(transport));
    });
    if (!acceptor) return std::unexpected(std::move(acceptor.error()));
    acceptor_ = std::move(*acceptor);
    return {};
  }
  // Nothing is told any more.
  void close() {
    acceptor_.reset();
    pending_.clear();
    if (side_) loop_.defer([side = side_] {});
    on_stream_ = nullptr;
    on_refused_ = nullptr;
  }

 private:
  // One handshake.
  class Pending final : public net::TransportHandler {
   public:
    Pending(StreamAccepting& owner, net::TransportPtr transport_in)
        : transport(std::move(transport_in)), owner_(owner) {}
    void on_ready() override { owner_.on_ready(*this); }
    void on_broken(Error error) override { owner_.on_failed(*this, std::move(error)); }
    // Not before the handshake is done.
    void on_read(base::Slice) override {}
    void on_read_end() override {}
    void on_drained() override {}
    net::TransportPtr transport;
    std::list<Pending>::iterator place;

   private:
    StreamAccepting& owner_;
  };

  void on_accept(net::TransportPtr transport) {
    if (!side_) {
      return give(std::make_unique<TransportStream>(loop_, std::move(transport),
                                                    TransportStream::Transport::kFresh, nullptr));
    }
    const net::PeerAddress peer = transport->peer();
    if (pending_.size() >= kMaxHandshakes)
      return refuse({.code = ErrorCode::kOverload, .what = "too many handshakes", .detail = {}}, peer);
    auto secured = accept(loop_, std::move(transport),
                          {.context = side_->context,
                           .certificates = side_->certificates,
                           .handshake_limit = kHandshakeLimit,
                           .protocols = Protocols::kNone},
                          side_->counters);
    if (!secured) return refuse(std::move(secured.error()), peer);
    Pending& pending = pending_.emplace_back(*this, std::move(*secured));
    pending.place = std::prev(pending_.end());
    pending.transport->start(&pending);
  }

  void on_ready(Pending& pending) {
    const auto held = shared_from_this();
    net::TransportPtr transport = std::move(pending.transport);
    pending_.erase(pending.place);
    transport->pause(net::PauseReason::kBusy);
    give(std::make_unique<TransportStream>(loop_, std::move(transport), TransportStream::Transport::kBegun,
                                           side_));
  }

  void on_failed(Pending& pending, Error error) {
    const auto held = shared_from_this();
    const net::PeerAddress peer = pending.transport->peer();
    pending_.erase(pending.place);
    refuse(std::move(error), peer);
  }

  // Last: the callee may close this, which somebody on the stack holds, and with it the function: a copy.
  void give(std::unique_ptr<Stream> stream) {
    const OnStream on_stream = on_stream_;
    if (on_stream) on_stream(std::move(stream));
  }
  void refuse(Error error, const net::PeerAddress& peer) {
    if (error.detail.empty()) error.detail = to_text(peer);
    const OnRefused on_refused = on_refused_;
    if (on_refused) on_refused(error);
  }

  net::EventLoop& loop_;
  std::shared_ptr<StreamServerSide> side_;  // null: no TLS
  OnStream on_stream_;
  OnRefused on_refused_;
  std::unique_ptr<net::Acceptor> acceptor_;
  std::list<Pending> pending_;
};

namespace {

class AcceptHandle final : public StreamHandle {
 public:
  explicit AcceptHandle(std::shared_ptr<StreamAccepting> accepting) : accepting_(std::move(accepting)) {}
  AcceptHandle(const AcceptHandle&) = delete;
  AcceptHandle& operator=(const AcceptHandle&) = delete;
  ~AcceptHandle() override { accepting_->close(); }

 private:
  std::shared_ptr<StreamAccepting> accepting_;
};

bool is_unix_socket(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0 && storage.ss_family == AF_UNIX;
}

}  // namespace
}  // namespace tls

std::expected<std::unique_ptr<StreamHandle>, Error> accept_streams(
    Loop& loop, int listening_fd, const StreamIdentity* identity,
    std::function<void(std::unique_ptr<Stream>)> on_stream, std::function<void(const Error&)> on_refused) {
  const auto fail = [&](Error error) {
    if (listening_fd >= 0) ::close(listening_fd);
    return std::unexpected(std::move(error));
  };
  std::shared_ptr<tls::StreamServerSide> side;
  if (identity != nullptr) {
    auto made = tls::make_server_side(*identity);
    if (!made) return fail(std::move(made.error()));
    side = std::move(*made);
  } else if (!tls::is_unix_socket(listening_fd)) {
    return fail({.code = ErrorCode::kInvalidArgument,
                 .what = "TCP without TLS: both ends have to prove who they are",
                 .detail = {}});
  }
  const int flags = fcntl(listening_fd, F_GETFL);
  if (flags < 0 || fcntl(listening_fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return fail(net::io_error("cannot use the socket", -errno));
  auto accepting = std::make_shared<tls::StreamAccepting>(*loop.impl().event_loop, std::move(side),
                                                          std::move(on_stream), std::move(on_refused));
  if (auto listening = accepting->listen(listening_fd); !listening)
    return std::unexpected(std::move(listening.error()));
  return std::make_unique<tls::AcceptHandle>(std::move(accepting));
}

}  // namespace ingress
