// What an Ingress asks for that is not done here, and so is to be known.
#pragma once

#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "controller/translate.h"

namespace ingress::controller {

// Reports annotations without effect, and spec.tls where no listener speaks TLS.
void report_unused(const ServedIngress& served, const TranslateOptions& options, ProblemList& problems);

}  // namespace ingress::controller
