// Which Ingresses are ours.
//
// The class of an Ingress is spec.ingressClassName, else the annotation kubernetes.io/ingress.class (empty =
// none). The API server refuses both together; where both are set all the same the field wins, as in
// ingress-nginx. An Ingress is ours when its class is an IngressClass with our controller name. Without a
// class it is ours when the default class is; of several default classes the newest counts, then the first
// by name, as in the admission plugin of Kubernetes. While no IngressClass exists at all, Ingresses without
// a class are ours, so that a folder of plain manifests works as it is.
// With TranslateOptions::ingress_class only that class counts, and the annotation may name it without an
// IngressClass, as in ingress-nginx. With watch_ingress_without_class those without one are ours whatever the
// default class.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/problem_list.h"
#include "controller/store.h"
#include "controller/translate.h"

namespace ingress::controller {

struct ServedIngress {
  const Ingress* ingress = nullptr;  // in the store
  const std::string* source = nullptr;
};

class IngressClasses {
 public:
  // Borrows from `store`. Several defaults become problems.
  IngressClasses(const Store& store, const TranslateOptions& options, ProblemList& problems);

  // The class that an Ingress names; empty = none.
  static std::string class_of(const Ingress& ingress);
  bool is_ours(const Ingress& ingress, const std::string& source, ProblemList& problems) const;
  // Whether Ingresses without a class are.
  bool owns_unnamed() const { return default_owner_ == Owner::kUs; }

 private:
  enum class Owner : std::uint8_t { kUs, kOthers };
  struct DefaultClass {
    const IngressClass* object;
    const std::string* source;
  };
  void find_default(const std::vector<DefaultClass>& defaults, ProblemList& problems);

  std::map<std::string, Owner> owners_;  // by class name
  Owner default_owner_ = Owner::kOthers;
  std::string only_class_;  // TranslateOptions::ingress_class
};

// The Ingresses that are ours, oldest first: creationTimestamp (unset = newest), then namespace, then name.
// This order decides every conflict.
std::vector<ServedIngress> served_ingresses(const Store& store, const TranslateOptions& options,
                                            std::size_t& num_ignored, ProblemList& problems);
// What this order compares before namespace and name.
std::int64_t age_of(const ObjectMeta& meta);

}  // namespace ingress::controller
