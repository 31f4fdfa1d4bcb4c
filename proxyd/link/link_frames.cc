#include "proxyd/link/link_frames.h"

#include <algorithm>
#include <utility>

#include "ingress/wire.h"
#include "proxyd/link/link_bytes.h"

namespace proxyd {
namespace {

using ingress::Error;
using ingress::ErrorCode;

constexpr std::size_t kMaxShortBytes = 1024;
constexpr std::size_t kMaxAckBytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kMaxReportBytes = std::size_t{64} * 1024 * 1024;
constexpr std::size_t kUpdateHeadBytes = 24;

std::string frame_head(std::size_t size, MessageType type, bool has_more) {
  ByteWriter writer;
  writer.number(static_cast<std::uint32_t>(size));
  writer.number(static_cast<std::uint8_t>(type));
  writer.number(static_cast<std::uint8_t>(has_more ? 1 : 0));
  return writer.take();
}

}  // namespace

std::size_t max_message_bytes(MessageType type) {
  switch (type) {
    case MessageType::kPing:
      return 0;
    case MessageType::kHello:
    case MessageType::kRefusal:
    case MessageType::kInventoryRequest:
      return kMaxShortBytes;
    case MessageType::kAck:
      return kMaxAckBytes;
    case MessageType::kReport:
      return kMaxReportBytes;
    case MessageType::kInventory:
      return ingress::kMaxWireBytes;
    case MessageType::kUpdate:
      return ingress::kMaxWireBytes + kUpdateHeadBytes;
  }
  return 0;
}

std::expected<std::optional<Message>, Error> FrameReader::next(std::string_view& bytes) {
  while (true) {
    if (head_.size() < kFrameHeadBytes) {
      const std::string_view part = bytes.substr(0, kFrameHeadBytes - head_.size());
      head_ += part;
      bytes.remove_prefix(part.size());
      if (head_.size() < kFrameHeadBytes) return std::nullopt;
      if (auto read = read_head(); !read) return std::unexpected(std::move(read.error()));
    }
    const std::string_view part = bytes.substr(0, left_bytes_);
    bytes.remove_prefix(part.size());
    left_bytes_ -= part.size();
    if (frame_type_ != MessageType::kPing) message_->bytes += part;
    if (left_bytes_ > 0) return std::nullopt;
    head_.clear();
    if (frame_type_ == MessageType::kPing) return Message{};
    if (!has_more_) return std::exchange(message_, std::nullopt);
  }
}

// The head is whole: what its frame is, and whether it may be here.
std::expected<void, Error> FrameReader::read_head() {
  const auto fail = [](ErrorCode code, const char* what) {
    return std::unexpected(Error{.code = code, .what = what, .detail = {}});
  };
  ByteReader reader(head_);
  left_bytes_ = reader.number<std::uint32_t>();
  const auto type = reader.number<std::uint8_t>();
  const auto more = reader.number<std::uint8_t>();
  if (type < static_cast<std::uint8_t>(MessageType::kHello) ||
      type > static_cast<std::uint8_t>(MessageType::kReport) || more > 1)
    return fail(ErrorCode::kParse, "a frame of no known type");
  frame_type_ = static_cast<MessageType>(type);
  has_more_ = more == 1;
  if (left_bytes_ > kMaxFrameBytes) return fail(ErrorCode::kTooLarge, "a frame that is too long");
  if (frame_type_ == MessageType::kPing) {
    if (left_bytes_ > 0 || has_more_) return fail(ErrorCode::kParse, "a heartbeat with something in it");
    return {};
  }
  if (has_more_ && left_bytes_ == 0) return fail(ErrorCode::kParse, "an empty piece of a message");
  if (!message_) message_ = Message{frame_type_, {}};
  if (message_->type != frame_type_) return fail(ErrorCode::kParse, "a message inside of another");
  if (message_->bytes.size() + left_bytes_ > max_message_bytes(frame_type_))
    return fail(ErrorCode::kTooLarge, "a message that is too long");
  return {};
}

void FrameQueue::push(MessageType type, std::shared_ptr<const std::string> bytes) {
  size_bytes_ += bytes->size();
  waiting_.push_back({.type = type, .bytes = std::move(bytes)});
}

std::size_t FrameQueue::num(MessageType type) const {
  return static_cast<std::size_t>(std::ranges::count(waiting_, type, &Waiting::type));
}

void FrameQueue::drop_unsent(MessageType type) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.type != type || waiting.has_begun) return false;
    size_bytes_ -= waiting.bytes->size();
    return true;
  });
}

std::string FrameQueue::take_frame() {
  Waiting& first = waiting_.front();
  const std::string_view rest = std::string_view(*first.bytes).substr(first.sent_bytes);
  const std::string_view payload = rest.substr(0, kMaxFrameBytes);
  const bool has_more = payload.size() < rest.size();
  std::string frame = frame_head(payload.size(), first.type, has_more);
  frame += payload;
  size_bytes_ -= payload.size();
  first.sent_bytes += payload.size();
  first.has_begun = true;
  if (!has_more) waiting_.pop_front();
  return frame;
}

std::string ping_frame() {
  return frame_head(0, MessageType::kPing, false);
}

}  // namespace proxyd
