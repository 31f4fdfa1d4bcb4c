#include "ingress/router.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "routing/random_routes.h"

using namespace ingress;
using ingress::test::Request;

namespace {

GatewayConfig shop() {
  GatewayConfig config;
  config.clusters = {{.name = "cart", .endpoints = {{"10.0.0.11", 9000}}}};
  config.routes = {
      {.name = "shop",
       .hosts = {"shop.example.com"},
       .rules = {{.matches = {{.path = PathMatch::prefix("/cart")}}, .backends = {{"cart", 1, {}}}},
                 {.name = "rest", .reply = FixedReply{404, "no_route"}}}}};
  return config;
}

}  // namespace

TEST_CASE("A compiled router names route and rule") {
  const auto router = Router::compile(shop());
  REQUIRE(router.has_value());
  const auto cart = router->match(Request{.host = "shop.example.com", .path = "/cart/1"}.head());
  REQUIRE(cart.has_value());
  CHECK(cart->route == "shop");
  CHECK(cart->rule == "0");
  CHECK(cart->value->backends[0].cluster == "cart");
  const auto rest = router->match(Request{.host = "shop.example.com", .path = "/cartoon"}.head());
  REQUIRE(rest.has_value());
  CHECK(rest->rule == "rest");
  CHECK_FALSE(router->match(Request{.host = "other"}.head()).has_value());
}

TEST_CASE("A config that does not validate is refused with its problems") {
  GatewayConfig config = shop();
  config.routes[0].rules[0].matches[0].path.value = "no-slash";
  config.routes[0].rules[0].backends[0].cluster = "absent";
  const auto router = Router::compile(config);
  REQUIRE_FALSE(router.has_value());
  CHECK(router.error().size() >= 2);
}

TEST_CASE("Any number of threads may match at once") {
  const auto router = Router::compile(shop());
  REQUIRE(router.has_value());
  std::vector<int> found(4, 0);
  {
    std::vector<std::jthread> threads;
    for (int& count : found) {
      threads.emplace_back([&router, &count] {
        const Request request{.host = "shop.example.com", .path = "/cart/1"};
        const RequestHead head = request.head();
        for (int i = 0; i < 10'000; ++i) count += router->match(head)->rule == "0" ? 1 : 0;
      });
    }
  }
  for (const int count : found) CHECK(count == 10'000);
}
