// Listening sockets that somebody else has bound: used whatever became of the configurations before.
#include <doctest/doctest.h>

#include <fcntl.h>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

TEST_CASE("HandedSocketsSurviveAConfigurationThatIsRefused") {
  Backend backend(serve_echo);
  ListeningSocket bound, taken;  // `bound` stays open here too: its port cannot be bound again
  GatewayConfig config = one_backend(backend.port());
  config.listeners[0].port = bound.port();
  auto server = Server::create({.sockets = {{.listener = "web", .fds = {::dup(bound.fd())}}},
                                .local_backends = LocalBackends::kAllowed});
  REQUIRE(server);
  GatewayConfig refused = config;
  refused.listeners.push_back({.name = "zz", .address = "127.0.0.1", .port = taken.port()});
  CHECK(!server->publish(refused));
  CHECK(server->publish(config));
  Socket client = Socket::connect(bound.port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("HandedSocketsThatNobodyWantedAreClosed") {
  ListeningSocket bound;
  const int fd = ::dup(bound.fd());
  {
    auto server = Server::create(
        {.sockets = {{.listener = "web", .fds = {fd}}}, .local_backends = LocalBackends::kAllowed});
    REQUIRE(server);
  }
  CHECK(::fcntl(fd, F_GETFD) == -1);
}

}  // namespace
}  // namespace ingress::test
