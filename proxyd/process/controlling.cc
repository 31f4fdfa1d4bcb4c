#include "proxyd/process/controlling.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/loop.h"
#include "ingress/ocsp.h"
#include "ingress/stream.h"
#include "proxyd/admin.h"
#include "proxyd/admin_pages.h"
#include "proxyd/link/link_server.h"
#include "proxyd/log.h"
#include "proxyd/ocsp_stapler.h"
#include "proxyd/problem_board.h"
#include "proxyd/process/link_files.h"
#include "proxyd/process/listener_log.h"
#include "proxyd/process/local_link.h"
#include "proxyd/process/signals.h"
#include "proxyd/sources.h"

namespace proxyd {
namespace {

// What the source counts changes without a word of it.
constexpr std::chrono::seconds kMetricsPeriod{2};

class ControllerProcess final : private Publisher {
 public:
  ControllerProcess(const ControllerOptions& options, std::optional<ChildSetup> setup) : options_(options) {
    if (setup) supervisor_.emplace(std::move(setup->supervisor));
  }
  // Fails with a sentence.
  std::expected<void, std::string> start();
  int run();

 private:
  Outcome publish(ingress::GatewayConfig config) override { return note(link_->publish(std::move(config))); }
  Outcome apply(ingress::ConfigDelta delta) override { return note(link_->apply(std::move(delta))); }
  void when_adopted(ingress::Generation generation, std::move_only_function<void()> call) override {
    waiting_.emplace_back(generation, std::move(call));
    on_ack();
  }
  Outcome note(Outcome outcome);
  void on_ack();

  void create_link();
  std::expected<void, std::string> open_link();
  std::expected<void, std::string> listen(const ingress::StreamAddress& address,
                                          const ingress::StreamIdentity* identity);
  std::expected<void, std::string> create_source();
  std::expected<void, std::string> open_admin();
  void attach_signals();
  void begin_stop();
  void stop();
  void report_soon();
  void report();
  std::vector<AdminPage> pages();

  const ControllerOptions& options_;
  std::optional<SupervisorClient> supervisor_;  // nothing: this process was started by itself
  // In order of their making; the end is the reverse.
  std::unique_ptr<ingress::Loop> loop_;
  std::optional<Signals> signals_;
  ProblemBoard board_;
  std::optional<LocalLink> local_link_;
  std::optional<LinkServer> link_;
  std::vector<std::unique_ptr<ingress::StreamHandle>> listening_;
  std::optional<ingress::OcspClient> responders_;
  std::optional<OcspStapler> stapler_;
  std::unique_ptr<ConfigSource> source_;
  std::optional<Admin> admin_;
  ingress::Loop::Registration report_timer_, metrics_timer_;
  std::vector<std::pair<ingress::Generation, std::move_only_function<void()>>> waiting_;  // to be adopted
  std::atomic<bool> is_ready_{false};
  bool is_hopeless_ = false;
  bool is_stopping_ = false, has_handed_over_ = false, wants_end_ = false;
};

std::expected<void, std::string> ControllerProcess::start() {
  if (const std::string missing = missing_input(options_.input); !missing.empty())
    return std::unexpected(missing);
  auto loop = ingress::Loop::create();
  if (!loop) return std::unexpected("cannot create the event loop: " + loop.error().text());
  loop_ = std::move(*loop);
  signals_.emplace(*loop_);
  if (!signals_->error().empty()) return std::unexpected(signals_->error());
  create_link();
  if (auto done = open_link(); !done) return done;
  if (auto done = create_source(); !done) return done;
  attach_signals();
  if (auto done = open_admin(); !done) return done;
  board_.on_change([this] { report_soon(); });
  metrics_timer_ = loop_->every(kMetricsPeriod, [this] { report(); });
  source_->start();
  return {};
}

void ControllerProcess::create_link() {
  LinkServerOptions options{.version = std::string(version())};
  options.on_ack = [this](const LinkPeer&, std::uint64_t) { on_ack(); };
  if (!supervisor_) {
    options.on_peer = [](const LinkPeer& peer, const std::string& why) {
      log_line(why.empty() ? fmt::format("data plane {} is there", peer.name)
                           : fmt::format("data plane {} is gone: {}", peer.name, why));
    };
  }
  link_.emplace(*loop_, std::move(options));
}

std::expected<void, std::string> ControllerProcess::open_link() {
  if (supervisor_) {
    local_link_.emplace(*loop_, *supervisor_, [this](std::unique_ptr<ingress::Stream> stream) {
      link_->add_peer(std::move(stream), "of this machine");
    });
    local_link_->open();
    return {};
  }
  const auto identity = read_identity(options_.link);
  if (!identity) return std::unexpected(identity.error());
  for (const ingress::StreamAddress& address : options_.link.addresses) {
    if (auto done = listen(address, *identity ? &**identity : nullptr); !done) return done;
  }
  return {};
}

std::expected<void, std::string> ControllerProcess::listen(const ingress::StreamAddress& address,
                                                           const ingress::StreamIdentity* identity) {
  const bool is_unix = address.host.starts_with("unix:");
  auto sockets = ingress::open_sockets({.address = address.host, .port = address.port, .count = 1});
  if (!sockets) return std::unexpected("--listen: " + sockets.error().text());
  auto accepting = ingress::accept_streams(
      *loop_, sockets->fds.front(), is_unix ? nullptr : identity,
      [this](std::unique_ptr<ingress::Stream> stream) {
        std::string name = stream->peer();
        link_->add_peer(std::move(stream), std::move(name));
      },
      [](const ingress::Error& error) { log_line("a data plane was refused: " + error.text()); });
  if (!accepting) return std::unexpected("--listen: " + accepting.error().text());
  listening_.push_back(std::move(*accepting));
  log_listener({.name = "link", .address = address.host, .port = is_unix ? std::uint16_t{0} : sockets->port});
  return {};
}

std::expected<void, std::string> ControllerProcess::create_source() {
  Publisher& self = *this;
  if (options_.input.stapling == Stapling::kOn) {
    auto created = ingress::OcspClient::create(*loop_, options_.input.responders);
    if (!created) return std::unexpected("cannot ask OCSP responders: " + created.error().text());
    responders_ = std::move(*created);
    stapler_.emplace(*loop_, self, board_, [this](const auto& question, auto on_response) {
      return responders_->ask(question, std::move(on_response));
    });
  }
  Publisher& sink = stapler_ ? static_cast<Publisher&>(*stapler_) : self;
  auto made = make_source(options_.input, *loop_, sink, board_, [this](const auto&) {
    is_hopeless_ = true;
    loop_->stop();
  });
  if (!made) return std::unexpected(std::move(made.error()));
  source_ = std::move(*made);
  return {};
}

std::expected<void, std::string> ControllerProcess::open_admin() {
  if (supervisor_ || (!options_.admin && !options_.probe)) return {};
  auto created = Admin::create(*loop_, {options_.admin, options_.probe}, pages(), nullptr);
  if (!created) return std::unexpected(std::move(created.error()));
  admin_ = std::move(*created);
  for (const ingress::ListenerStatus& listener : admin_->status().listeners) log_listener(listener);
  return {};
}

// A child is told twice: that it all ends, when data planes still drain and are to know of backends that go,
// and once they have ended.
void ControllerProcess::attach_signals() {
  signals_->attach({.on_stop =
                        [this] {
                          begin_stop();
                          if (!supervisor_) stop();
                        },
                    .on_stop_now = [this] { stop(); },
                    .on_hangup =
                        [this] {
                          log_line("SIGHUP: reading everything again");
                          source_->rescan();
                          if (stapler_) stapler_->ask_again();
                        }});
}

// Another controller may go on at once: that is not left for the end.
void ControllerProcess::begin_stop() {
  if (std::exchange(is_stopping_, true)) return;
  source_->hand_over([this] {
    has_handed_over_ = true;
    if (wants_end_) loop_->stop();
  });
}

void ControllerProcess::stop() {
  if (!std::exchange(wants_end_, true) && !supervisor_) log_line("stopping");
  begin_stop();
  if (has_handed_over_) loop_->stop();
}

Publisher::Outcome ControllerProcess::note(Outcome outcome) {
  if (outcome && !is_ready_.exchange(true) && supervisor_) supervisor_->say_ready();
  return outcome;
}

// Adopted is what every data plane has that is there.
void ControllerProcess::on_ack() {
  const std::vector<LinkPeer> peers = link_->peers();
  if (peers.empty()) return;
  const std::uint64_t acked = std::ranges::min(peers, {}, &LinkPeer::acked).acked;
  auto calls = std::exchange(waiting_, {});
  for (auto& [generation, call] : calls) {
    if (generation <= acked) {
      loop_->post(std::move(call));
    } else {
      waiting_.emplace_back(generation, std::move(call));
    }
  }
}

// Several changes of one moment are one report.
void ControllerProcess::report_soon() {
  if (report_timer_) return;
  report_timer_ = loop_->after(std::chrono::milliseconds(0), [this] { report(); });
}

void ControllerProcess::report() {
  report_timer_ = {};
  BoardReading reading = board_.reading();
  ControllerReport report{.num_ignored = reading.num_ignored_ingresses,
                          .reloads_ok = reading.num_reloads_ok,
                          .reloads_failed = reading.num_reloads_failed,
                          .metrics_text = controller_metrics_text(reading)};
  report.problems = std::move(reading.problems);
  link_->report(std::move(report));
}

std::vector<AdminPage> ControllerProcess::pages() {
  const auto readiness = [this] {
    std::vector<std::string> reasons;
    if (!is_ready_) reasons.emplace_back("no configuration has been translated yet");
    return json_reply(reasons.empty() ? 200 : 503, readiness_page(reasons));
  };
  const auto metrics = [this] {
    const BoardReading reading = board_.reading();
    const std::string more = controller_metrics_text(reading);
    return metrics_reply(metrics_page(
        {}, {.board = reading, .is_ready = is_ready_, .version = version(), .controller_text = more}));
  };
  const auto problems = [this] { return json_reply(200, problems_page(board_.reading().problems)); };
  return {{"/problems", ServedOn::kAdmin, problems},
          {"/readyz", ServedOn::kBoth, readiness},
          {"/metrics", ServedOn::kBoth, metrics}};
}

int ControllerProcess::run() {
  loop_->run();
  Signals::block();
  if (!is_hopeless_) return 0;
  log_line("nothing can be served; see above");
  return 1;
}

}  // namespace

int run_controlling(const ControllerOptions& options, std::optional<ChildSetup> setup) {
  ControllerProcess process(options, std::move(setup));
  if (const auto started = process.start(); !started) {
    log_line(started.error());
    return 1;
  }
  return process.run();
}

}  // namespace proxyd
