// Host names to addresses, by c-ares on the loop.
//
// Owner: worker. Thread: its loop's. Answers are cached for their TTL (1 s to 5 min), "no such name" and
// failures for 1 s. While the server fails, the last good answer is given, without waiting from the second
// failure on; a server that says "no such name" is believed. At most one query per name is under way, and
// kMaxNames are remembered. The hosts file comes before DNS; it is read inside resolve(), in full, when
// a name is not cached.
#pragma once

#include <cstddef>
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
  static constexpr std::size_t kMaxNames = 10'000;
  // `servers`: instead of those of resolv.conf, as "127.0.0.1:5300,[::1]:53".
  static std::expected<std::unique_ptr<Resolver>, Error> create(EventLoop& loop,
                                                                const std::string& servers = {});
  virtual ~Resolver() = default;  // outstanding callbacks do not come any more
  // Addresses of `host` (A and AAAA, best first by RFC 6724), never empty on success; an IP address is its
  // own. The callback comes once and may destroy the Resolver; it comes from the loop or, when nothing
  // has to be asked, from inside this call. Errors: kResolveFailed with what = "dns"; retry is safe.
  virtual void resolve(const std::string& host, OnResolved on_resolved) = 0;
};

}  // namespace ingress::net
