// Messages of the link in frames, so that heartbeats get through between the pieces of a long one. No I/O.
//
// A frame: the length of its payload (4 bytes, little-endian), the type of its message, whether more of the
// message follows, the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/error.h"

namespace proxyd {

enum class MessageType : std::uint8_t {
  kHello = 1,
  kRefusal,
  kPing,  // empty; one frame, also between those of another message
  kInventoryRequest,
  kInventory,
  kUpdate,
  kAck,
  kReport,
};

struct Message {
  MessageType type = MessageType::kPing;
  std::string bytes = {};
  friend bool operator==(const Message&, const Message&) = default;
};

inline constexpr std::size_t kFrameHeadBytes = 6;
inline constexpr std::size_t kMaxFrameBytes = 64 * 1024;  // of payload
// What a message of that type may have in all.
std::size_t max_message_bytes(MessageType type);

// From bytes in any pieces to messages.
// Always true: what is kept is at most one message of the length that its type may have.
class FrameReader {
 public:
  // Takes from the front of `bytes` what makes up the next message; nothing when they are used up before.
  // kParse and kTooLarge end the stream: there is nothing to read on from.
  std::expected<std::optional<Message>, ingress::Error> next(std::string_view& bytes);

 private:
  std::expected<void, ingress::Error> read_head();
  std::string head_;  // of the frame that is being read, as far as it is here
  std::size_t left_bytes_ = 0;
  MessageType frame_type_ = MessageType::kPing;
  bool has_more_ = false;
  std::optional<Message> message_;  // begun
};

// Messages that wait for their turn. Bytes may be shared between several queues.
class FrameQueue {
 public:
  void push(MessageType type, std::shared_ptr<const std::string> bytes);
  bool is_empty() const { return waiting_.empty(); }
  std::size_t size_bytes() const { return size_bytes_; }
  // Messages of that type that wait, and those of which nothing has left.
  std::size_t num(MessageType type) const;
  void drop_unsent(MessageType type);
  // The next frame; there must be one.
  std::string take_frame();

 private:
  struct Waiting {
    MessageType type;
    std::shared_ptr<const std::string> bytes;
    std::size_t sent_bytes = 0;
    bool has_begun = false;
  };
  std::deque<Waiting> waiting_;
  std::size_t size_bytes_ = 0;
};

std::string ping_frame();

}  // namespace proxyd
