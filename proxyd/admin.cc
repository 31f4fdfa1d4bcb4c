#include "proxyd/admin.h"

#include <algorithm>
#include <utility>

#include "proxyd/log.h"

namespace proxyd {
namespace {

constexpr const char* kProbeListener = "probe";

using Pages = std::shared_ptr<const std::vector<AdminPage>>;

class AdminFilter final : public ingress::Filter {
 public:
  explicit AdminFilter(Pages pages) : pages_(std::move(pages)) {}

  ingress::Verdict on_request(ingress::RequestHead& head, ingress::ExchangeContext& context) override {
    const bool is_probe = context.listener() == kProbeListener;
    const auto page = std::ranges::find(*pages_, head.path(), &AdminPage::path);
    if (page == pages_->end() || (is_probe && page->served_on == ServedOn::kAdmin))
      return ingress::Verdict::reply({.status = 404, .body = "no such page\n", .why = "no_route"});
    if (head.method() != "GET" && head.method() != "HEAD")
      return ingress::Verdict::reply({.status = 405,
                                      .body = "only GET and HEAD\n",
                                      .why = "method_not_allowed",
                                      .headers = {{"allow", "GET, HEAD"}}});
    ingress::Reply reply = page->make();
    // State, not content: a cache in between must ask anew.
    reply.headers.emplace_back("cache-control", "no-store");
    return ingress::Verdict::reply(std::move(reply));
  }

 private:
  Pages pages_;
};

// The filter answers everything; the rule is there because a filter runs only on a route.
ingress::GatewayConfig admin_config(const Admin::Addresses& addresses) {
  ingress::GatewayConfig config;
  for (const auto& listener : {addresses.admin, addresses.probe}) {
    if (!listener) continue;
    config.listeners.push_back(*listener);
    config.listeners.back().limits.body_bytes = 64 * 1024;
  }
  config.routes = {{.name = "pages", .rules = {{.reply = ingress::FixedReply{404, "no_route"}}}}};
  return config;
}

}  // namespace

ingress::Reply json_reply(std::uint16_t status, std::string body) {
  return {.status = status, .body = std::move(body), .content_type = "application/json", .why = "admin"};
}

ingress::Reply metrics_reply(std::string text) {
  return {.status = 200,
          .body = std::move(text),
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .why = "admin"};
}

std::expected<Admin, std::string> Admin::create(ingress::Loop& loop, const Addresses& addresses,
                                                std::vector<AdminPage> pages, SupervisorClient* supervisor) {
  // Answering at all is what this one tests.
  pages.push_back({"/healthz", ServedOn::kBoth,
                   [] { return ingress::Reply{.status = 200, .body = "ok\n", .why = "admin"}; }});
  const auto shared = std::make_shared<const std::vector<AdminPage>>(std::move(pages));
  ingress::ServerOptions options;
  options.workers = 1;
  options.loop = &loop;
  options.log = [](std::string_view line) { log_line(line); };
  if (supervisor != nullptr) {
    options.open_sockets = [supervisor](const auto& request) { return supervisor->open_sockets(request); };
    options.give_up_sockets = [supervisor](const auto& request) { supervisor->give_up_sockets(request); };
  }
  options.make_filters = [shared] {
    ingress::FilterList filters;
    filters.push_back(std::make_unique<AdminFilter>(shared));
    return filters;
  };
  auto server = ingress::Server::create(std::move(options));
  if (!server) return std::unexpected("cannot start the admin server: " + server.error().text());
  const auto live = server->publish(admin_config(addresses));
  if (!live) return std::unexpected("cannot serve the admin address: " + to_line(live.error().front()));
  return Admin(std::move(*server));
}

}  // namespace proxyd
