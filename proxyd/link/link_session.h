// One connection of the link, the same at both ends: greetings, frames, heartbeats, and what waits to be
// sent.
//
// Owner: LinkServer or LinkClient. Thread: the loop's.
// Always true: nothing but a hello is taken before the hello; an end that falls silent, or is of another
// version, is told apart from one that closes; nothing is told after on_ended().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ingress/loop.h"
#include "ingress/stream.h"
#include "proxyd/link/link_frames.h"
#include "proxyd/link/link_messages.h"

namespace proxyd {

// From the loop. The callee may destroy the session.
class LinkSessionEvents {
 public:
  virtual void on_hello(const Hello& theirs) = 0;  // once, first; of our version
  virtual void on_message(Message message) = 0;    // neither hello, refusal nor ping
  virtual void on_all_sent() = 0;                  // the queue is empty again, having had to wait
  virtual void on_ended(const std::string& why) = 0;

 protected:
  ~LinkSessionEvents() = default;
};

class LinkSession final : private ingress::StreamEvents {
 public:
  // Says hello at once.
  LinkSession(ingress::Loop& loop, std::unique_ptr<ingress::Stream> stream, const LinkTimes& times,
              const Hello& ours, LinkSessionEvents& events);
  LinkSession(const LinkSession&) = delete;
  LinkSession& operator=(const LinkSession&) = delete;
  ~LinkSession();

  void send(MessageType type, std::shared_ptr<const std::string> bytes);
  void send(MessageType type, std::string bytes) {
    send(type, std::make_shared<const std::string>(std::move(bytes)));
  }
  // Tells the other end why, and ends; on_ended() comes from the loop.
  void refuse(std::string why);

  FrameQueue& queue() { return queue_; }
  std::size_t queued_bytes() const;
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  bool has_greeted() const { return state_ == State::kOpen; }

 private:
  // kRefusing: our refusal is on its way, nothing else counts. kEnded: on_ended() was called.
  enum class State : std::uint8_t { kGreeting, kOpen, kRefusing, kEnded };

  void on_bytes(std::string_view bytes) override;
  void on_drained() override;
  void on_closed(std::expected<void, ingress::Error> how) override;
  void take(Message message);
  void take_hello(const Message& message);
  void pump();
  void write(std::string frame);
  void beat();
  void end(std::string why);

  LinkTimes times_;
  Hello ours_;
  LinkSessionEvents& events_;
  std::unique_ptr<ingress::Stream> stream_;
  FrameReader reader_;
  FrameQueue queue_;
  State state_ = State::kGreeting;
  std::string refused_for_;
  bool had_to_wait_ = false;  // the queue, since on_all_sent()
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t sent_at_beat_ = 0;
  unsigned num_silent_beats_ = 0;
  unsigned num_beats_ = 0;  // until the hello
  ingress::Loop::Registration beats_;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace proxyd
