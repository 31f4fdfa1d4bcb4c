#include "tls/session_cache.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <string>

namespace ingress::tls {
namespace {

struct Bench {
  bssl::UniquePtr<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
  SessionPtr make() const { return SessionPtr(SSL_SESSION_new(context.get())); }
};

TEST_CASE("TheNewestSessionOfAKeyIsTheOne") {
  const Bench bench;
  SessionCache cache;
  CHECK(cache.find("a") == nullptr);
  cache.put("a", bench.make());
  SessionPtr second = bench.make();
  const SSL_SESSION* const expected = second.get();
  cache.put("a", std::move(second));
  CHECK(cache.size() == 1);
  CHECK(cache.find("a") == expected);
  CHECK(cache.find("a") == expected);  // it may be used again
  cache.remove("a");
  cache.remove("a");
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.size() == 0);
}

TEST_CASE("BeyondItsBoundWhatWasUsedLongestAgoGoes") {
  const Bench bench;
  SessionCache cache(3);
  for (const char* key : {"a", "b", "c"}) cache.put(key, bench.make());
  CHECK(cache.find("a") != nullptr);
  cache.put("d", bench.make());
  CHECK(cache.size() == 3);
  CHECK(cache.find("b") == nullptr);
  for (const char* key : {"a", "c", "d"}) CHECK(cache.find(key) != nullptr);
  for (int i = 0; i < 100; ++i) cache.put(std::to_string(i), bench.make());
  CHECK(cache.size() == 3);
}

}  // namespace
}  // namespace ingress::tls
