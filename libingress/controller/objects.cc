#include "controller/objects.h"

namespace ingress::controller {

const ObjectMeta& meta_of(const Object& object) {
  return std::visit([](const auto& typed) -> const ObjectMeta& { return typed.meta; }, object);
}

Origin origin_of(const Object& object) {
  return std::visit(
      [](const auto& typed) { return Origin{typed.kKind, typed.meta.namespace_, typed.meta.name}; }, object);
}

}  // namespace ingress::controller
