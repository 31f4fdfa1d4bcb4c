#include "proxyd/admin.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "proxyd/admin_pages.h"
#include "proxyd/log.h"
#include "proxyd/options.h"

namespace proxyd {
namespace {

constexpr const char* kProbeListener = "probe";

ingress::Reply json_reply(std::uint16_t status, std::string body) {
  return {.status = status, .body = std::move(body), .content_type = "application/json", .why = "admin"};
}

ingress::Reply generation(const Admin::Sources& sources) {
  return json_reply(200, generation_page(sources.proxy.status()));
}

ingress::Reply config(const Admin::Sources& sources) {
  return json_reply(200, sources.proxy.config_json());
}

ingress::Reply clusters(const Admin::Sources& sources) {
  return json_reply(200, clusters_page(sources.proxy.clusters()));
}

ingress::Reply problems(const Admin::Sources& sources) {
  return json_reply(200, problems_page(sources.board.reading().problems));
}

// Answering at all is what this one tests.
ingress::Reply health(const Admin::Sources&) {
  return {.status = 200, .body = "ok\n", .why = "admin"};
}

ingress::Reply readiness(const Admin::Sources& sources) {
  const auto reasons = reasons_not_ready(sources.proxy.status());
  return json_reply(reasons.empty() ? 200 : 503, readiness_page(reasons));
}

ingress::Reply metrics(const Admin::Sources& sources) {
  const std::uint64_t dropped = sources.access_log ? sources.access_log->num_dropped() : 0;
  const DaemonReading daemon{.board = sources.board.reading(),
                             .status = sources.proxy.status(),
                             .num_log_lines_dropped = dropped,
                             .version = version()};
  return {.status = 200,
          .body = metrics_page(sources.proxy.metrics(), daemon),
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .why = "admin"};
}

enum class ServedOn : unsigned char { kAdmin, kBoth };

struct Page {
  std::string_view path;
  ServedOn served_on;
  ingress::Reply (*make)(const Admin::Sources&);
};

constexpr std::array kPages = {
    Page{"/generation", ServedOn::kAdmin, generation}, Page{"/config", ServedOn::kAdmin, config},
    Page{"/clusters", ServedOn::kAdmin, clusters},     Page{"/problems", ServedOn::kAdmin, problems},
    Page{"/healthz", ServedOn::kBoth, health},         Page{"/readyz", ServedOn::kBoth, readiness},
    Page{"/metrics", ServedOn::kBoth, metrics},
};

class AdminFilter final : public ingress::Filter {
 public:
  explicit AdminFilter(const Admin::Sources& sources) : sources_(sources) {}

  ingress::Verdict on_request(ingress::RequestHead& head, ingress::ExchangeContext& context) override {
    const bool is_probe = context.listener() == kProbeListener;
    const auto page = std::ranges::find(kPages, head.path(), &Page::path);
    if (page == kPages.end() || (is_probe && page->served_on == ServedOn::kAdmin))
      return ingress::Verdict::reply({.status = 404, .body = "no such page\n", .why = "no_route"});
    if (head.method() != "GET" && head.method() != "HEAD")
      return ingress::Verdict::reply({.status = 405,
                                      .body = "only GET and HEAD\n",
                                      .why = "method_not_allowed",
                                      .headers = {{"allow", "GET, HEAD"}}});
    ingress::Reply reply = page->make(sources_);
    // State, not content: a cache in between must ask anew.
    reply.headers.emplace_back("cache-control", "no-store");
    return ingress::Verdict::reply(std::move(reply));
  }

 private:
  Admin::Sources sources_;
};

// The filter answers everything; the rule is there because a filter runs only on a route.
ingress::GatewayConfig admin_config(std::optional<ingress::Listener> admin,
                                    std::optional<ingress::Listener> probe) {
  ingress::GatewayConfig config;
  for (auto& listener : {std::move(admin), std::move(probe)}) {
    if (!listener) continue;
    config.listeners.push_back(*listener);
    config.listeners.back().limits.body_bytes = 64 * 1024;
  }
  config.routes = {{.name = "pages", .rules = {{.reply = ingress::FixedReply{404, "no_route"}}}}};
  return config;
}

}  // namespace

std::expected<Admin, std::string> Admin::create(ingress::Loop& loop, Sources sources,
                                                std::optional<ingress::Listener> admin,
                                                std::optional<ingress::Listener> probe) {
  ingress::ServerOptions options;
  options.workers = 1;
  options.loop = &loop;
  options.log = [](std::string_view line) { log_line(line); };
  if (SupervisorClient* supervisor = sources.supervisor) {
    options.open_sockets = [supervisor](const auto& request) { return supervisor->open_sockets(request); };
    options.give_up_sockets = [supervisor](const auto& request) { supervisor->give_up_sockets(request); };
  }
  options.make_filters = [sources] {
    ingress::FilterList filters;
    filters.push_back(std::make_unique<AdminFilter>(sources));
    return filters;
  };
  auto server = ingress::Server::create(std::move(options));
  if (!server) return std::unexpected("cannot start the admin server: " + server.error().text());
  const auto live = server->publish(admin_config(std::move(admin), std::move(probe)));
  if (!live) return std::unexpected("cannot serve the admin address: " + to_line(live.error().front()));
  return Admin(std::move(*server));
}

}  // namespace proxyd
