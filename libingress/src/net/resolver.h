// Host names to addresses, by c-ares on the loop.
//
// Owner: worker. Thread: its loop's; counters() from any.
// How long: an answer is good for its TTL, at least min_ttl and at most max_ttl. A name that somebody asked
// for within keep_warm is looked up again in the background before its answer ends, so that requests seldom
// wait.
// When the server fails (no answer, SERVFAIL, nonsense), the last good answer is given for max_stale beyond
// its TTL, at once when the last look-up failed, after `patience` when one is under way (RFC 8767). Failed
// look-ups are repeated after min_ttl, then at growing intervals of at most max_retry.
// A server that says that there is no such name, or that it has no addresses, is believed at once: traffic
// must not go on to what was taken out of DNS. That answer is kept for min_ttl.
// Names are absolute, whatever the search list of resolv.conf says: "example.com" must never be looked up
// as example.com.svc.cluster.local, which somebody else may own. The hosts file comes before DNS; it is read
// inside resolve() when the answer of a name is not good any more.
// Bounds: one look-up per name at a time, max_names, kMaxAddresses each.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counter.h"
#include "ingress/error.h"
#include "net/loop.h"

namespace ingress::net {

struct ResolverOptions {
  std::string servers = {};  // instead of those of resolv.conf, as "127.0.0.1:5300,[::1]:53"
  std::chrono::milliseconds min_ttl{1'000};
  std::chrono::milliseconds max_ttl{300'000};
  std::chrono::milliseconds max_retry{5'000};
  std::chrono::milliseconds patience{1'000};
  std::chrono::milliseconds keep_warm{300'000};
  std::chrono::milliseconds max_stale{86'400'000};
  std::size_t max_names = 10'000;  // beyond, names that nobody uses make room; else resolving fails
};

struct ResolverCounters {
  base::Counter lookups;        // A and AAAA together are one
  base::Counter failures;       // of them, without an answer that could be believed
  base::Counter stale_answers;  // callers who got addresses after the end of their TTL
};

class Resolver {
 public:
  using OnResolved = std::move_only_function<void(std::expected<std::vector<std::string>, Error>)>;
  static constexpr std::size_t kMaxAddresses = 32;
  static constexpr std::size_t kMaxWaiting = 65'536;  // for one name

  static std::expected<std::unique_ptr<Resolver>, Error> create(EventLoop& loop,
                                                                ResolverOptions options = {});
  virtual ~Resolver() = default;  // outstanding callbacks do not come any more
  // Addresses of `host` in the order in which to try them (RFC 8305 section 4), never empty on success; an
  // IP address is its own. The callback comes once and may destroy the Resolver; it comes from the loop or,
  // when nothing has to be asked, from inside this call. Errors: kResolveFailed with what =
  // "no_such_name", "server_failed" or "too_many_names"; retry is safe.
  virtual void resolve(const std::string& host, OnResolved on_resolved) = 0;

  const ResolverCounters& counters() const { return counters_; }

 protected:
  ResolverCounters counters_;
};

}  // namespace ingress::net
