// A Transport in memory, for tests of what stands on one.
//
// The code under test holds the TransportPtr; the test holds the FakePeer, which plays the other end and
// outlives the Transport. As with a real one, the handler is called only from the "loop": here from the
// FakePeer's calls, never from inside write() or resume().
//   auto peer = test::FakePeer::make();
//   Connection connection(peer->take_transport());
//   peer->send("GET / HTTP/1.1\r\n\r\n");
//   CHECK(peer->take_received() == "…");
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/buffer.h"
#include "net/transport.h"

namespace ingress::test {

class FakePeer : public std::enable_shared_from_this<FakePeer> {
 public:
  // How the code under test ended the stream. A reset wins over a close.
  enum class End : std::uint8_t { kOpen, kClosed, kReset };

  // `pool` must outlive the bytes that handlers keep; without one the FakePeer has its own.
  static std::shared_ptr<FakePeer> make(base::BufferPool* pool = nullptr) {
    return std::shared_ptr<FakePeer>(new FakePeer(pool));
  }
  FakePeer(const FakePeer&) = delete;
  FakePeer& operator=(const FakePeer&) = delete;

  // The one Transport of this peer, not started. Once.
  net::TransportPtr take_transport() {
    fresh_->keep = shared_from_this();
    return net::TransportPtr(std::exchange(fresh_, nullptr));
  }
  void set_addresses(std::string_view peer, std::uint16_t peer_port, std::string_view local,
                     std::uint16_t local_port) {
    peer_ = to_address(peer, peer_port);
    local_ = to_address(local, local_port);
  }

  // What the peer does. Bytes are delivered as one on_read each, at most 64 KB; while the code under test
  // pauses, or has not started, they wait for turn().
  void send(std::string_view bytes) {
    incoming_.emplace_back(bytes);
    turn();
  }
  void end_sending() {
    is_end_sent_ = true;
    turn();
  }
  // The stream breaks; what waits to be read is lost, and the Transport takes no writes any more.
  void break_with(Error error = {.code = ErrorCode::kIo, .what = "reset"}) {
    incoming_.clear();
    queue_.clear();
    if (!can_call() || is_broken_) return;
    is_broken_ = true;
    handler_->on_broken(std::move(error));
  }
  // As break_with(), but as a real socket finds out: only told at the next turn().
  void break_later(Error error = {.code = ErrorCode::kIo, .what = "reset"}) {
    break_error_ = std::move(error);
    is_break_waiting_ = true;
  }

  // Writing: by default the peer takes everything at once. After stop_reading() it takes `bytes` more and
  // the rest is queued, as when the socket's buffer is full.
  void stop_reading(std::size_t bytes = 0) { window_bytes_ = bytes; }
  // Takes up to `bytes` of the queue; on_drained comes when it became empty.
  void read_some(std::size_t bytes) {
    window_bytes_ += bytes;
    flush();
  }
  void read_all() {
    window_bytes_ = kEndless;
    flush();
  }

  // One turn of the "loop": delivers what waits and may be delivered.
  void turn() {
    while (can_read() && !incoming_.empty()) {
      const std::string bytes = std::move(incoming_.front());
      incoming_.pop_front();
      deliver(bytes);
    }
    if (can_read() && incoming_.empty() && is_end_sent_ && !is_end_told_) {
      is_end_told_ = true;
      handler_->on_read_end();
    }
    if (std::exchange(is_break_waiting_, false)) break_with(std::move(break_error_));
  }

  // What the code under test did.
  const std::string& received() const& { return received_; }
  std::string take_received() { return std::exchange(received_, {}); }
  const std::string& written() const& { return written_; }  // whether the peer has taken it or not
  std::size_t num_writes() const { return num_writes_; }    // calls of write()
  bool has_write_ended() const { return is_write_ended_ && queue_.empty(); }
  bool is_started() const { return is_started_; }
  bool is_paused() const { return pause_reasons_ != 0; }
  bool is_paused_for(net::PauseReason reason) const {
    return (pause_reasons_ & static_cast<std::uint8_t>(reason)) != 0;
  }
  End end() const { return end_; }
  bool is_destroyed() const { return is_destroyed_; }  // the TransportPtr is gone
  std::size_t queued_bytes() const { return queue_.size(); }

  ~FakePeer() { delete fresh_; }

 private:
  static constexpr std::size_t kEndless = static_cast<std::size_t>(-1);

  class FakeTransport final : public net::Transport {
   public:
    explicit FakeTransport(FakePeer* peer) : peer_(peer) {}
    ~FakeTransport() = default;
    void start(net::TransportHandler* handler) override {
      peer_->is_started_ = true;
      peer_->handler_ = handler;
    }
    void set_handler(net::TransportHandler* handler) override { peer_->handler_ = handler; }
    void write(base::Chain&& bytes) override { peer_->on_write(std::move(bytes)); }
    std::size_t queued_bytes() const override { return peer_->queue_.size(); }
    std::uint64_t written_bytes() const override { return peer_->written_bytes_; }
    void pause(net::PauseReason reason) override {
      peer_->pause_reasons_ |= static_cast<std::uint8_t>(reason);
    }
    void resume(net::PauseReason reason) override {
      peer_->pause_reasons_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
    }
    void shutdown_write() override { peer_->is_write_ended_ = true; }
    void close() override { peer_->on_close(End::kClosed); }
    void reset() override { peer_->on_close(End::kReset); }
    const net::PeerAddress& peer() const override { return peer_->peer_; }
    const net::PeerAddress& local() const override { return peer_->local_; }

    // While the TransportPtr lives, so does the peer it writes to.
    std::shared_ptr<FakePeer> keep;

   protected:
    void destroy() override {
      close();
      peer_->is_destroyed_ = true;
      const auto last = std::move(keep);
      delete this;
    }

   private:
    FakePeer* peer_;
  };

  explicit FakePeer(base::BufferPool* pool) : pool_(pool ? pool : &own_pool_) {
    set_addresses("192.0.2.1", 40000, "192.0.2.2", 80);
  }

  static net::PeerAddress to_address(std::string_view text, std::uint16_t port) {
    net::PeerAddress address;
    text.copy(address.text, sizeof address.text - 1);
    address.port = port;
    return address;
  }

  bool can_call() const { return is_started_ && end_ == End::kOpen && handler_; }
  bool can_read() const { return can_call() && !is_broken_ && pause_reasons_ == 0; }

  void deliver(std::string_view bytes) {
    base::Block* const block = pool_->take_block(bytes.size());
    bytes.copy(block->data(), bytes.size());
    handler_->on_read(base::Slice(block, 0, static_cast<std::uint32_t>(bytes.size())));
  }

  void on_write(base::Chain&& bytes) {
    ++num_writes_;
    if (end_ == End::kOpen && !is_broken_ && !is_write_ended_) {
      queue_ += bytes.to_string();
      written_ += bytes.to_string();
    }
    bytes.clear();
    move_queue();
  }

  void move_queue() {
    const std::size_t size = std::min(queue_.size(), window_bytes_);
    received_.append(queue_, 0, size);
    queue_.erase(0, size);
    written_bytes_ += size;
    if (window_bytes_ != kEndless) window_bytes_ -= size;
  }

  void flush() {
    const bool was_queued = !queue_.empty();
    move_queue();
    if (was_queued && queue_.empty() && can_call() && !is_broken_) handler_->on_drained();
  }

  void on_close(End end) {
    if (end_ != End::kOpen) return;
    end_ = end;
    queue_.clear();
    handler_ = nullptr;
  }

  base::BufferPool own_pool_;
  base::BufferPool* pool_;
  FakeTransport* fresh_ = new FakeTransport(this);
  net::TransportHandler* handler_ = nullptr;
  net::PeerAddress peer_;
  net::PeerAddress local_;
  std::deque<std::string> incoming_;
  std::string queue_;
  std::string received_, written_;
  std::size_t window_bytes_ = kEndless;
  std::size_t num_writes_ = 0;
  std::uint64_t written_bytes_ = 0;
  Error break_error_;
  std::uint8_t pause_reasons_ = 0;
  End end_ = End::kOpen;
  bool is_started_ = false;
  bool is_end_sent_ = false;
  bool is_end_told_ = false;
  bool is_broken_ = false;
  bool is_break_waiting_ = false;
  bool is_write_ended_ = false;
  bool is_destroyed_ = false;
};

}  // namespace ingress::test
