#include "controller/ingress_classes.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr const char* kClassAnnotation = "kubernetes.io/ingress.class";

std::int64_t age_key(const ObjectMeta& meta) {
  return meta.created_at.value_or(std::numeric_limits<std::int64_t>::max());
}

struct DefaultClass {
  const IngressClass* object;
  const std::string* source;
};

}  // namespace

IngressClasses::IngressClasses(const Store& store, const std::string& controller_name,
                               ProblemList& problems) {
  std::vector<DefaultClass> defaults;
  store.for_each<IngressClass>([&](const IngressClass& object, const std::string& source) {
    owners_[object.meta.name] = object.controller == controller_name ? Owner::kUs : Owner::kOthers;
    if (object.is_default) defaults.push_back({&object, &source});
  });
  if (owners_.empty()) default_owner_ = Owner::kUs;
  if (defaults.empty()) return;
  // Names come in order, so that the first of the newest is the one that counts.
  const auto chosen = std::max_element(defaults.begin(), defaults.end(), [](const auto& a, const auto& b) {
    return age_key(a.object->meta) < age_key(b.object->meta);
  });
  const std::string& name = chosen->object->meta.name;
  default_owner_ = owners_.at(name);
  for (const DefaultClass& other : defaults) {
    if (other.object == chosen->object) continue;
    problems.add({.source = *other.source,
                  .object = {IngressClass::kKind, "", other.object->meta.name},
                  .field = "metadata.annotations[\"ingressclass.kubernetes.io/is-default-class\"]",
                  .why = "IngressClass " + name +
                         " is marked as default too, and is newer or first by name: it counts",
                  .fix = "mark only one IngressClass as default"});
  }
}

bool IngressClasses::is_ours(const Ingress& ingress, const std::string& source, ProblemList& problems) const {
  const auto annotation = ingress.meta.annotations.find(kClassAnnotation);
  const bool has_annotation = annotation != ingress.meta.annotations.end() && !annotation->second.empty();
  if (!ingress.class_name && !has_annotation) return default_owner_ == Owner::kUs;
  const auto owner = owners_.find(ingress.class_name ? *ingress.class_name : annotation->second);
  const Origin origin{Ingress::kKind, ingress.meta.namespace_, ingress.meta.name};
  if (owner == owners_.end() && ingress.class_name) {
    // Of the annotation this is normal: other controllers take its value as a name of their own.
    problems.add({.severity = Severity::kWarning,
                  .source = source,
                  .object = origin,
                  .field = "spec.ingressClassName",
                  .why = "there is no IngressClass " + *ingress.class_name + ": the Ingress is not served",
                  .fix = "create that IngressClass, or name an existing one"});
  }
  if (owner == owners_.end() || owner->second != Owner::kUs) return false;
  if (ingress.class_name && has_annotation && annotation->second != *ingress.class_name) {
    problems.add({.severity = Severity::kWarning,
                  .source = source,
                  .object = origin,
                  .field = "metadata.annotations[\"kubernetes.io/ingress.class\"]",
                  .why = quoted(annotation->second) + " is not used: spec.ingressClassName is set and wins",
                  .fix = "remove the annotation"});
  }
  return true;
}

std::vector<ServedIngress> served_ingresses(const Store& store, const std::string& controller_name,
                                            std::size_t& num_ignored, ProblemList& problems) {
  const IngressClasses classes(store, controller_name, problems);
  std::vector<ServedIngress> served;
  store.for_each<Ingress>([&](const Ingress& ingress, const std::string& source) {
    if (classes.is_ours(ingress, source, problems)) {
      served.push_back({&ingress, &source});
    } else {
      ++num_ignored;
    }
  });
  std::sort(served.begin(), served.end(), [](const ServedIngress& a, const ServedIngress& b) {
    const ObjectMeta& x = a.ingress->meta;
    const ObjectMeta& y = b.ingress->meta;
    return std::tuple(age_key(x), std::tie(x.namespace_, x.name)) <
           std::tuple(age_key(y), std::tie(y.namespace_, y.name));
  });
  return served;
}

}  // namespace ingress::controller
