// Copies of the request for other clusters: what they are fed with.
#include <utility>

#include "proxy/exchange.h"

namespace ingress::proxy {

// Once per exchange, behind the filters, when it has its connection: a copy must not take the one that the
// request waits for. What filters held is all of the body so far. What follows an upgrade is a conversation,
// of which one side alone means nothing.
void Exchange::begin_mirrors() {
  if (!upgrade_.empty()) return;
  for (const routing::CompiledMirror& mirror : rule_->mirrors) {
    if (services_.clusters.random().below(mirror.value->denominator) >= mirror.value->numerator) continue;
    const upstream::ClusterEntry* const entry = view_->snapshot().clusters->find(mirror.cluster->index);
    if (entry == nullptr) continue;
    MirrorFeed feed = services_.mirrors.start(*entry, start_->head, client_address_, upstream_framing(),
                                              proxy_header_for(entry->cluster));
    if (!feed) continue;
    if (!held_request_.is_empty()) feed->send_body(held_request_);
    mirrors_.push_back(std::move(feed));
  }
  if (start_->framing.kind == http::BodyKind::kNone || request_.is_out_ended()) end_mirrors();
}

void Exchange::end_mirrors() {
  for (const MirrorFeed& mirror : mirrors_)
    mirror->send_end(request_.is_out_ended() ? &request_.trailers() : nullptr);
  mirrors_.clear();  // they go on alone, however long the response takes
}

// As BodyPipe::pull(). A further try sends `out` again, of which the copies have had all but what is new.
policy::StageResult Exchange::pull_mirrored(base::Chain& out) {
  base::Chain piece;
  const policy::StageResult result = request_.pull(filters_, *this, piece, services_.loop.buffers());
  if (result == policy::StageResult::kPassed && start_->framing.kind != http::BodyKind::kNone) {
    for (const MirrorFeed& mirror : mirrors_) mirror->send_body(piece);
    if (request_.is_out_ended()) end_mirrors();
  }
  out.append(std::move(piece));
  return result;
}

}  // namespace ingress::proxy
