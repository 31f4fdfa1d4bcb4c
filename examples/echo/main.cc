// A backend that tells what it was asked: its own name, the request line and every header field.
//   echo LISTEN_PORT NAME
#include <ingress/server.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

// Answers each request itself, so the route behind it needs no cluster.
class Echo final : public ingress::Filter {
 public:
  explicit Echo(std::string name) : name_(std::move(name)) {}
  ingress::Verdict on_request(ingress::RequestHead& head, ingress::ExchangeContext&) override {
    std::string text = "served by " + name_ + "\n";
    text.append(head.method()).append(" ").append(head.host()).append(head.path()).append("\n");
    for (const auto& field : head.headers())
      text.append(field.name).append(": ").append(field.value).append("\n");
    return ingress::Verdict::reply(200, std::move(text));
  }

 private:
  std::string name_;
};

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: echo LISTEN_PORT NAME\n"), 2;
  ingress::ServerOptions options{.make_filters = [name = std::string(argv[2])] {
    ingress::FilterList list;
    list.push_back(std::make_unique<Echo>(name));
    return list;
  }};
  auto server = ingress::Server::create(std::move(options));
  if (!server) return std::fprintf(stderr, "%s\n", server.error().text().c_str()), 1;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  ingress::GatewayConfig config;
  // Shows what a proxy on this machine says of its client, instead of saying it anew.
  config.listeners = {
      {.name = "echo", .address = "127.0.0.1", .port = port, .trusted_proxies = {"127.0.0.1"}}};
  config.routes = {{.name = "all", .rules = {{.reply = ingress::FixedReply{404, "no_route"}}}}};
  const auto live = server->publish(std::move(config));
  if (!live) return std::fprintf(stderr, "%s\n", live.error().front().why.c_str()), 1;
  std::printf("listening on %d\n", server->status().listeners.front().port);
  std::fflush(stdout);
  server->stop_on_signals();
  return server->run() ? 0 : 1;
}
