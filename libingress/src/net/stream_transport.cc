#include "net/stream_transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "net/socket_address.h"
#include "net/socket_io.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#include <sanitizer/linux_syscall_hooks.h>
#define INGRESS_THREAD_SANITIZER
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif
#endif

namespace ingress::net {

namespace {

// What uv_write_t holds without a malloc of its own (uv_write_s::bufsml).
constexpr std::size_t kMaxQueuedIovecs = 4;
// Full blocks read in a row before other connections have their turn.
constexpr int kMaxReads = 16;

// uv_buf_t is an iovec on unix, as libuv itself relies on.
static_assert(sizeof(uv_buf_t) == sizeof(iovec));
const uv_buf_t* to_uv(const iovec* iovecs) {
  return reinterpret_cast<const uv_buf_t*>(iovecs);
}

}  // namespace

// libuv closes by a bare system call. ThreadSanitizer, which does not see that, would take whatever another
// thread opens under the same number for a race with the last that this thread did with the socket.
#ifdef INGRESS_THREAD_SANITIZER
struct StreamTransport::CloseNote {
  explicit CloseNote(const StreamTransport& transport) {
    if (const int fd = transport.fd(); fd >= 0) __sanitizer_syscall_pre_close(fd);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);  // libuv takes it out of epoll before it closes it
  }
  CloseNote(const CloseNote&) = delete;
  CloseNote& operator=(const CloseNote&) = delete;
  ~CloseNote() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};
#else
struct StreamTransport::CloseNote {
  explicit CloseNote(const StreamTransport&) {}
};
#endif

StreamTransport::StreamTransport(EventLoop& loop, Kind kind, const PeerAddress& peer)
    : loop_(loop), kind_(kind), peer_(peer) {
  // These cannot fail: no socket is made yet.
  if (kind == Kind::kTcp) {
    uv_tcp_init(loop.uv_loop(), &uv_.tcp);
  } else {
    uv_pipe_init(loop.uv_loop(), &uv_.pipe, 0);
  }
  uv_.handle.data = this;
}

std::expected<TransportPtr, int> StreamTransport::adopt(EventLoop& loop, Kind kind, int fd,
                                                        const PeerAddress& peer) {
  Ptr transport(new StreamTransport(loop, kind, peer));
  const int status =
      kind == Kind::kTcp ? uv_tcp_open(&transport->uv_.tcp, fd) : uv_pipe_open(&transport->uv_.pipe, fd);
  if (status != 0) {
    ::close(fd);
    return std::unexpected(status);
  }
  return to_transport(std::move(transport));
}

StreamTransport::Ptr StreamTransport::make_unconnected(EventLoop& loop, const PeerAddress& peer) {
  return Ptr(new StreamTransport(loop, Kind::kTcp, peer));
}

void StreamTransport::start(TransportHandler* handler) {
  assert(read_side_ == ReadSide::kNotStarted);
  handler_ = handler;
  if (!is_open()) return;
  if (const int status = uv_read_start(&uv_.stream, on_uv_alloc, on_uv_read); status != 0) {
    break_later(status);
    return;
  }
  read_side_ = ReadSide::kReading;
}

void StreamTransport::write(base::Chain&& bytes) {
  if (!is_open() || write_side_ != WriteSide::kOpen) {
    bytes.clear();
    return;
  }
  const bool is_direct = !has_queued();
  if (is_direct) {
    if (const int status = write_some(bytes); status != 0) {
      bytes.clear();
      break_later(status);
      return;
    }
    if (bytes.is_empty()) return;
  }
  bytes.compact(loop_.buffers());
  if (!queue_) {
    queue_ = std::make_unique<WriteQueue>();
    queue_->request.data = this;
  }
  queue_->bytes.append(std::move(bytes));
  if (is_direct) write_queue();
}

// Writes from the front of `bytes` until the kernel takes no more; 0 or an error other than that. Not
// uv_try_write(), which does the same by way of its own queue: that is known to be empty here.
int StreamTransport::write_some(base::Chain& bytes) {
  const int socket = fd();
  while (!bytes.is_empty()) {
    const ssize_t written = send_front(socket, bytes);
    if (written < 0) return errno == EAGAIN || errno == ENOBUFS ? 0 : uv_translate_sys_error(errno);
    const auto size = static_cast<std::size_t>(written);
    const bool may_take_more = size == bytes.size_bytes() || bytes.num_slices() >= kMaxIovecs;
    bytes.drop_front(size);
    written_bytes_ += size;
    if (!may_take_more) return 0;
  }
  return 0;
}

// Gives the front of the queue to libuv, which waits until the socket takes it.
void StreamTransport::write_queue() {
  assert(queue_->in_flight_bytes == 0);
  iovec iovecs[kMaxQueuedIovecs];
  const std::size_t num = queue_->bytes.to_iovecs(iovecs, kMaxQueuedIovecs);
  for (std::size_t i = 0; i < num; ++i) queue_->in_flight_bytes += iovecs[i].iov_len;
  const int status =
      uv_write(&queue_->request, &uv_.stream, to_uv(iovecs), static_cast<unsigned>(num), on_uv_written);
  if (status == 0) return;
  queue_->in_flight_bytes = 0;
  break_later(status);
}

void StreamTransport::on_uv_written(uv_write_t* request, int status) {
  auto* const self = static_cast<StreamTransport*>(request->data);
  const std::size_t written = std::exchange(self->queue_->in_flight_bytes, 0);
  if (!self->is_open()) {
    self->drop_queued();
    return;
  }
  if (status == 0) {
    self->queue_->bytes.drop_front(written);
    self->written_bytes_ += written;
    status = self->write_some(self->queue_->bytes);
  }
  if (status != 0) {
    self->become_broken(status);
    return;
  }
  if (self->has_queued()) {
    self->write_queue();
    return;
  }
  if (self->write_side_ == WriteSide::kEnding) self->end_write_side();
  if (self->handler_) self->handler_->on_drained();
}

void StreamTransport::drop_queued() {
  if (queue_) queue_->bytes.clear();
}

void StreamTransport::shutdown_write() {
  if (!is_open() || write_side_ != WriteSide::kOpen) return;
  write_side_ = WriteSide::kEnding;
  if (!has_queued()) end_write_side();
}

// Not uv_shutdown(): it waits for a turn of the loop, and libuv's own queue is known to be empty here.
void StreamTransport::end_write_side() {
  write_side_ = WriteSide::kEnded;
  ::shutdown(fd(), SHUT_WR);  // fails only when the peer is gone, which reading tells
}

// libuv only tells that there is something to read: without a buffer it reports UV_ENOBUFS and reads nothing.
void StreamTransport::on_uv_alloc(uv_handle_t*, std::size_t, uv_buf_t* buf) {
  *buf = uv_buf_t{};
}

void StreamTransport::on_uv_read(uv_stream_t* stream, ssize_t status, const uv_buf_t*) {
  auto* const self = static_cast<StreamTransport*>(stream->data);
  if (status == UV_ENOBUFS) {
    self->read_available();
  } else if (status == UV_EOF) {
    self->end_read_side();
  } else if (status < 0) {
    self->become_broken(static_cast<int>(status));
  }
}

void StreamTransport::read_available() {
  for (int i = 0; i < kMaxReads && is_open() && read_side_ == ReadSide::kReading; ++i) {
    if (pause_reasons_ != 0) {
      uv_read_stop(&uv_.stream);
      read_side_ = ReadSide::kStopped;
      return;
    }
    const std::span<char> space = loop_.read_space();
    const ssize_t size = receive(fd(), space);
    if (size == 0) return end_read_side();
    if (size < 0) {
      if (errno != EAGAIN) become_broken(uv_translate_sys_error(errno));
      return;
    }
    handler_->on_read(loop_.take_read(static_cast<std::size_t>(size)));
    if (static_cast<std::size_t>(size) < space.size()) return;  // there is no more
  }
}

// The end is reported also when a reset came right behind the last bytes. A body that lasts until its sender
// closes would then look whole, so the socket is asked whether anything went wrong.
void StreamTransport::end_read_side() {
  uv_read_stop(&uv_.stream);
  int error = 0;
  socklen_t size = sizeof error;
  if (handler_->minds_reset_at_end() && getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
      error != 0) {
    become_broken(uv_translate_sys_error(error));
    return;
  }
  read_side_ = ReadSide::kEnded;
  handler_->on_read_end();
}

void StreamTransport::pause(PauseReason reason) {
  pause_reasons_ |= static_cast<std::uint8_t>(reason);
}

void StreamTransport::resume(PauseReason reason) {
  pause_reasons_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
  if (pause_reasons_ != 0 || read_side_ != ReadSide::kStopped || !is_open()) return;
  read_side_ = ReadSide::kReading;
  if (const int status = uv_read_start(&uv_.stream, on_uv_alloc, on_uv_read); status != 0) {
    break_later(status);
  }
}

// For errors found inside a call of the owner's: the handler hears of it from the loop.
void StreamTransport::break_later(int status) {
  stop_io(status);
  is_tell_pending_ = true;
  loop_.defer([this] { tell_broken(); });
}

void StreamTransport::tell_broken() {
  is_tell_pending_ = false;
  read_rest();
  if (state_ == State::kBroken && handler_) handler_->on_broken(stream_error(broken_status_));
  free_when_unused();
}

// A server that answers early and closes makes our next write fail, while its answer (a 413, say) lies in
// the receive buffer still: deliver that before the bad news. A paused stream loses it.
void StreamTransport::read_rest() {
  for (int i = 0; i < kMaxReads; ++i) {
    if (state_ != State::kBroken || read_side_ != ReadSide::kReading || pause_reasons_ != 0) return;
    const std::span<char> space = loop_.read_space();
    const ssize_t size = receive(fd(), space);
    if (size <= 0) return;
    handler_->on_read(loop_.take_read(static_cast<std::size_t>(size)));
  }
}

// For errors that libuv reports, so from the loop.
void StreamTransport::become_broken(int status) {
  if (!is_open()) return;
  stop_io(status);
  if (handler_) handler_->on_broken(stream_error(status));
}

void StreamTransport::stop_io(int status) {
  state_ = State::kBroken;
  broken_status_ = status;
  uv_read_stop(&uv_.stream);
  // What libuv holds it may still try to write: those slices stay until it reports.
  if (queue_ && queue_->in_flight_bytes == 0) drop_queued();
}

void StreamTransport::close() {
  if (state_ == State::kClosing || state_ == State::kClosed) return;
  assert(loop_.is_on_thread());
  state_ = State::kClosing;
  handler_ = nullptr;
  const CloseNote note(*this);
  uv_close(&uv_.handle, on_uv_closed);
  fd_ = -1;       // another socket's soon
  drop_queued();  // libuv looks only at the sizes of what is in flight from here on
}

// SO_LINGER with 0 seconds makes close(2) send RST. Not uv_tcp_close_reset(): this also works before
// libuv finished a shutdown, and unix sockets simply close.
void StreamTransport::reset() {
  if (state_ == State::kClosing || state_ == State::kClosed) return;
  if (kind_ == Kind::kTcp) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close();
}

void StreamTransport::destroy() {
  close();
  is_owned_ = false;
  free_when_unused();
}

void StreamTransport::on_uv_closed(uv_handle_t* handle) {
  auto* const self = static_cast<StreamTransport*>(handle->data);
  self->state_ = State::kClosed;
  self->free_when_unused();
}

void StreamTransport::free_when_unused() {
  if (state_ == State::kClosed && !is_owned_ && !is_tell_pending_) delete this;
}

const PeerAddress& StreamTransport::local() const {
  if (!local_) {
    local_ = std::make_unique<PeerAddress>();
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    const int socket = fd();
    if (socket >= 0 && getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
      *local_ = to_peer_address(storage);
    }
  }
  return *local_;
}

int StreamTransport::fd() const {
  if (fd_ < 0 && uv_fileno(&uv_.handle, &fd_) != 0) fd_ = -1;
  return fd_;
}

}  // namespace ingress::net
