// Claims become routes. Pure.
#pragma once

#include <vector>

#include "controller/attach.h"
#include "controller/redirects.h"
#include "controller/translate.h"
#include "controller/translate_backends.h"
#include "ingress/route.h"

namespace ingress::controller {

// One route per Ingress and host, "namespace/name" for any host and "namespace/name/host" else, sorted by
// name. The rest of each host (and of all hosts, with --default-backend) is a rule for "/" at the end of
// one of its routes: the IR goes on to less specific hosts only when nothing of a host matches, so this rule
// is what keeps a host's requests from wildcard and hostless Ingresses.
std::vector<Route> translate_ingresses(const HostTable& hosts, const TranslateOptions& options,
                                       const Redirects& redirects, BackendTable& backends);

}  // namespace ingress::controller
