// Which plain requests are sent to https, and which clients are told to stay there (HSTS). Pure.
//
// As in ingress-nginx: those to a host that has a certificate that covers it, its own or a wildcard one,
// unless the Ingress says otherwise in its annotation ssl-redirect. Unlike there, a wildcard certificate of
// another namespace redirects only who asks for it in that annotation: it must not change what others serve.
// HSTS follows the certificate alone, as there: an Ingress that serves plain requests too still says it over
// TLS.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "controller/translate.h"
#include "ingress/route.h"

namespace ingress::controller {

inline constexpr const char* kSslRedirectAnnotation = "nginx.ingress.kubernetes.io/ssl-redirect";

// Reports a value that is neither "true" nor "false" and so counts as none.
void report_ssl_redirect(const ServedIngress& served, const std::string& value, ProblemList& problems);

// A host whose clients are shown a certificate that was chosen for it.
struct TlsHost {
  std::string namespace_;     // that the host belongs to
  bool is_redirected = true;  // somebody asked for that certificate, and it covers the host
  friend bool operator==(const TlsHost&, const TlsHost&) = default;
};
using TlsHosts = std::map<std::string, TlsHost>;  // by host, "*.a.b" among them

class Redirects {
 public:
  // Borrows `tls_hosts`.
  Redirects(const TranslateOptions& options, const TlsHosts& tls_hosts);
  Redirects(const TranslateOptions& options, TlsHosts&& tls_hosts) = delete;

  // For the rules that `ingress` has of `host` ("" = any).
  PlainRequests plain_requests(const std::string& host, const Ingress& ingress) const;
  std::optional<Hsts> hsts(const std::string& host, const Ingress& ingress) const;

 private:
  // Whether there is a certificate that was meant for the host and covers it. A wildcard one
  // of another namespace counts only for who asks for redirects to it.
  bool is_secured(const std::string& host, const Ingress& ingress) const;

  bool is_on_by_default_;
  std::optional<Hsts> hsts_;
  const TlsHosts& tls_hosts_;
};

}  // namespace ingress::controller
