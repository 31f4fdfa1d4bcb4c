// A server's side of TLS without sockets: a loop, certificates, and connections whose client is in memory.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tls/test_certificates.h"
#include "tls/test_client.h"
#include "tls/tls_transport.h"

namespace ingress::tls {

using test::ClientRecipe;
using test::FakePeer;
using test::make_certificate;
using test::TestClient;
using test::TestKey;

// What stands on the transport.
class Recorder final : public net::TransportHandler {
 public:
  void on_ready() override { ++num_ready; }
  void on_read(base::Slice bytes) override {
    text += bytes.view();
    ++num_reads;
    if (on_bytes) on_bytes();
  }
  void on_read_end() override { ++num_ends; }
  void on_drained() override { ++num_drained; }
  void on_broken(Error error) override { broken.push_back(error.what); }

  std::string text;
  int num_ready = 0, num_reads = 0, num_ends = 0, num_drained = 0;
  std::vector<std::string> broken;
  std::function<void()> on_bytes;
};

struct Server {
  explicit Server(ListenerTls settings = {}, std::vector<Certificate> certificates = {make_certificate()})
      : loop(std::move(*net::EventLoop::create())) {
    configure(settings);
    CertTable::Builder builder{CertTable()};
    for (const Certificate& certificate : certificates) {
      auto loaded = ServedCertificate::load(certificate, std::chrono::system_clock::now());
      REQUIRE(loaded.certificate);
      builder.put(std::move(loaded.certificate));
    }
    table = std::make_shared<const CertTable>(builder.take());
  }
  // From the next handshake on; the keys of tickets stay.
  void configure(const ListenerTls& settings) {
    std::shared_ptr<const ClientVerifier> clients;
    if (settings.client_certificates) {
      clients =
          ClientVerifier::load(*settings.client_certificates, std::chrono::system_clock::now()).verifier;
      REQUIRE(clients);
    }
    context = std::move(*ServerContext::create(settings, Http2Mode::kOn, "web", tickets, std::move(clients)));
  }
  void replace(const Certificate& certificate) {
    CertTable::Builder builder(*table);
    builder.put(ServedCertificate::load(certificate, std::chrono::system_clock::now()).certificate);
    table = std::make_shared<const CertTable>(builder.take());
  }
  // From the next handshake on.
  void set_policies(const std::vector<TlsPolicy>& values) {
    PolicyTable::Builder builder{PolicyTable()};
    for (const TlsPolicy& value : values) {
      auto loaded = HostPolicy::load(value, std::chrono::system_clock::now());
      REQUIRE(loaded.policy);
      builder.put(std::move(loaded.policy));
    }
    policies = std::make_shared<const PolicyTable>(builder.take());
  }
  // Runs what was deferred.
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }

  std::unique_ptr<net::EventLoop> loop;
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>();
  std::shared_ptr<const ServerContext> context;
  std::shared_ptr<const CertTable> table;
  std::shared_ptr<const PolicyTable> policies;
  TlsCounters counters;
  HandshakeLimits limits;
};

struct Connection {
  explicit Connection(Server& server_in, ClientRecipe recipe = {})
      : server(server_in),
        peer(FakePeer::make(&server.loop->buffers())),
        client(peer, recipe),
        transport(std::move(*accept(*server.loop, peer->take_transport(),
                                    {.context = server.context,
                                     .certificates = server.table,
                                     .policies = server.policies,
                                     .handshake_limit = std::chrono::seconds(10),
                                     .place = server.limits.enter("192.0.2.1", 0, 0)},
                                    server.counters))) {
    transport->start(&handler);
  }
  ~Connection() {
    transport.reset();
    server.turn();
  }
  void write(std::string_view text) {
    base::Chain chain;
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 50'000)))
      chain.append(server.loop->buffers().copy(text.substr(0, 50'000)));
    transport->write(std::move(chain));
  }

  Server& server;
  std::shared_ptr<FakePeer> peer;
  TestClient client;
  Recorder handler;
  net::TransportPtr transport;
};

inline std::string some_text(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ' ';
  text.resize(size);
  return text;
}

}  // namespace ingress::tls
