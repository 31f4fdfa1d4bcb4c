#include "controller/redirects.h"

#include <optional>
#include <utility>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

std::optional<bool> read_flag(const std::string& value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

std::optional<bool> redirect_flag(const Ingress& ingress) {
  const auto annotation = ingress.meta.annotations.find(kSslRedirectAnnotation);
  return annotation == ingress.meta.annotations.end() ? std::nullopt : read_flag(annotation->second);
}

}  // namespace

void report_ssl_redirect(const ServedIngress& served, const std::string& value, ProblemList& problems) {
  if (read_flag(value)) return;
  const ObjectMeta& meta = served.ingress->meta;
  problems.add({.source = *served.source,
                .object = {Ingress::kKind, meta.namespace_, meta.name},
                .field = "metadata.annotations[" + quoted(kSslRedirectAnnotation) + ']',
                .why = quoted(value) + " is neither true nor false: the default counts",
                .fix = "write \"true\" or \"false\", or remove the annotation"});
}

Redirects::Redirects(const TranslateOptions& options, const TlsHosts& tls_hosts)
    : is_on_by_default_(options.redirects_to_https), hsts_(options.hsts), tls_hosts_(tls_hosts) {}

bool Redirects::is_secured(const std::string& host, const Ingress& ingress) const {
  if (host.empty() || tls_hosts_.empty()) return false;
  // The host's own entry is what clients see: a wildcard certificate does not help where that is none for it.
  if (const auto own = tls_hosts_.find(host); own != tls_hosts_.end()) return own->second.is_redirected;
  const std::size_t dot = host.find('.');
  if (dot == std::string::npos) return false;
  const auto wildcard = tls_hosts_.find('*' + host.substr(dot));
  if (wildcard == tls_hosts_.end() || !wildcard->second.is_redirected) return false;
  return redirect_flag(ingress).value_or(false) || wildcard->second.namespace_ == ingress.meta.namespace_;
}

PlainRequests Redirects::plain_requests(const std::string& host, const Ingress& ingress) const {
  const bool is_on = redirect_flag(ingress).value_or(is_on_by_default_);
  return is_on && is_secured(host, ingress) ? PlainRequests::kRedirect : PlainRequests::kServe;
}

std::optional<Hsts> Redirects::hsts(const std::string& host, const Ingress& ingress) const {
  return hsts_ && is_secured(host, ingress) ? hsts_ : std::nullopt;
}

}  // namespace ingress::controller
