// What stands behind ingress::Loop, for the parts of the library that are given one.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "ingress/loop.h"
#include "net/loop.h"

namespace ingress {

struct Loop::Impl {
  std::unique_ptr<net::EventLoop> event_loop;
};

// Ends its registration in the destructor, which may come inside the registered callback.
struct Loop::Registration::Impl {
  virtual ~Impl() = default;
};

}  // namespace ingress

namespace ingress::net {

using OnEvent = std::move_only_function<void()>;
using RegistrationImpl = std::unique_ptr<Loop::Registration::Impl>;

std::expected<RegistrationImpl, Error> watch_path(EventLoop& loop, const std::string& path, OnEvent call);

}  // namespace ingress::net
