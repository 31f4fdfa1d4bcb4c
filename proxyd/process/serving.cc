#include "proxyd/process/serving.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/loop.h"
#include "ingress/server.h"
#include "proxyd/access_log.h"
#include "proxyd/admin.h"
#include "proxyd/config_source.h"
#include "proxyd/link/link_client.h"
#include "proxyd/log.h"
#include "proxyd/process/controller_view.h"
#include "proxyd/process/link_files.h"
#include "proxyd/process/listener_log.h"
#include "proxyd/process/local_link.h"
#include "proxyd/process/sandbox.h"
#include "proxyd/process/serving_pages.h"
#include "proxyd/process/signals.h"

namespace proxyd {
namespace {

// What is kept for the process after this one is a copy of the whole. Between two of them so many times as
// long as the last one took: what came in between is what a death of all other processes as well would lose.
constexpr int kKeepPause = 9;

class ServingProcess final : private Publisher {
 public:
  ServingProcess(const ServeOptions& options, const LinkOptions* link, ChildSetup setup)
      : options_(options),
        link_(link),
        kept_(std::move(setup.config)),
        supervisor_(std::make_shared<SupervisorClient>(std::move(setup.supervisor))) {}

  // Each step needs those before it. Fails with a sentence.
  std::expected<void, std::string> start();
  int run();

 private:
  Outcome publish(ingress::GatewayConfig config) override;
  Outcome apply(ingress::ConfigDelta delta) override { return server_->apply(std::move(delta)); }

  std::expected<void, std::string> open_log();
  std::expected<void, std::string> create_server();
  std::expected<void, std::string> open_admin();
  void attach_signals();
  std::expected<void, std::string> create_client(std::optional<ingress::StreamIdentity> identity);
  void restore();
  bool is_adopted(ingress::Generation generation) const;
  void on_refused(const std::vector<ingress::Problem>& problems);
  void on_state(const std::string& why);
  void keep_soon();
  void keep();

  const ServeOptions& options_;
  const LinkOptions* link_;
  OwnedFd kept_;
  std::atomic<bool> is_kept_{false};              // of the configuration; for the pages
  std::shared_ptr<SupervisorClient> supervisor_;  // the log's writer may outlive us
  // In order of their making; the end is the reverse.
  std::unique_ptr<ingress::Loop> loop_;
  std::optional<Signals> signals_;
  std::shared_ptr<AccessLog> access_log_;
  std::optional<ingress::Server> server_;
  ControllerView view_;
  std::optional<LocalLink> local_link_;
  std::optional<LinkClient> client_;
  std::optional<Admin> admin_;
  ingress::Loop::Registration keep_timer_;
  bool has_served_ = false, is_hopeless_ = false, was_missing_ = false, is_news_unkept_ = false;
};

std::expected<void, std::string> ServingProcess::start() {
  std::optional<ingress::StreamIdentity> identity;
  if (link_ != nullptr) {
    auto read = read_identity(*link_);  // by the rights that we start with
    if (!read) return std::unexpected(std::move(read.error()));
    identity = std::move(*read);
  }
  if (options_.sandbox == Sandbox::kOn) {
    if (auto entered = enter_sandbox({.user = options_.user}); !entered)
      return std::unexpected("cannot give up rights (see --sandbox): " + entered.error());
  }
  auto loop = ingress::Loop::create();
  if (!loop) return std::unexpected("cannot create the event loop: " + loop.error().text());
  loop_ = std::move(*loop);
  signals_.emplace(*loop_);
  if (!signals_->error().empty()) return std::unexpected(signals_->error());
  if (auto done = open_log(); !done) return done;
  if (auto done = create_server(); !done) return done;
  attach_signals();
  if (auto done = open_admin(); !done) return done;
  return create_client(std::move(identity));
}

std::expected<void, std::string> ServingProcess::open_log() {
  if (options_.access_log == "off") return {};
  auto opened = AccessLog::create({.target = options_.access_log,
                                   .open = [supervisor = supervisor_] { return supervisor->open_log(); },
                                   .workers = options_.workers,
                                   .log = log_line});
  if (!opened) return std::unexpected("access log: " + opened.error());
  access_log_ = std::move(*opened);
  return {};
}

std::expected<void, std::string> ServingProcess::create_server() {
  ingress::ServerOptions server;
  server.workers = options_.workers;
  server.zone = options_.zone;
  server.access_log = access_log_;
  server.log = [](std::string_view line) { log_line(line); };
  server.open_sockets = [this](const auto& request) { return supervisor_->open_sockets(request); };
  server.give_up_sockets = [this](const auto& request) { supervisor_->give_up_sockets(request); };
  server.local_backends = options_.local_backends;
  server.loop = loop_.get();
  server.drain_timeout = options_.drain_timeout;
  server.tunnel_drain_timeout = options_.tunnel_drain_timeout;
  server.shutdown_delay = options_.shutdown_delay;
  auto created = ingress::Server::create(std::move(server));
  if (!created) return std::unexpected("cannot start: " + created.error().text());
  server_ = std::move(*created);
  return {};
}

std::expected<void, std::string> ServingProcess::open_admin() {
  if (!options_.admin && !options_.probe) return {};
  auto created =
      Admin::create(*loop_, {options_.admin, options_.probe},
                    serving_pages({*server_, view_, access_log_.get(), static_cast<bool>(kept_), is_kept_}),
                    supervisor_.get());
  if (!created) return std::unexpected(std::move(created.error()));
  admin_ = std::move(*created);
  for (const ingress::ListenerStatus& listener : admin_->status().listeners) log_listener(listener);
  return {};
}

void ServingProcess::attach_signals() {
  signals_->attach({.on_stop =
                        [this] {
                          log_line("stopping after the running requests; once more stops at once");
                          server_->stop();
                        },
                    .on_stop_now =
                        [this] {
                          log_line("stopping at once");
                          server_->stop_now();
                        },
                    .on_hangup =
                        [this] {
                          if (access_log_) access_log_->reopen();
                        }});
}

std::expected<void, std::string> ServingProcess::create_client(
    std::optional<ingress::StreamIdentity> identity) {
  LinkClientOptions options{.version = std::string(version())};
  if (link_ != nullptr) options.from = link_->addresses.front();
  options.tls = std::move(identity);
  options.is_adopted = [this](ingress::Generation generation) { return is_adopted(generation); };
  options.on_adopted = [this](std::uint64_t) {
    view_.set_refused({});
    keep_soon();
  };
  options.on_refused = [this](const auto& problems) { on_refused(problems); };
  options.on_report = [this](const ControllerReport& report) { view_.set_report(report); };
  options.on_state = [this](const std::string& why) { on_state(why); };
  Publisher& publisher = *this;
  client_.emplace(*loop_, publisher, std::move(options));
  restore();
  if (link_ != nullptr) {
    client_->start();
    return {};
  }
  local_link_.emplace(*loop_, *supervisor_,
                      [this](std::unique_ptr<ingress::Stream> stream) { client_->adopt(std::move(stream)); });
  local_link_->open();
  return {};
}

// What the process before served, without waiting for anybody.
void ServingProcess::restore() {
  if (!kept_) return;
  const auto bytes = read_kept_config(kept_);
  kept_.reset();
  if (!bytes) return log_line("the last configuration: " + bytes.error());
  const auto restored = client_->restore(*bytes);
  is_kept_ = restored.has_value();
  if (restored) return log_line("serving the last configuration again");
  log_line("the last configuration cannot be served again:");
  log_problems(restored.error());
}

Publisher::Outcome ServingProcess::publish(ingress::GatewayConfig config) {
  auto outcome = server_->publish(std::move(config));
  if (outcome && !std::exchange(has_served_, true)) {
    for (const ingress::ListenerStatus& listener : server_->status().listeners) log_listener(listener);
    supervisor_->say_ready();
  }
  return outcome;
}

bool ServingProcess::is_adopted(ingress::Generation generation) const {
  for (const ingress::WorkerStatus& worker : server_->status().workers)
    if (worker.adopted < generation) return false;
  return true;
}

// What the controller sends is valid: it is the addresses that cannot be had here.
void ServingProcess::on_refused(const std::vector<ingress::Problem>& problems) {
  view_.set_refused(problems);
  log_problems(problems);
  if (has_served_) return;
  is_hopeless_ = true;
  server_->stop_now();
}

void ServingProcess::on_state(const std::string& why) {
  view_.set_missing(why);
  if (!why.empty()) log_line("the controller is missing: " + why);
  if (why.empty() && was_missing_) log_line("the controller is there again");
  was_missing_ = !why.empty();
}

// At once when nothing was kept lately; else what is the newest after a pause.
void ServingProcess::keep_soon() {
  is_news_unkept_ = true;
  if (!keep_timer_) keep();
}

void ServingProcess::keep() {
  keep_timer_ = {};
  if (!std::exchange(is_news_unkept_, false)) return;
  const auto begun = std::chrono::steady_clock::now();
  if (const auto kept = supervisor_->keep_config(client_->config_bytes()); !kept)
    log_line("cannot keep the configuration for a process after this one: " + kept.error());
  is_kept_ = true;  // or cannot be, which is no reason not to serve
  const auto took = std::chrono::steady_clock::now() - begun;
  keep_timer_ =
      loop_->after(std::chrono::ceil<std::chrono::milliseconds>(took * kKeepPause), [this] { keep(); });
}

int ServingProcess::run() {
  const auto ended = server_->run();
  Signals::block();
  if (ended && !is_hopeless_) {
    log_line("stopped");
    return 0;
  }
  log_line(ended ? "nothing can be served; see above" : "the event loop failed: " + ended.error().text());
  return 1;
}

}  // namespace

int run_serving(const ServeOptions& options, const LinkOptions* link, ChildSetup setup) {
  ServingProcess process(options, link, std::move(setup));
  if (const auto started = process.start(); !started) {
    log_line(started.error());
    return 1;
  }
  return process.run();
}

}  // namespace proxyd
