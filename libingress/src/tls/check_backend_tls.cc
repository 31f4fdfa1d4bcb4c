#include "ingress/backend_tls.h"
#include "ingress/cluster.h"
#include "ingress/config.h"
#include "tls/client_context.h"

namespace ingress {

std::vector<Problem> check_backend_tls(const Cluster& cluster, std::chrono::system_clock::time_point now) {
  if (!cluster.tls) return {};
  std::vector<Problem> problems = tls::ClientContext::load(*cluster.tls, now).problems;
  for (Problem& problem : problems) {
    problem.object = cluster.origin;
    problem.field.insert(0, problem.field.empty() ? "tls" : "tls.");
  }
  return problems;
}

}  // namespace ingress
