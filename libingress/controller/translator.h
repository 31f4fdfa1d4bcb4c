// Objects to configuration by what changed: only what hangs on a touched object is translated again.
//
// Owner: the Reconciler. Thread: its. Caller: tells of every key that was touched in the store, before the
// next translate() or question. Borrows the store, the options and the memory.
// Always true: after translate() config() and problems() are those of translate(store, options, memory), and
// the deltas sum up to config(). The cost of a change does not grow with the number of objects, but with that
// of the Ingresses that share its hosts and Secrets, and of the hosts that refer to its Service.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/ingress_index.h"
#include "controller/object_sink.h"
#include "controller/problem_book.h"
#include "controller/slice_index.h"
#include "controller/store.h"
#include "controller/tls_table.h"
#include "controller/translate.h"
#include "controller/translate_backends.h"
#include "controller/translate_ingress.h"
#include "ingress/config.h"

namespace ingress::controller {

class Translator {
 public:
  Translator(const Store& store, const TranslateOptions& options, CertificateMemory& memory);
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;

  // Takes over what `touched` became in the store; what hangs on that waits for translate().
  void update(const std::set<ObjectKey>& touched);
  // What has changed since the last call, sorted by name; the first delta brings the listeners.
  ConfigDelta translate();

  // The Secrets that Ingresses and options name, as of the last update.
  std::set<ObjectName> secrets() const { return ingresses_.secrets(); }
  GatewayConfig config() const;  // made anew; validates
  ProblemList problems() const { return problems_.all(); }
  std::size_t num_ignored_ingresses() const { return ingresses_.num_ignored(); }

 private:
  // What one host became.
  struct Host {
    std::vector<Route> routes;
    std::vector<ObjectName> services;  // that its backends name, there or not
    std::vector<ClusterKey> clusters;  // that it goes to
  };
  struct ClusterState {
    Cluster cluster;            // without a name until it is made
    std::size_t num_hosts = 0;  // that go to it
  };

  void translate_tls(ConfigDelta& delta);
  IngressSet close_scope(TlsScope& scope, std::set<ObjectName> secrets) const;
  void keep_tls_problems(const ProblemList& found, const IngressSet& ingresses, const TlsScope& scope);
  void translate_hosts(ConfigDelta& delta);
  Host make_host(const std::string& host, const HostTable& claims, ProblemList& problems) const;
  void replace_host(const std::string& name, Host host, ConfigDelta& delta);
  void replace_links(const std::string& name, const Host& from, const Host& to);
  void translate_clusters(ConfigDelta& delta);

  const Store& store_;
  const TranslateOptions& options_;
  CertificateMemory& memory_;
  ProblemBook problems_;
  IngressIndex ingresses_;
  SliceIndex slices_;
  Backends backends_;
  TlsTable tls_;
  Redirects redirects_;

  std::map<std::string, Host> hosts_;
  std::map<ClusterKey, ClusterState> clusters_;
  // By Service: the hosts that name it; keys of hosts_.
  std::map<ObjectName, std::set<const std::string*>> hosts_of_service_;

  // What waits to be translated again.
  IngressChanges changes_;
  std::set<ObjectName> touched_secrets_;
  std::set<ClusterKey> due_clusters_;
  bool has_listeners_ = false;  // were sent
};

}  // namespace ingress::controller
