#include "controller/ingress_classes.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr const char* kClassAnnotation = "kubernetes.io/ingress.class";

}  // namespace

std::int64_t age_of(const ObjectMeta& meta) {
  return meta.created_at.value_or(std::numeric_limits<std::int64_t>::max());
}

std::string IngressClasses::class_of(const Ingress& ingress) {
  if (ingress.class_name) return *ingress.class_name;
  const auto annotation = ingress.meta.annotations.find(kClassAnnotation);
  return annotation == ingress.meta.annotations.end() ? std::string() : annotation->second;
}

IngressClasses::IngressClasses(const Store& store, const TranslateOptions& options, ProblemList& problems)
    : only_class_(options.ingress_class) {
  std::vector<DefaultClass> defaults;
  store.for_each<IngressClass>([&](const IngressClass& object, const std::string& source) {
    const bool is_ours = object.controller == options.controller_name &&
                         (only_class_.empty() || object.meta.name == only_class_);
    owners_[object.meta.name] = is_ours ? Owner::kUs : Owner::kOthers;
    if (object.is_default) defaults.push_back({&object, &source});
  });
  if (owners_.empty() && only_class_.empty()) default_owner_ = Owner::kUs;
  find_default(defaults, problems);
  if (options.watch_ingress_without_class) default_owner_ = Owner::kUs;
}

void IngressClasses::find_default(const std::vector<DefaultClass>& defaults, ProblemList& problems) {
  if (defaults.empty()) return;
  // Names come in order, so that the first of the newest is the one that counts.
  const auto chosen = std::max_element(defaults.begin(), defaults.end(), [](const auto& a, const auto& b) {
    return age_of(a.object->meta) < age_of(b.object->meta);
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
  if (owner == owners_.end() && !ingress.class_name && annotation->second == only_class_) return true;
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

std::vector<ServedIngress> served_ingresses(const Store& store, const TranslateOptions& options,
                                            std::size_t& num_ignored, ProblemList& problems) {
  const IngressClasses classes(store, options, problems);
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
    return std::tuple(age_of(x), std::tie(x.namespace_, x.name)) <
           std::tuple(age_of(y), std::tie(y.namespace_, y.name));
  });
  return served;
}

}  // namespace ingress::controller
