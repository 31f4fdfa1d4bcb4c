// Which plain requests are sent to https. Pure.
//
// As in ingress-nginx: those to a host that has a certificate, its own or a wildcard one, unless the Ingress
// says otherwise in its annotation ssl-redirect. Unlike there, a wildcard certificate of another namespace
// redirects only who asks for it in that annotation: it must not change what others serve.
#pragma once

#include <map>
#include <string>

#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "controller/translate.h"
#include "ingress/route.h"

namespace ingress::controller {

inline constexpr const char* kSslRedirectAnnotation = "nginx.ingress.kubernetes.io/ssl-redirect";

// Reports a value that is neither "true" nor "false" and so counts as none.
void report_ssl_redirect(const ServedIngress& served, const std::string& value, ProblemList& problems);

class Redirects {
 public:
  // `tls_hosts`: for which there is a certificate to show, with the namespace that it is of.
  Redirects(const TranslateOptions& options, std::map<std::string, std::string> tls_hosts);

  // For the rules that `ingress` has of `host` ("" = any).
  PlainRequests plain_requests(const std::string& host, const Ingress& ingress) const;

 private:
  bool is_on_by_default_;
  std::map<std::string, std::string> tls_hosts_;
};

}  // namespace ingress::controller
