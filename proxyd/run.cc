#include "proxyd/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/loop.h"
#include "ingress/ocsp.h"
#include "ingress/server.h"
#include "proxyd/access_log.h"
#include "proxyd/admin.h"
#include "proxyd/config_mode.h"
#include "proxyd/log.h"
#include "proxyd/manifests_mode.h"
#include "proxyd/ocsp_stapler.h"
#include "proxyd/problem_board.h"

namespace proxyd {
namespace {

class ServerPublisher final : public Publisher {
 public:
  explicit ServerPublisher(ingress::Server& server) : server_(server) {}
  Outcome publish(ingress::GatewayConfig config) override {
    auto outcome = server_.publish(std::move(config));
    if (outcome && !std::exchange(has_served_, true))
      for (const ingress::ListenerStatus& listener : server_.status().listeners) log_listener(listener);
    return outcome;
  }
  Outcome apply(ingress::ConfigDelta delta) override { return server_.apply(std::move(delta)); }

  static void log_listener(const ingress::ListenerStatus& listener) {
    const bool is_v6 = listener.address.contains(':') && !listener.address.starts_with("unix:");
    const std::string address = is_v6 ? "[" + listener.address + "]" : listener.address;
    const std::string port = listener.port == 0 ? "" : fmt::format(":{}", listener.port);
    const char* protocol = listener.protocol == ingress::ListenerProtocol::kUdp ? " (UDP)" : "";
    log_line(fmt::format("{} listens on {}{}{}", listener.name, address, port, protocol));
  }

 private:
  ingress::Server& server_;
  bool has_served_ = false;
};

int fail(const std::string& why) {
  log_line(why);
  return 1;
}

// The signals of the daemon. The second SIGTERM or SIGINT cuts what still runs.
// Lifetime: made before, and so destroyed after, everything whose threads could get a signal: one that comes
// late in the shutdown must not kill the process. attach() comes before the loop runs.
class Signals {
 public:
  struct Targets {
    ingress::Server* server = nullptr;
    ConfigSource* source = nullptr;
    AccessLog* access_log = nullptr;  // null = off
    OcspStapler* stapler = nullptr;   // null = off
  };
  explicit Signals(ingress::Loop& loop) {
    for (const int number : {SIGTERM, SIGINT}) add(loop, number, [this] { on_stop(); });
    add(loop, SIGHUP, [this] { on_hangup(); });
  }
  void attach(Targets targets) { targets_ = targets; }
  const std::string& error() const { return error_; }

 private:
  void add(ingress::Loop& loop, int number, std::move_only_function<void()> call) {
    auto registration = loop.on_signal(number, std::move(call));
    if (registration) {
      registrations_.push_back(std::move(*registration));
    } else {
      error_ = "cannot handle signals: " + registration.error().text();
    }
  }
  void on_stop() {
    if (std::exchange(is_stopping_, true)) {
      log_line("stopping at once");
      targets_.server->stop_now();
    } else {
      log_line("stopping after the running requests; once more stops at once");
      targets_.server->stop();
    }
  }
  void on_hangup() {
    log_line("SIGHUP: reading everything again");
    if (targets_.access_log != nullptr) targets_.access_log->reopen();
    targets_.source->rescan();
    if (targets_.stapler != nullptr) targets_.stapler->ask_again();
  }

  std::vector<ingress::Loop::Registration> registrations_;
  Targets targets_;
  std::string error_;
  bool is_stopping_ = false;
};

// From here on these signals wait for ever: the process is about to end with the code that it has earned.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// What was named must be there at the start, where a wrong path is most likely; later it may come and go.
std::string missing_input(const InputOptions& input) {
  const std::string& path = input.config_file.empty() ? input.manifests_dir : input.config_file;
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fmt::format("cannot read {}: {}", path, std::strerror(errno));
}

std::expected<ingress::Server, ingress::Error> create_proxy(const RunOptions& options, ingress::Loop& loop,
                                                            std::shared_ptr<AccessLog> access_log) {
  ingress::ServerOptions server;
  server.workers = options.serve.workers;
  server.zone = options.serve.zone;
  server.access_log = std::move(access_log);
  server.log = [](std::string_view line) { log_line(line); };
  server.local_backends = options.input.local_backends;
  server.loop = &loop;
  server.drain_timeout = options.serve.drain_timeout;
  server.tunnel_drain_timeout = options.serve.tunnel_drain_timeout;
  server.shutdown_delay = options.serve.shutdown_delay;
  return ingress::Server::create(std::move(server));
}

std::unique_ptr<ConfigSource> make_source(const RunOptions& options, ingress::Loop& loop,
                                          Publisher& publisher, ProblemBoard& board,
                                          ConfigSource::OnHopeless on_hopeless) {
  const InputOptions& input = options.input;
  if (!input.config_file.empty())
    return std::make_unique<ConfigMode>(loop, input.config_file, input.local_backends, publisher, board,
                                        std::move(on_hopeless), input.stapling);
  return std::make_unique<ManifestsMode>(loop, input.manifests_dir, input.translate, publisher, board,
                                         std::move(on_hopeless));
}

}  // namespace

// Longer than a screen would be a list of parts in another file: the order of the lines is the order of
// start, and destruction in reverse is the order of the end.
int run_daemon(const RunOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the daemon
  if (const std::string missing = missing_input(options.input); !missing.empty()) return fail(missing);
  auto loop = ingress::Loop::create();
  if (!loop) return fail("cannot create the event loop: " + loop.error().text());
  Signals signals(**loop);
  if (!signals.error().empty()) return fail(signals.error());
  std::shared_ptr<AccessLog> access_log;
  if (options.serve.access_log != "off") {
    auto opened = AccessLog::create(
        {.target = options.serve.access_log, .workers = options.serve.workers, .log = log_line});
    if (!opened) return fail("access log: " + opened.error());
    access_log = std::move(*opened);
  }
  auto server = create_proxy(options, **loop, access_log);
  if (!server) return fail("cannot start: " + server.error().text());

  ProblemBoard board;
  ServerPublisher publisher(*server);
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
  const auto source = make_source(options, **loop, sink, board, [&](const auto&) {
    is_hopeless = true;
    server->stop_now();
  });
  signals.attach({&*server, source.get(), access_log.get(), stapler ? &*stapler : nullptr});

  std::optional<Admin> admin;
  if (options.serve.admin || options.serve.probe) {
    auto created =
        Admin::create(**loop, {*server, board, access_log.get()}, options.serve.admin, options.serve.probe);
    if (!created) return fail(created.error());
    admin = std::move(*created);
    for (const ingress::ListenerStatus& listener : admin->status().listeners)
      ServerPublisher::log_listener(listener);
  }
  source->start();
  const auto ended = server->run();
  block_signals();
  if (!ended) return fail("the event loop failed: " + ended.error().text());
  if (is_hopeless) return fail("nothing can be served; see above");
  log_line("stopped");
  return 0;
}

}  // namespace proxyd
