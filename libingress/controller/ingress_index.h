// Ingresses by what they hang on and what hangs on them: their class, their hosts, their Secrets.
//
// Owner: the Translator. Thread: its. Caller: updates what was touched in the store before anything is asked.
// Always true: only served Ingresses are found by host or Secret, oldest first.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "controller/ingress_classes.h"
#include "controller/object_sink.h"
#include "controller/problem_book.h"
#include "controller/store.h"
#include "controller/translate.h"

namespace ingress::controller {

struct IngressState {
  ObjectName name;
  ServedIngress served;    // in the store
  std::string class_name;  // empty = none
  bool is_served = false;
  // As it is indexed; empty while it is not served.
  std::int64_t age = 0;
  std::vector<std::string> claimed;    // hosts of its rules; "" = any
  std::vector<std::string> tls_hosts;  // valid hosts of its rules and of its TLS; only where TLS is served
  std::vector<ObjectName> secrets;
  std::vector<IngressTls> tls;
  std::string source;
};

struct OlderFirst {
  bool operator()(const IngressState* a, const IngressState* b) const {
    return std::tie(a->age, a->name) < std::tie(b->age, b->name);
  }
};
using IngressSet = std::set<const IngressState*, OlderFirst>;

// What may be translated otherwise after an update.
struct IngressChanges {
  std::set<std::string> hosts;      // claimed
  std::set<ObjectName> ingresses;   // whose TLS is another, or gone
  std::set<std::string> tls_hosts;  // that those named or name
  std::set<ObjectName> secrets;     // the same
};

class IngressIndex {
 public:
  // Borrows all three.
  IngressIndex(const Store& store, const TranslateOptions& options, ProblemBook& problems);

  // Takes over what `touched` became in the store; other kinds than Ingress and IngressClass are passed over.
  void update(const std::set<ObjectKey>& touched, IngressChanges& changes);

  // Null when it is not served.
  const IngressState* find(const ObjectName& name) const;
  const IngressSet& claiming(const std::string& host) const;
  const IngressSet& naming_host(const std::string& host) const;
  const IngressSet& naming_secret(const ObjectName& secret) const;
  // Each Secret that is named, and that of the default certificate.
  std::set<ObjectName> secrets() const;
  std::size_t num_ignored() const { return states_.size() - num_served_; }

 private:
  void update_classes(const std::set<ObjectKey>& touched, std::set<ObjectName>& names);
  void update_ingress(const ObjectName& name, IngressChanges& changes);
  void load(IngressState& state);
  void add(IngressState& state);
  void remove(IngressState& state);

  const Store& store_;
  const TranslateOptions& options_;
  ProblemBook& problems_;
  IngressClasses classes_;
  std::map<ObjectName, IngressState> states_;
  std::size_t num_served_ = 0;
  std::map<std::string, std::set<const IngressState*>> by_class_;
  std::unordered_map<std::string, IngressSet> claiming_, naming_host_;
  std::map<ObjectName, IngressSet> naming_secret_;
};

}  // namespace ingress::controller
