// A counted pointer for objects of one worker: the count is a plain integer, no atomics.
// Thread: the worker's only. T has a member `std::uint32_t local_refs = 0`.
#pragma once

#include <utility>

namespace ingress::upstream {

template <typename T>
class LocalRef {
 public:
  LocalRef() = default;
  explicit LocalRef(T* object) : object_(object) {
    if (object_) ++object_->local_refs;
  }
  LocalRef(const LocalRef& other) : LocalRef(other.object_) {}
  LocalRef(LocalRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  LocalRef& operator=(LocalRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~LocalRef() {
    if (object_ && --object_->local_refs == 0) delete object_;
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace ingress::upstream
