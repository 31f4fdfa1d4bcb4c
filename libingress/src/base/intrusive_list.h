// A list whose links lie in its elements: adding and removing allocate nothing, and an element can leave
// in constant time without knowing which list it is in.
//
// Owner: elements belong to others; a list only links them. Thread: the one of its elements.
// Caller: an element is in one list per hook at a time. Either side may end first: an element unlinks
// itself, a list lets its elements go.
#pragma once

#include <cassert>
#include <cstddef>

namespace ingress::base {

// The links of an element; a member of it. Not copied with it.
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  bool is_linked() const { return next_ != nullptr; }
  // Does nothing when not linked.
  void unlink() {
    if (!is_linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, ListHook T::* kHook>
  friend class IntrusiveList;
  ListHook* next_ = nullptr;  // null: not linked; a list is a ring through its head
  ListHook* previous_ = nullptr;
};

template <class T, ListHook T::* kHook>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    clear();
    head_.next_ = head_.previous_ = nullptr;
  }

  bool is_empty() const { return head_.next_ == &head_; }
  // Null when empty.
  T* front() const { return to_element(head_.next_); }
  T* back() const { return to_element(head_.previous_); }
  void push_front(T& element) { link(&head_, &(element.*kHook)); }
  void push_back(T& element) { link(head_.previous_, &(element.*kHook)); }
  // Unlinks and returns the first element, null when empty.
  T* pop_front() {
    T* element = front();
    if (element) (element->*kHook).unlink();
    return element;
  }
  void clear() {
    while (!is_empty()) head_.next_->unlink();
  }
  // visit(T&) in order; it may unlink or end the element it is given, but no other.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (ListHook* hook = head_.next_; hook != &head_;) {
      ListHook* next = hook->next_;
      visit(*to_element(hook));
      hook = next;
    }
  }

 private:
  static void link(ListHook* previous, ListHook* hook) {
    assert(!hook->is_linked());
    hook->previous_ = previous;
    hook->next_ = previous->next_;
    previous->next_->previous_ = hook;
    previous->next_ = hook;
  }
  // The element around `hook`; null for the head.
  T* to_element(ListHook* hook) const {
    if (hook == &head_) return nullptr;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(hook) - hook_offset());
  }
  // offsetof() takes no member pointer; elements are often no standard-layout types, for which gcc and
  // clang lay members out at fixed offsets all the same.
  static std::size_t hook_offset() {
    alignas(T) static constexpr char kPlace[sizeof(T)] = {};
    const T* element = reinterpret_cast<const T*>(kPlace);
    return static_cast<std::size_t>(reinterpret_cast<const char*>(&(element->*kHook)) - kPlace);
  }

  ListHook head_;
};

}  // namespace ingress::base
