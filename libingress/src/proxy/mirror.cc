#include "proxy/mirror.h"

#include <utility>

#include "upstream/give_back.h"

namespace ingress::proxy {

std::string_view to_string(MirrorEnd end) {
  switch (end) {
    case MirrorEnd::kAnswered:
      return "answered";
    case MirrorEnd::kFailed:
      return "failed";
    case MirrorEnd::kSkipped:
      return "skipped";
    case MirrorEnd::kBehind:
      return "behind";
    case MirrorEnd::kAbandoned:
      return "abandoned";
  }
  return "";
}

MirrorFeed Mirrors::start(const upstream::ClusterEntry& entry, const RequestHead& head,
                          std::string_view client_address, http::BodyFraming framing,
                          std::string proxy_header) {
  if (open_.size() >= kMaxOpen) {
    count(MirrorEnd::kSkipped);
    return nullptr;
  }
  Mirror* const mirror = open_.emplace_back(new Mirror(*this, entry)).get();
  mirror->index_ = open_.size() - 1;
  MirrorFeed feed(mirror);
  mirror->start(entry, head, client_address, framing, std::move(proxy_header));
  return feed;
}

void Mirrors::drop_all() {
  while (!open_.empty()) open_.pop_back();
}

// Its own functions may be on the stack.
void Mirrors::remove(Mirror& mirror) {
  std::unique_ptr<Mirror, Delete> self = std::exchange(open_[mirror.index_], std::move(open_.back()));
  const std::size_t index = self->index_;
  open_.pop_back();
  if (index < open_.size()) open_[index]->index_ = index;
  loop_.defer([self = std::move(self)] {});
}

void Mirrors::Delete::operator()(Mirror* mirror) const {
  delete mirror;
}

Mirror::Mirror(Mirrors& owner, const upstream::ClusterEntry& entry)
    : owner_(owner),
      timeouts_(entry.cluster.timeouts),
      limits_(entry.cluster.limits),
      timer_(
          [](void* self) {
            auto* const mirror = static_cast<Mirror*>(self);
            mirror->finish(mirror->has_response_head_ ? MirrorEnd::kAnswered : MirrorEnd::kFailed);
          },
          this) {}

Mirror::~Mirror() {
  if (endpoint_) endpoint_->end_exchange();
}

void Mirror::start(const upstream::ClusterEntry& entry, const RequestHead& head,
                   std::string_view client_address, http::BodyFraming framing, std::string proxy_header) {
  std::shared_ptr<upstream::BreakerGate> gate;
  const CircuitBreakers& breakers = entry.cluster.circuit_breakers;
  if (breakers.is_limited()) gate = owner_.clusters_.gate(entry);
  if (gate) {
    request_permit_ = gate->take(upstream::Resource::kRequests, breakers.max_requests);
    if (!request_permit_) return finish(MirrorEnd::kSkipped);
  }
  endpoint_ = owner_.clusters_.pick(entry, {.head = &head, .client_address = client_address});
  if (!endpoint_) return finish(MirrorEnd::kFailed);
  endpoint_->begin_exchange();
  head_.assign(head);
  head_.headers().remove(HeaderId::kExpect);  // nobody waits for the answer to it
  framing_ = framing;
  proxy_header_ = std::move(proxy_header);
  const upstream::StreamNeeds needs{.proxy_header = proxy_header_};
  stream_ = upstream::take_kept(*endpoint_, entry.cluster, needs);
  if (stream_) return begin();
  upstream::Permit permit;
  if (gate && !upstream::can_join(*endpoint_, entry.cluster, needs)) {
    permit = gate->take_connection(breakers.max_connections);
    // An idle connection that is of no use for this copy may stand in its way.
    if (!permit && gate->shed()) permit = gate->take_connection(breakers.max_connections);
    if (!permit) return finish(MirrorEnd::kSkipped);
  }
  attempt_ = upstream::open_stream(
      owner_.loop_, owner_.connector_, endpoint_, entry.cluster, needs, std::move(permit),
      [this](std::expected<upstream::ClientStreamPtr, Error> stream) { on_connected(std::move(stream)); });
}

void Mirror::on_connected(std::expected<upstream::ClientStreamPtr, Error> stream) {
  attempt_.reset();
  if (!stream) return finish(MirrorEnd::kFailed);
  stream_ = std::move(*stream);
  begin();
  pump();
}

void Mirror::begin() {
  stream_->begin(*this, head_.method(), limits_);
  stream_->send_head(head_, framing_);
}

void Mirror::send_body(const base::Chain& piece) {
  if (is_over_ || is_request_ended_) return;
  held_.append_kept(piece, owner_.loop_.buffers());
  pump();
}

void Mirror::send_end(const Headers* trailers) {
  if (is_over_ || std::exchange(is_request_ended_, true)) return;
  if (trailers != nullptr) trailers_.assign(*trailers);
  pump();
}

void Mirror::pump() {
  if (stream_) {
    stream_->send_body(std::move(held_));
    held_.clear();
    if (is_request_ended_ && !std::exchange(is_end_sent_, true)) {
      stream_->send_end(trailers_);
      limit(timeouts_.response_head);
    }
    stream_->flush();
  }
  const std::size_t waiting = held_.size_bytes() + (stream_ ? stream_->queued_bytes() : 0);
  if (waiting > Mirrors::kMaxHeldBytes) finish(MirrorEnd::kBehind);
}

// A response that never ends must not be read for ever, though nobody waits for it.
void Mirror::limit(std::chrono::milliseconds time) {
  timer_.set(owner_.loop_.timers(), time.count() > 0 ? time : Mirrors::kDefaultLimit);
}

void Mirror::release() {
  is_fed_ = false;
  if (is_over_) return owner_.remove(*this);
  if (!is_request_ended_) finish(MirrorEnd::kAbandoned);
}

void Mirror::finish(MirrorEnd end) {
  if (std::exchange(is_over_, true)) return;
  owner_.count(end);
  timer_.cancel();
  attempt_.reset();
  held_.clear();
  if (endpoint_) endpoint_->end_exchange();
  if (stream_) {
    upstream::give_back(owner_.loop_, endpoint_, std::move(stream_), limits_, timeouts_);
  }
  endpoint_ = {};
  request_permit_.reset();
  if (!is_fed_) owner_.remove(*this);
}

void Mirror::on_response_head(ResponseHead&, http::BodyFraming) {
  has_response_head_ = true;
  limit(timeouts_.response_body_idle);  // for all of the body
}

void Mirror::on_response_body(base::Chain&& piece) {
  num_dropped_bytes_ += piece.size_bytes();
  piece.clear();
}

void Mirror::on_response_end(const Headers&) {
  is_response_ended_ = true;
}

void Mirror::on_response_read_done() {
  if (is_response_ended_ || num_dropped_bytes_ > Mirrors::kMaxDroppedBytes) finish(MirrorEnd::kAnswered);
}

void Mirror::on_upstream_failed(Error) {
  finish(MirrorEnd::kFailed);
}

}  // namespace ingress::proxy
