#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "net/socket_address.h"
#include "net/stream_transport.h"
#include "net/tcp.h"

namespace ingress::net {

namespace {

// Accepted per turn of the loop: a storm of clients must not starve the connections there are.
constexpr int kMaxBatch = 64;
constexpr std::chrono::milliseconds kBackOff{100};

int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool is_out_of_descriptors(int error_number) {
  return error_number == EMFILE || error_number == ENFILE;
}

// Errors of the connection that was to be accepted, not of the listening socket: accept(2), "Error
// handling". The next one may be fine.
bool is_of_one_client(int error_number) {
  switch (error_number) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

// The socket and its uv_poll. Owner: the AcceptorImpl and, until the close callback, the loop; so an
// Acceptor may be destroyed inside its own on_accept.
class Core {
 public:
  Core(EventLoop& loop, int fd, Acceptor::OnAccept on_accept, base::Counter* refused)
      : loop_(loop),
        fd_(fd),
        reserve_fd_(open_reserve()),
        refused_(refused),
        on_accept_(std::move(on_accept)) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  int open();
  // Calls on_accept from inside, unless called from inside on_accept: then right after it.
  void stop();
  void abandon();

 private:
  // kStopping: accepts what is queued, then closes. kClosing: until libuv's close callback.
  enum class State : std::uint8_t { kAccepting, kStopping, kClosing, kClosed };
  enum class Batch : std::uint8_t { kBounded, kAll };
  ~Core();

  void listen();
  void accept_batch(Batch batch);
  bool accept_one();
  bool refuse_one();
  void back_off();
  void close();
  void free_when_unused();

  EventLoop& loop_;
  int fd_;
  int reserve_fd_;  // given up to refuse a client at EMFILE; -1 while it could not be had back
  StreamTransport::Kind kind_ = StreamTransport::Kind::kTcp;
  State state_ = State::kAccepting;
  bool is_in_batch_ = false;
  bool is_owned_ = true;
  base::Counter* refused_;  // may be null
  Acceptor::OnAccept on_accept_;
  Timer back_off_timer_{[](void* core) { static_cast<Core*>(core)->listen(); }, this};
  uv_poll_t poll_{};
};

// 0, or a libuv status and *this is gone, the descriptor closed.
int Core::open() {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  int status = 0;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size) != 0) status = -errno;
  if (storage.ss_family == AF_UNIX) kind_ = StreamTransport::Kind::kUnix;
  if (status == 0) status = uv_poll_init_socket(loop_.uv_loop(), &poll_, fd_);
  if (status != 0) {
    delete this;
    return status;
  }
  poll_.data = this;
  listen();
  return 0;
}

Core::~Core() {
  if (fd_ >= 0) ::close(fd_);
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Core::listen() {
  if (reserve_fd_ < 0) reserve_fd_ = open_reserve();
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<Core*>(poll->data)->accept_batch(Batch::kBounded);
  });
}

void Core::accept_batch(Batch batch) {
  is_in_batch_ = true;
  for (int i = 0; (i < kMaxBatch || batch == Batch::kAll) && state_ == State::kAccepting; ++i) {
    if (!accept_one()) break;
  }
  // stop() came inside on_accept: the rest of the queue is accepted here.
  while (state_ == State::kStopping && accept_one()) {
  }
  is_in_batch_ = false;
  if (state_ == State::kStopping) close();
}

// False when there is nothing to accept, or no way to for now.
bool Core::accept_one() {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const int error_number = errno;
    if (error_number == EAGAIN) return false;
    if (is_of_one_client(error_number)) return true;
    if (is_out_of_descriptors(error_number)) {
      for (int i = 0; i < kMaxBatch && refuse_one(); ++i) {
      }
    }
    back_off();
    return false;
  }
  auto transport = StreamTransport::adopt(loop_, kind_, fd, to_peer_address(storage));
  if (transport) on_accept_(std::move(*transport));
  return true;
}

// Closes the reserve, so that there is a descriptor to accept the next client with, and closes that one:
// better than leaving it to wait for an answer that cannot come. Another thread may be faster in taking
// the descriptor; then nothing is refused this time.
bool Core::refuse_one() {
  if (reserve_fd_ < 0) return false;
  ::close(std::exchange(reserve_fd_, -1));
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    if (refused_ != nullptr) refused_->add();
    ::close(fd);
  }
  reserve_fd_ = open_reserve();
  return fd >= 0;
}

// The listening socket stays readable: polling on would spin.
void Core::back_off() {
  if (state_ != State::kAccepting) return;
  uv_poll_stop(&poll_);
  back_off_timer_.set(loop_.timers(), kBackOff);
}

void Core::stop() {
  if (state_ != State::kAccepting) return;
  state_ = State::kStopping;
  back_off_timer_.cancel();
  if (!is_in_batch_) accept_batch(Batch::kAll);
}

void Core::abandon() {
  is_owned_ = false;
  if (state_ == State::kAccepting || state_ == State::kStopping) close();
  free_when_unused();
}

void Core::close() {
  state_ = State::kClosing;
  back_off_timer_.cancel();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
    auto* const core = static_cast<Core*>(handle->data);
    core->state_ = State::kClosed;
    core->free_when_unused();
  });
  ::close(std::exchange(fd_, -1));
}

void Core::free_when_unused() {
  if (state_ == State::kClosed && !is_owned_) delete this;
}

class AcceptorImpl final : public Acceptor {
 public:
  explicit AcceptorImpl(Core* core) : core_(core) {}
  AcceptorImpl(const AcceptorImpl&) = delete;
  AcceptorImpl& operator=(const AcceptorImpl&) = delete;
  ~AcceptorImpl() override { core_->abandon(); }
  void stop() override { core_->stop(); }

 private:
  Core* core_;
};

}  // namespace

std::expected<std::unique_ptr<Acceptor>, Error> Acceptor::create(EventLoop& loop, int fd, OnAccept on_accept,
                                                                 base::Counter* refused) {
  auto* const core = new Core(loop, fd, std::move(on_accept), refused);
  if (const int status = core->open(); status != 0) {
    return std::unexpected(io_error("cannot accept", status));
  }
  return std::make_unique<AcceptorImpl>(core);
}

}  // namespace ingress::net
