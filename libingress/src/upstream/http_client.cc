#include "upstream/http_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "config/validate.h"
#include "http/uri.h"
#include "ingress/backend_tls.h"
#include "ingress/client.h"
#include "net/public_loop.h"
#include "tls/client_context.h"
#include "upstream/http_call.h"

namespace ingress::upstream {
namespace {

Error refuse(std::string detail) {
  return {.code = ErrorCode::kInvalidArgument, .what = "no such service", .detail = std::move(detail)};
}

std::unexpected<Error> refuse_for(const Problem& problem) {
  return std::unexpected(refuse(problem.field + ": " + problem.why));
}

const Problem* find_error(const std::vector<Problem>& problems) {
  const auto found = std::ranges::find_if(
      problems, [](const Problem& problem) { return problem.severity == Severity::kError; });
  return found == problems.end() ? nullptr : &*found;
}

}  // namespace

HttpService::HttpService(net::EventLoop& loop_in, std::unique_ptr<net::Resolver> resolver_in,
                         Cluster cluster_in, tls::ClientContextPtr tls, std::string authority_in)
    : loop(loop_in),
      resolver(std::move(resolver_in)),
      connector(loop, resolver.get(), LocalBackends::kAllowed),
      cluster(std::move(cluster_in)),
      authority(std::move(authority_in)) {
  for (const Endpoint& endpoint : cluster.endpoints) endpoints.emplace_back(new EndpointState(endpoint, tls));
  if (authority.empty()) authority = endpoints.front()->label;
}

std::expected<std::unique_ptr<HttpService>, Error> HttpService::create(net::EventLoop& loop, Cluster cluster,
                                                                       std::string authority) {
  if (cluster.name.empty()) cluster.name = "service";
  std::vector<Problem> problems;
  config::validate_cluster(cluster, "service", problems);
  if (const Problem* const error = find_error(problems)) return refuse_for(*error);
  if (cluster.endpoints.empty()) return std::unexpected(refuse("service.endpoints: is empty"));
  if (!authority.empty() && !http::parse_authority(authority))
    return std::unexpected(refuse("authority: is no host with or without a port"));
  tls::ClientContextPtr tls;
  if (cluster.tls) {
    tls::ClientContext::Loaded loaded =
        tls::ClientContext::load(*cluster.tls, std::chrono::system_clock::now());
    if (const Problem* const error = find_error(loaded.problems)) return refuse_for(*error);
    tls = std::move(loaded.context);
  }
  const bool has_names = std::ranges::any_of(
      cluster.endpoints, [](const Endpoint& endpoint) { return !base::is_ip_address(endpoint.address); });
  std::unique_ptr<net::Resolver> resolver;
  if (has_names) {
    auto made = net::Resolver::create(loop);
    if (!made) return std::unexpected(std::move(made.error()));
    resolver = std::move(*made);
  }
  return std::make_unique<HttpService>(loop, std::move(resolver), std::move(cluster), std::move(tls),
                                       std::move(authority));
}

}  // namespace ingress::upstream

namespace ingress {

Client::Call::~Call() = default;

struct Client::Impl {
  explicit Impl(std::unique_ptr<upstream::HttpService> service_in) : service(std::move(service_in)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    while (!service->calls.empty()) (*service->calls.begin())->abandon();
    net::EventLoop& loop = service->loop;
    loop.defer([held = std::move(service)] {});
  }
  std::unique_ptr<upstream::HttpService> service;
};

std::expected<Client, Error> Client::create(Loop& loop, Cluster service, std::string authority) {
  auto made =
      upstream::HttpService::create(*loop.impl().event_loop, std::move(service), std::move(authority));
  if (!made) return std::unexpected(std::move(made.error()));
  return Client(std::make_unique<Impl>(std::move(*made)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

std::unique_ptr<Client::Call> Client::send(ClientRequest request, ClientEvents& events) {
  return std::make_unique<upstream::HttpCall>(*impl_->service, std::move(request), events);
}

}  // namespace ingress
