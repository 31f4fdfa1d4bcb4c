#include "proxyd/link/link_session.h"

#include <fmt/format.h>

#include <utility>

namespace proxyd {
namespace {

// Given to the stream ahead of what the socket takes; the rest waits where it can still be dropped.
constexpr std::size_t kMaxAheadBytes = 256 * 1024;
// How long an end that was refused may take to close.
constexpr unsigned kRefusedBeats = 2;

std::string why_of(const std::expected<void, ingress::Error>& how) {
  return how ? "the other end closed the link" : "the link broke: " + how.error().text();
}

}  // namespace

LinkSession::LinkSession(ingress::Loop& loop, std::unique_ptr<ingress::Stream> stream, const LinkTimes& times,
                         const Hello& ours, LinkSessionEvents& events)
    : times_(times), ours_(ours), events_(events), stream_(std::move(stream)) {
  stream_->start(*this);
  send(MessageType::kHello, to_bytes(ours));
  beats_ = loop.every(times_.beat, [this] { beat(); });
}

LinkSession::~LinkSession() {
  *is_alive_ = false;
}

void LinkSession::send(MessageType type, std::shared_ptr<const std::string> bytes) {
  if (state_ == State::kRefusing || state_ == State::kEnded) return;
  queue_.push(type, std::move(bytes));
  pump();
}

// Refusals and acknowledgements of a session that is over go nowhere.
void LinkSession::refuse(std::string why) {
  if (state_ == State::kRefusing || state_ == State::kEnded) return;
  queue_ = {};
  send(MessageType::kRefusal, to_bytes(Refusal{why}));
  state_ = State::kRefusing;
  refused_for_ = std::move(why);
  num_silent_beats_ = 0;
}

std::size_t LinkSession::queued_bytes() const {
  return queue_.size_bytes() + stream_->queued_bytes();
}

void LinkSession::pump() {
  while (!queue_.is_empty() && stream_->queued_bytes() < kMaxAheadBytes) write(queue_.take_frame());
  if (!queue_.is_empty()) had_to_wait_ = true;
}

void LinkSession::write(std::string frame) {
  sent_bytes_ += frame.size();
  stream_->write(std::move(frame));
}

void LinkSession::on_bytes(std::string_view bytes) {
  if (state_ == State::kRefusing) return;
  num_silent_beats_ = 0;
  const auto is_alive = is_alive_;
  while (*is_alive && (state_ == State::kGreeting || state_ == State::kOpen)) {
    auto message = reader_.next(bytes);
    if (!message) return refuse("not the protocol of the link: " + message.error().text());
    if (!*message) return;
    take(std::move(**message));
  }
}

void LinkSession::take(Message message) {
  if (message.type == MessageType::kRefusal) {
    const auto refusal = read_refusal(message.bytes);
    return end("the other end refused the link: " + (refusal ? refusal->why : refusal.error().text()));
  }
  if (state_ == State::kGreeting) return take_hello(message);
  if (message.type == MessageType::kPing) return;
  if (message.type == MessageType::kHello) return refuse("not the protocol of the link: a second hello");
  events_.on_message(std::move(message));
}

void LinkSession::take_hello(const Message& message) {
  if (message.type != MessageType::kHello) return refuse("not the protocol of the link: no hello first");
  const auto hello = read_hello(message.bytes);
  if (!hello) return refuse("not the protocol of the link: " + hello.error().text());
  if (hello->link_version != ours_.link_version || hello->schema != ours_.schema) {
    return refuse(fmt::format("versions {} and {} do not understand each other: run the same at both ends",
                              ours_.program, hello->program));
  }
  state_ = State::kOpen;
  events_.on_hello(*hello);
}

void LinkSession::on_drained() {
  if (state_ == State::kEnded) return;
  pump();
  if (!queue_.is_empty() || state_ != State::kOpen) return;
  if (std::exchange(had_to_wait_, false)) events_.on_all_sent();
}

void LinkSession::on_closed(std::expected<void, ingress::Error> how) {
  end(state_ == State::kRefusing ? refused_for_ : why_of(how));
}

void LinkSession::beat() {
  ++num_silent_beats_;
  if (state_ == State::kRefusing) {
    if (num_silent_beats_ > kRefusedBeats) end(refused_for_);
    return;
  }
  if (state_ == State::kGreeting && ++num_beats_ > times_.max_silent_beats)
    return end("the other end said no hello");
  if (num_silent_beats_ > times_.max_silent_beats) {
    return end(fmt::format("nothing was heard from the other end for {} ms",
                           (times_.max_silent_beats * times_.beat).count()));
  }
  // Between the frames of a message is its place too; one that waits says as much as a heartbeat.
  if (sent_bytes_ == sent_at_beat_ && stream_->queued_bytes() == 0) write(ping_frame());
  sent_at_beat_ = sent_bytes_;
}

void LinkSession::end(std::string why) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  events_.on_ended(why);
}

}  // namespace proxyd
