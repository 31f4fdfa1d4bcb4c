// A TCP or unix stream socket as a Transport, on a libuv stream.
//
// Owner: whoever holds the TransportPtr; after destroy() the loop, until libuv's close callback.
// Thread: the loop's.
// Always true: reading stays registered with libuv, so that a request costs no epoll_ctl. A pause takes
// effect when bytes arrive while it lasts, and then as "no buffer": nothing is read, nothing re-armed.
// A paused stream therefore notices a reset only when it writes or goes on reading.
#pragma once

#include <uv.h>

#include <cstdint>
#include <expected>
#include <memory>

#include "net/loop.h"
#include "net/transport.h"

namespace ingress::net {

class StreamTransport final : public Transport {
 public:
  enum class Kind : std::uint8_t { kTcp, kUnix };
  struct Deleter {
    void operator()(StreamTransport* transport) const { TransportDeleter()(transport); }
  };
  using Ptr = std::unique_ptr<StreamTransport, Deleter>;

  // A stream on `fd`, connected and non-blocking; closes `fd` on failure too.
  static std::expected<TransportPtr, int> adopt(EventLoop& loop, Kind kind, int fd, const PeerAddress& peer);
  // For connect(): a stream without a socket yet, to be passed to uv_tcp_connect() as tcp().
  static Ptr make_unconnected(EventLoop& loop, const PeerAddress& peer);
  uv_tcp_t* tcp() { return &uv_.tcp; }
  static TransportPtr to_transport(Ptr transport) { return TransportPtr(transport.release()); }

  void start(TransportHandler* handler) override;
  void set_handler(TransportHandler* handler) override { handler_ = handler; }
  void write(base::Chain&& bytes) override;
  std::size_t queued_bytes() const override { return queue_ ? queue_->bytes.size_bytes() : 0; }
  std::uint64_t written_bytes() const override { return written_bytes_; }
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  const PeerAddress& peer() const override { return peer_; }
  // Asked of the kernel when first wanted: most connections never need it.
  const PeerAddress& local() const override;

 protected:
  void destroy() override;

 private:
  // kBroken: the handler is told, or will be by a deferred call. kClosing: until libuv's close callback.
  enum class State : std::uint8_t { kOpen, kBroken, kClosing, kClosed };
  enum class ReadSide : std::uint8_t { kNotStarted, kReading, kStopped, kEnded };
  enum class WriteSide : std::uint8_t { kOpen, kEnding, kEnded };

  StreamTransport(EventLoop& loop, Kind kind, const PeerAddress& peer);
  ~StreamTransport() = default;

  static void on_uv_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buf);
  static void on_uv_read(uv_stream_t* stream, ssize_t status, const uv_buf_t* buf);
  static void on_uv_written(uv_write_t* request, int status);
  static void on_uv_closed(uv_handle_t* handle);

  bool is_open() const { return state_ == State::kOpen; }
  bool has_queued() const { return queued_bytes() > 0; }
  void drop_queued();
  int write_some(base::Chain& bytes);
  void write_queue();
  void end_write_side();
  void read_available();
  void end_read_side();
  void break_later(int status);
  void tell_broken();
  void read_rest();
  void become_broken(int status);
  void stop_io(int status);
  void free_when_unused();
  int fd() const;    // -1 while there is none
  struct CloseNote;  // for ThreadSanitizer

  EventLoop& loop_;
  TransportHandler* handler_ = nullptr;
  // What the kernel did not take. Made when first needed and then kept: most connections never queue, and
  // idle ones are many.
  struct WriteQueue {
    base::Chain bytes;
    std::size_t in_flight_bytes = 0;  // the front part, which libuv is writing
    uv_write_t request;
  };
  std::unique_ptr<WriteQueue> queue_;
  std::uint64_t written_bytes_ = 0;
  Kind kind_;
  State state_ = State::kOpen;
  ReadSide read_side_ = ReadSide::kNotStarted;
  WriteSide write_side_ = WriteSide::kOpen;
  std::uint8_t pause_reasons_ = 0;
  bool is_owned_ = true;
  bool is_tell_pending_ = false;  // a deferred tell_broken() still points here
  int broken_status_ = 0;
  mutable int fd_ = -1;  // as libuv said when first asked
  PeerAddress peer_;
  mutable std::unique_ptr<PeerAddress> local_;  // null: not asked yet
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv_;
};

}  // namespace ingress::net
