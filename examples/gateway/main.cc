// A gateway in forty lines: two versions of a shop's cart, a 95 to 5 split, and a filter of its own.
//   gateway LISTEN_PORT CART_V1_PORT CART_V2_PORT
#include <ingress/server.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

// Turns away requests that name no tenant. One object per worker: no locks needed.
class TenantGate final : public ingress::Filter {
 public:
  ingress::Verdict on_request(ingress::RequestHead& head, ingress::ExchangeContext& context) override {
    const auto tenant = head.headers().get("x-tenant");
    if (!tenant) return ingress::Verdict::reply(403, "x-tenant is required\n");
    context.set_label("tenant", *tenant);  // copies: the view ends with this call
    return ingress::Verdict::next();
  }
};

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: gateway LISTEN_PORT CART_V1_PORT CART_V2_PORT\n"), 2;
  const auto port = [&](int index) { return static_cast<std::uint16_t>(std::atoi(argv[index])); };
  ingress::GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = port(1)}};
  config.clusters = {{.name = "cart-v1", .endpoints = {{"127.0.0.1", port(2)}}},
                     {.name = "cart-v2", .endpoints = {{"127.0.0.1", port(3)}}}};
  config.routes = {{.name = "cart",
                    .hosts = {"shop.example.com"},
                    .rules = {{.matches = {{.path = ingress::PathMatch::prefix("/cart")}},
                               .backends = {{"cart-v1", 95}, {"cart-v2", 5}},
                               .timeouts = {.request = std::chrono::seconds(5)}}}}};
  ingress::ServerOptions options{.workers = 2,
                                 .make_filters =
                                     [] {
                                       ingress::FilterList list;
                                       list.push_back(std::make_unique<TenantGate>());
                                       return list;
                                     },
                                 .local_backends = ingress::LocalBackends::kAllowed};
  auto server = ingress::Server::create(std::move(options));
  if (!server) return std::fprintf(stderr, "%s\n", server.error().text().c_str()), 1;
  const auto live = server->publish(std::move(config));  // callable again, from any thread
  if (!live) {
    for (const auto& p : live.error()) std::fprintf(stderr, "%s: %s\n", p.field.c_str(), p.why.c_str());
    return 1;
  }
  server->stop_on_signals();
  return server->run() ? 0 : 1;
}
