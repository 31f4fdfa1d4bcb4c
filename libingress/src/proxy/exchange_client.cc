// What a backend is told about the certificate of a client, and only by us.
#include <algorithm>
#include <memory>

#include "net/transport.h"
#include "policy/forwarding_headers.h"
#include "policy/reserved_headers.h"
#include "proxy/exchange.h"

namespace ingress::proxy {

// Called where the configuration of now has such names: else nothing is told, and nothing looked at.
void Exchange::set_certificate_fields() {
  const policy::ReservedHeaders* reserved = view_->snapshot().reserved_headers.get();
  Headers& headers = start_->head.headers();
  reserved->remove_from(headers);
  if (start_->secure == nullptr) return;
  for (const net::ClientField& ours : start_->secure->client_fields()) {
    // A name from before the last change.
    if (!reserved->cover(ours.name)) {
      headers.retain(
          [&](const HeaderField& field) { return !policy::is_spelling_of(field.name, ours.name); });
    }
    headers.add_checked_view(ours.name, ours.value, HeaderId::kOther);
  }
}

// Some backends put trailers among the fields of the head: what a head would lose goes, and a client that
// names what is ours has none.
const Headers& Exchange::passing_trailers(const Headers& trailers) {
  static const Headers kNone;
  const WorkerView* newest = services_.views.newest();
  const bool is_free = newest == nullptr || newest->snapshot().reserved_headers == nullptr ||
                       !newest->snapshot().reserved_headers->cover_any(trailers);
  if (!is_free) return kNone;
  const auto may_pass = [underscores = start_->listener.headers_with_underscores](const HeaderField& field) {
    return policy::may_pass(field, underscores);
  };
  if (std::all_of(trailers.begin(), trailers.end(), may_pass)) return trailers;
  kept_trailers_ = std::make_unique<Headers>();
  kept_trailers_->assign(trailers);
  kept_trailers_->retain(may_pass);
  return *kept_trailers_;
}

}  // namespace ingress::proxy
