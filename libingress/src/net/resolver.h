// Host names to addresses, by c-ares on the loop.
//
// Owner: worker. Thread: its loop's. Answers are cached for their TTL (1 s to 5 min) and the last good
// one is kept while the server fails. At most one query per name is under way.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingress/error.h"
#include "net/loop.h"

namespace ingress::net {

class Resolver {
 public:
  using OnResolved = std::move_only_function<void(std::expected<std::vector<std::string>, Error>)>;
  static std::expected<std::unique_ptr<Resolver>, Error> create(EventLoop& loop);
  virtual ~Resolver() = default;  // outstanding callbacks do not come any more
  // Addresses of `host` (A and AAAA), never empty on success. The callback comes once, from the loop or,
  // when the answer is cached, from inside this call. Errors: kConnectFailed with what = "dns".
  virtual void resolve(const std::string& host, OnResolved on_resolved) = 0;
};

}  // namespace ingress::net
