#include "proxyd/process/serving.h"

#include <fmt/format.h>

#include <csignal>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ingress/loop.h"
#include "ingress/ocsp.h"
#include "ingress/server.h"
#include "proxyd/access_log.h"
#include "proxyd/admin.h"
#include "proxyd/adoption_watch.h"
#include "proxyd/config_source.h"
#include "proxyd/log.h"
#include "proxyd/ocsp_stapler.h"
#include "proxyd/problem_board.h"
#include "proxyd/process/sandbox.h"
#include "proxyd/process/signals.h"
#include "proxyd/sources.h"

namespace proxyd {
namespace {

class ServerPublisher final : public Publisher {
 public:
  ServerPublisher(ingress::Loop& loop, ingress::Server& server, SupervisorClient& supervisor)
      : server_(server), supervisor_(supervisor), adoptions_(loop, server) {}
  Outcome publish(ingress::GatewayConfig config) override {
    auto outcome = server_.publish(std::move(config));
    if (outcome && !std::exchange(has_served_, true)) {
      for (const ingress::ListenerStatus& listener : server_.status().listeners) log_listener(listener);
      supervisor_.say_ready();
    }
    return outcome;
  }
  Outcome apply(ingress::ConfigDelta delta) override { return server_.apply(std::move(delta)); }
  void when_adopted(ingress::Generation generation, std::move_only_function<void()> call) override {
    adoptions_.add(generation, std::move(call));
  }

  static void log_listener(const ingress::ListenerStatus& listener) {
    const bool is_v6 = listener.address.contains(':') && !listener.address.starts_with("unix:");
    const std::string address = is_v6 ? "[" + listener.address + "]" : listener.address;
    const std::string port = listener.port == 0 ? "" : fmt::format(":{}", listener.port);
    const char* protocol = listener.protocol == ingress::ListenerProtocol::kUdp ? " (UDP)" : "";
    log_line(fmt::format("{} listens on {}{}{}", listener.name, address, port, protocol));
  }

 private:
  ingress::Server& server_;
  SupervisorClient& supervisor_;
  AdoptionWatch adoptions_;
  bool has_served_ = false;
};

int fail(const std::string& why) {
  log_line(why);
  return 1;
}

std::expected<ingress::Server, ingress::Error> create_proxy(const RunOptions& options, ingress::Loop& loop,
                                                            SupervisorClient& supervisor,
                                                            std::shared_ptr<AccessLog> access_log) {
  ingress::ServerOptions server;
  server.workers = options.serve.workers;
  server.zone = options.serve.zone;
  server.access_log = std::move(access_log);
  server.log = [](std::string_view line) { log_line(line); };
  server.open_sockets = [&](const auto& request) { return supervisor.open_sockets(request); };
  server.give_up_sockets = [&](const auto& request) { supervisor.give_up_sockets(request); };
  server.local_backends = options.input.local_backends;
  server.loop = &loop;
  server.drain_timeout = options.serve.drain_timeout;
  server.tunnel_drain_timeout = options.serve.tunnel_drain_timeout;
  server.shutdown_delay = options.serve.shutdown_delay;
  return ingress::Server::create(std::move(server));
}

}  // namespace

// Longer than a screen would be a list of parts in another file: the order of the lines is the order of
// start, and destruction in reverse is the order of the end.
int run_serving(const RunOptions& options, ChildSetup setup) {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the daemon
  SupervisorClient supervisor(std::move(setup.supervisor));
  if (const auto entered = enter_sandbox({}); !entered) return fail("the sandbox: " + entered.error());
  auto loop = ingress::Loop::create();
  if (!loop) return fail("cannot create the event loop: " + loop.error().text());
  Signals signals(**loop);
  if (!signals.error().empty()) return fail(signals.error());
  std::shared_ptr<AccessLog> access_log;
  if (options.serve.access_log != "off") {
    auto opened = AccessLog::create({.target = options.serve.access_log,
                                     .open = [&] { return supervisor.open_log(); },
                                     .workers = options.serve.workers,
                                     .log = log_line});
    if (!opened) return fail("access log: " + opened.error());
    access_log = std::move(*opened);
  }
  auto server = create_proxy(options, **loop, supervisor, access_log);
  if (!server) return fail("cannot start: " + server.error().text());

  ProblemBoard board;
  ServerPublisher publisher(**loop, *server, supervisor);
  std::optional<ingress::OcspClient> responders;
  std::optional<OcspStapler> stapler;
  if (options.input.stapling == Stapling::kOn) {
    auto created = ingress::OcspClient::create(**loop, options.input.responders);
    if (!created) return fail("cannot ask OCSP responders: " + created.error().text());
    responders = std::move(*created);
    stapler.emplace(**loop, publisher, board, [&](const auto& question, auto on_response) {
      return responders->ask(question, std::move(on_response));
    });
  }
  Publisher& sink = stapler ? static_cast<Publisher&>(*stapler) : publisher;
  bool is_hopeless = false;
  const auto made = make_source(options.input, **loop, sink, board, [&](const auto&) {
    is_hopeless = true;
    server->stop_now();
  });
  if (!made) return fail(made.error());
  ConfigSource* const source = made->get();
  signals.attach({.on_stop =
                      [&] {
                        log_line("stopping after the running requests; once more stops at once");
                        server->stop();
                      },
                  .on_stop_now =
                      [&] {
                        log_line("stopping at once");
                        server->stop_now();
                      },
                  .on_hangup =
                      [&] {
                        log_line("SIGHUP: reading everything again");
                        if (access_log) access_log->reopen();
                        source->rescan();
                        if (stapler) stapler->ask_again();
                      }});

  std::optional<Admin> admin;
  if (options.serve.admin || options.serve.probe) {
    auto created = Admin::create(**loop, {*server, board, access_log.get(), &supervisor}, options.serve.admin,
                                 options.serve.probe);
    if (!created) return fail(created.error());
    admin = std::move(*created);
    for (const ingress::ListenerStatus& listener : admin->status().listeners)
      ServerPublisher::log_listener(listener);
  }
  source->start();
  const auto ended = server->run();
  Signals::block();
  if (!ended) return fail("the event loop failed: " + ended.error().text());
  if (is_hopeless) return fail("nothing can be served; see above");
  log_line("stopped");
  return 0;
}

}  // namespace proxyd
