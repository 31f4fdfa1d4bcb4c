#include "controller/translate.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "controller/attach.h"
#include "controller/certificate_memory.h"
#include "controller/ingress_classes.h"
#include "controller/ingress_notes.h"
#include "controller/redirects.h"
#include "controller/translate_backends.h"
#include "controller/translate_ingress.h"
#include "controller/translate_tls.h"

namespace ingress::controller {
namespace {

std::vector<Cluster> make_clusters(const std::set<ClusterKey>& keys, const Backends& backends,
                                   ProblemList& problems) {
  std::vector<Cluster> out;
  out.reserve(keys.size());
  for (const ClusterKey& key : keys) out.push_back(backends.make_cluster(key, problems));
  std::ranges::sort(out, {}, &Cluster::name);
  return out;
}

}  // namespace

Translation translate(const Store& store, const TranslateOptions& options, CertificateMemory& memory) {
  Translation out;
  ProblemList problems;
  const auto served = served_ingresses(store, options, out.num_ignored_ingresses, problems);
  for (const ServedIngress& ingress : served) {
    report_unclaimed(ingress, problems);
    report_unused(ingress, options, problems);
  }
  HostProblems host_problems;
  const HostTable hosts = attach(served, nullptr, host_problems);
  for (const auto& [host, found] : host_problems) problems.add_all(found);
  TlsTranslation tls;
  if (options.serves_tls) tls = translate_tls(served, store, options, memory, problems);
  const SliceIndex slices = SliceIndex::of(store);
  const Backends backends(store, options, slices);
  std::set<ClusterKey> clusters;
  const Redirects redirects(options, tls.hosts);
  const RouteMaker routes(options, redirects,
                          [&](const auto& namespace_, const auto& backend, const auto& by) {
                            ResolvedBackend resolved = backends.resolve(namespace_, backend, by, problems);
                            if (resolved.cluster) clusters.insert(*resolved.cluster);
                            return std::move(resolved.ref);
                          });
  const auto add = [&](std::vector<Route> made) {
    std::ranges::move(made, std::back_inserter(out.config.routes));
  };
  for (const auto& [host, group] : hosts) add(routes.make(host, group));
  if (!hosts.contains("")) add(routes.make_unclaimed());
  std::ranges::sort(out.config.routes, {}, &Route::name);
  out.config.listeners = options.listeners;
  out.config.certificates = std::move(tls.certificates);
  out.config.clusters = make_clusters(clusters, backends, problems);
  out.problems = problems.take();
  return out;
}

Translation translate(const Store& store, const TranslateOptions& options) {
  CertificateMemory memory;
  return translate(store, options, memory);
}

}  // namespace ingress::controller
