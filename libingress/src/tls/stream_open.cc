// Streams to others, and of sockets that are connected already.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "net/happy_eyeballs.h"
#include "net/public_loop.h"
#include "net/resolver.h"
#include "net/socket_address.h"
#include "net/stream_transport.h"
#include "net/tcp.h"
#include "tls/stream_identity.h"
#include "tls/transport_stream.h"

namespace ingress {
namespace tls {
namespace {

using Kind = net::StreamTransport::Kind;

// A connected stream socket as a transport; closes `fd` on failure.
std::expected<net::TransportPtr, Error> to_transport(net::EventLoop& loop, int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  int type = 0;
  socklen_t type_size = sizeof type;
  const int flags = fcntl(fd, F_GETFL);
  const bool is_usable = flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
                         getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_STREAM &&
                         getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0;
  if (!is_usable) {
    if (fd >= 0) ::close(fd);
    return std::unexpected(
        Error{.code = ErrorCode::kInvalidArgument, .what = "not a connected stream socket", .detail = {}});
  }
  const bool is_tcp = storage.ss_family == AF_INET || storage.ss_family == AF_INET6;
  const int on = 1;
  if (is_tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // slower without, nothing else
  auto transport =
      net::StreamTransport::adopt(loop, is_tcp ? Kind::kTcp : Kind::kUnix, fd, net::to_peer_address(storage));
  if (!transport) return std::unexpected(net::io_error("cannot use the socket", transport.error()));
  return std::move(*transport);
}

std::expected<net::TransportPtr, Error> connect_unix(net::EventLoop& loop, std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != path.npos)
    return std::unexpected(Error{.code = ErrorCode::kInvalidArgument,
                                 .what = "not a path that a socket may have",
                                 .detail = std::string(path)});
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(net::io_error("cannot make a socket", -errno));
  // Done at once, or never: without room in the queue of the other end it is EAGAIN.
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int status = -errno;
    ::close(fd);
    return std::unexpected(net::connect_error(status));
  }
  return to_transport(loop, fd);
}

}  // namespace

// From a name to a stream. Owner: the application, by its handle.
class StreamOpening final : public StreamHandle, private net::TransportHandler {
 public:
  StreamOpening(net::EventLoop& loop, StreamAddress address, const StreamIdentity* identity,
                std::chrono::milliseconds timeout, OnStreamOpened on_opened)
      : loop_(loop),
        address_(std::move(address)),
        timeout_(timeout),
        on_opened_(std::move(on_opened)),
        self_(std::make_shared<StreamOpening*>(this)) {
    deadline_.set(loop.timers(), timeout);
    if (identity != nullptr) identity_ = *identity;
    loop_.defer([self = self_] {
      if (*self != nullptr) (*self)->begin();
    });
  }
  StreamOpening(const StreamOpening&) = delete;
  StreamOpening& operator=(const StreamOpening&) = delete;
  ~StreamOpening() override {
    *self_ = nullptr;
    transport_.reset();
    if (side_) loop_.defer([side = std::move(side_)] {});
  }

 private:
  void begin() {
    const bool is_unix = address_.host.starts_with("unix:");
    if (!identity_ && !is_unix)
      return finish(std::unexpected(Error{.code = ErrorCode::kInvalidArgument,
                                          .what = "TCP without TLS: both ends have to prove who they are",
                                          .detail = address_.host}));
    if (identity_) {
      auto side = make_client_side(*identity_);
      if (!side) return finish(std::unexpected(std::move(side.error())));
      side_ = std::move(*side);
    }
    if (is_unix) return on_connected(connect_unix(loop_, net::unix_path(address_.host)));
    auto resolver = net::Resolver::create(loop_);
    if (!resolver) return finish(std::unexpected(std::move(resolver.error())));
    resolver_ = std::move(*resolver);
    resolver_->resolve(address_.host, [self = self_](std::expected<std::vector<std::string>, Error> found) {
      if (*self != nullptr) (*self)->on_resolved(std::move(found));
    });
  }

  void on_resolved(std::expected<std::vector<std::string>, Error> addresses) {
    if (!addresses) return finish(std::unexpected(std::move(addresses.error())));
    race_.emplace(
        loop_.timers(), std::move(*addresses),
        [this](const std::string& address, net::OnConnect on_connect) {
          return net::connect(loop_, address, address_.port, timeout_, std::move(on_connect));
        },
        [this](std::expected<net::TransportPtr, Error> transport) { on_connected(std::move(transport)); });
  }

  void on_connected(std::expected<net::TransportPtr, Error> transport) {
    if (!transport) return finish(std::unexpected(std::move(transport.error())));
    if (!side_)
      return finish(std::make_unique<TransportStream>(loop_, std::move(*transport),
                                                      TransportStream::Transport::kFresh, nullptr));
    const bool is_unix = address_.host.starts_with("unix:");
    auto secured = connect(loop_, std::move(*transport),
                           {.context = side_->context,
                            .address = is_unix ? std::string("localhost") : address_.host,
                            .port = address_.port},
                           side_->counters);
    if (!secured) return finish(std::unexpected(std::move(secured.error())));
    transport_ = std::move(*secured);
    transport_->start(this);
  }

  void on_ready() override {
    transport_->pause(net::PauseReason::kBusy);
    finish(std::make_unique<TransportStream>(loop_, std::move(transport_), TransportStream::Transport::kBegun,
                                             side_));
  }
  void on_broken(Error error) override { finish(std::unexpected(std::move(error))); }
  // Not before the handshake is done.
  void on_read(base::Slice) override {}
  void on_read_end() override {}
  void on_drained() override {}

  void on_deadline() {
    finish(std::unexpected(Error{.code = ErrorCode::kTimeout,
                                 .side = ErrorSide::kUpstream,
                                 .retry = RetrySafety::kSafe,
                                 .what = "no connection within the time for it",
                                 .detail = {}}));
  }
  // Last: the callee may destroy this.
  void finish(std::expected<std::unique_ptr<Stream>, Error> result) {
    deadline_.cancel();
    if (on_opened_) std::exchange(on_opened_, nullptr)(std::move(result));
  }

  net::EventLoop& loop_;
  StreamAddress address_;
  std::optional<StreamIdentity> identity_;
  std::chrono::milliseconds timeout_;
  OnStreamOpened on_opened_;
  std::shared_ptr<StreamOpening*> self_;  // for deferred calls: null once this is gone
  net::Timer deadline_{[](void* self) { static_cast<StreamOpening*>(self)->on_deadline(); }, this};
  std::unique_ptr<net::Resolver> resolver_;
  std::optional<net::ConnectRace> race_;
  std::shared_ptr<StreamClientSide> side_;
  net::TransportPtr transport_;
};

}  // namespace tls

std::unique_ptr<StreamHandle> open_stream(Loop& loop, const StreamAddress& address,
                                          const StreamIdentity* identity, std::chrono::milliseconds timeout,
                                          OnStreamOpened on_opened) {
  return std::make_unique<tls::StreamOpening>(*loop.impl().event_loop, address, identity, timeout,
                                              std::move(on_opened));
}

std::expected<std::unique_ptr<Stream>, Error> adopt_stream(Loop& loop, int fd) {
  net::EventLoop& event_loop = *loop.impl().event_loop;
  auto transport = tls::to_transport(event_loop, fd);
  if (!transport) return std::unexpected(std::move(transport.error()));
  return std::make_unique<tls::TransportStream>(event_loop, std::move(*transport),
                                                tls::TransportStream::Transport::kFresh, nullptr);
}

}  // namespace ingress
