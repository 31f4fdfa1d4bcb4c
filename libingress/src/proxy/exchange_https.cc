// Which requests may come by TLS as it was spoken, which have to; and what clients are told for the next
// time.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/exchange.h"
#include "tls/host_policy.h"

namespace ingress::proxy {

bool Exchange::belongs_on_https() const {
  if (start_->secure != nullptr) return false;
  const RequestHead& head = start_->head;
  // By now this is what a trusted proxy said, or "http" (set_client_facts()).
  if (head.headers().get(HeaderId::kXForwardedProto) == "https") return false;
  // Whoever proves that a host is his (RFC 8555 8.3) has no certificate for it yet.
  return !head.path().starts_with("/.well-known/acme-challenge/");
}

// Whether the handshake of this connection says all that one for `host` would have asked for (RFC 9110 7.4).
bool Exchange::may_come_this_way(std::string_view host) const {
  const tls::PolicyTable* policies = view_ == nullptr ? nullptr : view_->snapshot().tls_policies.get();
  const tls::HostPolicy* policy = policies == nullptr ? nullptr : tls::find_policy(*policies, host);
  return start_->secure->may_serve(host, policy == nullptr ? std::string_view() : policy->digest());
}

// 308 keeps method and body (RFC 9110 15.4.9).
void Exchange::redirect_to_https() {
  const RequestHead& head = start_->head;
  why_ = "https_redirect";
  if (head.host().empty()) {  // HTTP/1.0 without Host: there is no place to send it to
    fail({ErrorCode::kBadRequest, ErrorSide::kDownstream, RetrySafety::kNotSafe, "no_host", {}});
    return;
  }
  std::string location = "https://";
  location += head.host();
  const std::uint16_t port = start_->listener.https_port;
  if (port != 443) location.append(":").append(std::to_string(port));
  if (head.path() != "*") location += head.path();
  if (head.has_query()) location.append("?").append(head.query());
  ResponseHead reply;
  reply.set_status(308);
  reply.headers().add("Location", location);
  reply.headers().add("Content-Type", "text/plain; charset=utf-8");
  services_.metrics.https_redirects.add();
  send_answer(reply, "Permanent Redirect\n");
}

void Exchange::tell_hsts(ResponseHead& head) const {
  const Hsts& hsts = *rule_->value->hsts;
  char text[64] = "max-age=";
  constexpr std::size_t kBegin = sizeof "max-age=" - 1;
  char* end = std::to_chars(text + kBegin, text + sizeof text, hsts.max_age.count()).ptr;
  const std::string_view scope = hsts.scope == HstsScope::kHost         ? ""
                                 : hsts.scope == HstsScope::kSubdomains ? "; includeSubDomains"
                                                                        : "; includeSubDomains; preload";
  end = std::copy(scope.begin(), scope.end(), end);
  head.headers().set("Strict-Transport-Security", {text, static_cast<std::size_t>(end - text)});
}

}  // namespace ingress::proxy
