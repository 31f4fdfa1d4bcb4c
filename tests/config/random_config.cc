#include "config/random_config.h"

#include <algorithm>

namespace ingress::test {

using std::chrono::milliseconds;

std::string RandomConfig::bad_name() {
  return one_in(3) ? std::string(600, 'x') : pick({"", "tab\there", "bell\a", "caf\xc3\xa9", "\xff\xfe"});
}

std::string RandomConfig::name(const char* stem, std::size_t index) {
  if (is_fault()) return one_in(2) ? bad_name() : stem + std::to_string(0);
  return stem + std::to_string(index);
}

Origin RandomConfig::origin() {
  if (is_fault()) return {.kind = "Ingress", .namespace_ = "default", .name = bad_name() + "\n"};
  if (one_in(2)) return {};
  return {.kind = "Ingress", .namespace_ = pick({"default", "prod", ""}), .name = pick({"shop", "cart"})};
}

Listener RandomConfig::listener(std::size_t index) {
  Listener out{.name = name("listener-", index)};
  out.address = pick({"0.0.0.0", "127.0.0.1", "::", "::1", "fd00::7"});
  out.port = static_cast<std::uint16_t>(one_in(4) ? 0 : 1000 + index);
  if (one_in(5)) out.address = "unix:/run/socket-" + std::to_string(index), out.port = 0;
  if (is_fault())
    out.address = pick({"", "localhost", "[::1]", "unix:", "unix:relative", "1.2.3", "unix:/a\n"});
  if (is_fault()) out.port = 1000;
  if (one_in(3)) out.limits.max_headers = static_cast<std::uint32_t>(1 + below(10'000));
  if (one_in(3)) out.limits.min_body_rate = static_cast<std::uint32_t>(below(1'000'000'001));
  if (one_in(3)) out.timeouts.body_rate_grace = std::chrono::milliseconds(1 + below(86'400'000));
  if (one_in(3)) out.limits.body_bytes = below(std::uint64_t{1} << 40);
  if (is_fault()) out.limits.head_bytes = one_in(2) ? 0 : 1U << 31;
  if (is_fault()) out.limits.body_bytes = ~std::uint64_t{0};
  if (one_in(3)) out.timeouts.write_idle = milliseconds(1 + below(86'400'000));
  if (is_fault()) out.timeouts.request_head = milliseconds(one_in(2) ? 0 : -5);
  if (one_in(3)) out.paths.slashes = SlashMerging::kKeep;
  if (one_in(3)) out.paths.ambiguous = one_in(2) ? AmbiguousPaths::kReject : AmbiguousPaths::kKeep;
  if (one_in(3)) out.trusted_proxies = {"10.0.0.0/8", pick({"fd00::/8", "192.0.2.1", "::1"}), "unix"};
  if (is_fault()) out.trusted_proxies.push_back(pick({"", "10.0.0.1/8", "proxy", "[::1]", "10.0.0.0/33"}));
  if (one_in(3)) out.headers_with_underscores = HeadersWithUnderscores::kAllow;
  if (is_fault()) out.headers_with_underscores = static_cast<HeadersWithUnderscores>(3);
  if (one_in(3)) out.proxy_protocol = ListenerProxyProtocol{.senders = {"10.0.0.0/8", "unix"}};
  if (is_fault())
    out.proxy_protocol = one_in(2) ? ListenerProxyProtocol{} : ListenerProxyProtocol{.senders = {"proxy"}};
  if (one_in(3)) out.tls = listener_tls();
  if (one_in(3)) out.https_port = static_cast<std::uint16_t>(1 + below(65'535));
  if (is_fault()) out.https_port = 0;
  if (one_in(3)) out.timeouts.proxy_header = milliseconds(1 + below(86'400'000));
  if (one_in(3)) out.timeouts.tls_handshake = milliseconds(1 + below(86'400'000));
  if (is_fault()) out.paths.slashes = static_cast<SlashMerging>(2);
  if (is_fault()) out.paths.ambiguous = static_cast<AmbiguousPaths>(99);
  return out;
}

Endpoint RandomConfig::endpoint(std::size_t index) {
  Endpoint out{"10.0.0." + std::to_string(index), static_cast<std::uint16_t>(1 + below(65535))};
  if (one_in(4)) out.weight = static_cast<std::uint32_t>(1 + below(1'000'000));
  if (is_fault()) out.weight = one_in(2) ? 0 : 1'000'001;
  if (one_in(4)) out.zone = pick({"zone-a", "zone-b"});
  if (is_fault()) out.zone = bad_name();
  if (one_in(4)) out.address = "fd00::" + std::to_string(index);
  if (one_in(4)) out.address = "Backend-" + std::to_string(index) + ".svc.cluster.local.";
  if (is_fault()) out.address = pick({"", "[::1]", "10.0.0.1:80", "a b", "-a", "1.2.3.999", "caf\xc3\xa9"});
  if (is_fault()) out = one_in(2) ? Endpoint{"10.0.0.0", 0} : Endpoint{"10.9.9.9", 99};
  return out;
}

HealthCheck RandomConfig::health_check() {
  HealthCheck out;
  if (one_in(3)) out.type = HealthCheckType::kTcp;
  if (one_in(3)) out.type = HealthCheckType::kGrpc;
  if (out.type == HealthCheckType::kGrpc && one_in(2)) out.grpc_service = "test.Service";
  if (is_fault()) out.grpc_service.assign(257, 's');
  if (one_in(3)) out.path = pick({"/live", "/a/b?c=d", "/caf%C3%A9"});
  if (one_in(3)) out.host = pick({"health.test", "10.0.0.1:80", "[::1]"});
  if (one_in(3)) out.expected_statuses = {{200, 299}, {401, 401}};
  if (one_in(3)) out.interval = milliseconds(10 + below(86'000'000));
  if (one_in(3)) out.interval_jitter = milliseconds(below(1'000));
  if (one_in(3)) out.timeout = milliseconds(1 + below(1'000));
  if (one_in(3)) out.unhealthy_threshold = static_cast<std::uint32_t>(1 + below(1'000));
  if (one_in(3)) out.healthy_threshold = static_cast<std::uint32_t>(1 + below(1'000));
  if (is_fault()) out.type = static_cast<HealthCheckType>(9);
  if (is_fault()) out.path = pick({"", "live", "/a b", "/a#b", "/caf\xc3\xa9"});
  if (is_fault()) out.host = pick({"a b", "a\r\nX: y"});
  if (is_fault()) out.expected_statuses = {one_in(2) ? StatusRange{299, 200} : StatusRange{0, 700}};
  if (is_fault()) out.healthy_threshold = 0;
  return out;
}

OutlierDetection RandomConfig::outlier_detection() {
  OutlierDetection out;
  if (one_in(3)) out.consecutive_5xx = static_cast<std::uint32_t>(below(100));
  if (one_in(3)) out.consecutive_gateway_failure = static_cast<std::uint32_t>(below(100));
  if (one_in(3)) out.success_rate_minimum_hosts = static_cast<std::uint32_t>(below(100));
  if (one_in(3)) out.success_rate_request_volume = static_cast<std::uint32_t>(below(1'000));
  if (one_in(3)) out.success_rate_stdev_factor = static_cast<std::uint32_t>(below(10'000));
  if (one_in(3)) out.interval = milliseconds(10 + below(1'000));
  if (one_in(3)) out.base_ejection_time = milliseconds(1 + below(1'000));
  if (one_in(3)) out.max_ejection_time = milliseconds(1 + below(100'000));
  if (one_in(3)) out.max_ejection_percent = static_cast<std::uint32_t>(below(101));
  if (is_fault()) out.max_ejection_percent = 101;
  if (is_fault()) out.interval = milliseconds(0);
  return out;
}

ConsistentHash RandomConfig::consistent_hash() {
  ConsistentHash out{.source = static_cast<HashSource>(below(5))};
  const bool has_name = out.source != HashSource::kClientAddress && out.source != HashSource::kPath;
  if (has_name) out.name = pick({"x-user", "session", "u"});
  if (is_fault()) out.name = has_name ? pick({"", "a b", "caf\xc3\xa9"}) : "x";
  if (is_fault()) out.source = static_cast<HashSource>(5);
  if (one_in(2)) out.balance_factor_percent = static_cast<std::uint32_t>(100 + below(9'901));
  if (is_fault()) out.balance_factor_percent = one_in(2) ? 99 : 10'001;
  return out;
}

Cluster RandomConfig::cluster(std::size_t index) {
  Cluster out{.name = name("cluster-", index), .origin = origin()};
  const std::size_t num_endpoints = below(5);
  for (std::size_t i = 0; i < num_endpoints; ++i) out.endpoints.push_back(endpoint(i));
  if (one_in(2)) out.load_balancing = static_cast<LoadBalancing>(below(5));
  if (is_fault()) out.load_balancing = static_cast<LoadBalancing>(77);
  if (one_in(3)) out.consistent_hash = consistent_hash();
  if (one_in(3)) out.slow_start.window = milliseconds(below(86'400'001));
  if (one_in(3)) out.slow_start.aggression_percent = static_cast<std::uint32_t>(1 + below(10'000));
  if (is_fault()) out.slow_start.min_weight_percent = one_in(2) ? 0 : 101;
  if (one_in(3)) out.locality.prefer = ZonePreference::kOwnZone;
  if (is_fault()) out.locality.prefer = static_cast<ZonePreference>(2);
  if (one_in(3)) out.locality.overprovisioning_percent = static_cast<std::uint32_t>(100 + below(9'901));
  if (is_fault()) out.locality.overprovisioning_percent = 99;
  if (one_in(3)) out.proxy_protocol = static_cast<ProxyProtocol>(below(3));
  if (is_fault()) out.proxy_protocol = static_cast<ProxyProtocol>(3);
  if (one_in(3)) out.panic_threshold_percent = static_cast<std::uint32_t>(below(101));
  if (is_fault()) out.panic_threshold_percent = 101;
  if (one_in(3)) out.timeouts.connect = milliseconds(1 + below(86'400'000));
  if (is_fault()) out.timeouts.idle_connection = milliseconds(0);
  if (one_in(3)) out.timeouts.max_connection_duration = milliseconds(below(86'400'001));
  if (is_fault()) out.timeouts.max_connection_duration = milliseconds(-1);
  if (one_in(3)) out.limits.max_requests_per_connection = static_cast<std::uint32_t>(below(1'000'000'001));
  if (one_in(3)) out.limits.preconnect = static_cast<std::uint32_t>(below(1001));
  if (is_fault()) out.limits.preconnect = 1001;
  if (one_in(3)) out.limits.max_idle_connections = static_cast<std::uint32_t>(below(100'000));
  if (is_fault()) out.limits.response_head_bytes = 3;
  if (one_in(3)) out.circuit_breakers.max_connections = static_cast<std::uint32_t>(below(100'000));
  if (one_in(3)) out.circuit_breakers.max_pending_requests = static_cast<std::uint32_t>(below(100'000));
  if (one_in(3)) out.circuit_breakers.max_requests = static_cast<std::uint32_t>(below(100'000));
  if (one_in(3)) out.circuit_breakers.max_retries = static_cast<std::uint32_t>(below(100'000));
  if (one_in(3)) out.tls = backend_tls();
  if (one_in(3)) out.health_check = health_check();
  if (one_in(3)) out.outlier_detection = outlier_detection();
  return out;
}

std::string RandomConfig::host() {
  if (is_fault()) {
    return pick({"", "*", "**", "*.", "a.*.b", "Shop.example", "a.b:80", "::1", "a..b", "*.10.0.0.1",
                 "**.*.a", "a b", "[::1", "xn--\xc3\xa9", "a.b.", "1.2.3"});
  }
  return pick({"a.example", "b.example", "*.example", "**.example", "*.a.example", "10.0.0.1", "[::1]",
               "under_score.example", "localhost", "x1"});
}

RouteMatch RandomConfig::match() {
  RouteMatch out;
  out.path.type = one_in(2) ? PathMatchType::kExact : PathMatchType::kPrefix;
  out.path.value = pick({"/", "/a", "/a/", "/a/b", "/caf%C3%A9", "//", "/%2F", "/a.b/...", "/;x=1,2"});
  if (is_fault()) {
    out.path.value =
        pick({"", "a", "/a?b", "/a#b", "/a b", "/\n", "/a/../b", "/.", "/%", "/%zz", "/%00", "/\\"});
  }
  if (one_in(6))
    out.path = PathMatch::regular_expression(pick({"/a.*", "/[0-9]+", "(?i)/b", "/caf\xc3\xa9"}));
  if (is_fault()) out.path = PathMatch::regular_expression(pick({"", "(", "a**", "\\C{1000}(.{1000}){9}"}));
  if (is_fault()) out.path.type = static_cast<PathMatchType>(9);
  if (one_in(3)) out.method = pick({"GET", "POST", "get", "M-SEARCH"});
  if (is_fault()) out.method = pick({"GET ", "(", "G\xc3\x89T"});
  if (one_in(3))
    out.headers.push_back({pick({"x-tenant", "X-Version"}), pick({"", "1", "a, b", "caf\xc3\xa9"})});
  if (is_fault()) out.headers.push_back({pick({"", "a:", "ok"}), pick({"a\nb", " a", "\xff", "a\x7f"})});
  if (one_in(3)) out.query.push_back({pick({"q", "a[]", "%20"}), pick({"", "1", "a=b", "%26"})});
  if (one_in(6)) out.headers.push_back({"x-re", pick({"", "v[12]"}), ValueMatchType::kRegularExpression});
  if (one_in(6)) out.query.push_back({"re", pick({"", "a|b"}), ValueMatchType::kRegularExpression});
  if (is_fault()) out.headers.push_back({"x-re", pick({"[", "("}), ValueMatchType::kRegularExpression});
  if (is_fault()) out.query.push_back({"re", pick({"[", "("}), ValueMatchType::kRegularExpression});
  if (is_fault()) out.query.push_back({pick({"", "a=b", "a&b", "q"}), pick({"a&b", "a b", "#"})});
  return out;
}

FixedReply RandomConfig::reply() {
  FixedReply out{.status = static_cast<std::uint16_t>(200 + below(400)),
                 .why = pick({"", "no_route", "a:1"})};
  if (is_fault()) out.status = static_cast<std::uint16_t>(one_in(2) ? below(200) : 600 + below(5000));
  if (is_fault()) out.why = pick({"No", "a b", "caf\xc3\xa9", "\n"});
  return out;
}

BackendRef RandomConfig::backend(std::size_t num_clusters) {
  BackendRef out{.cluster = "cluster-" + std::to_string(below(num_clusters)),
                 .weight = static_cast<std::uint32_t>(one_in(4) ? below(1'000'001) : below(3))};
  if (one_in(5)) out.failure = reply();
  if (one_in(5) && out.failure) out.cluster = pick({"", "nowhere"});
  if (is_fault()) out.weight = 1'000'001 + static_cast<std::uint32_t>(below(1'000'000'000));
  if (is_fault()) out.cluster = one_in(2) ? bad_name() : "nowhere";
  return out;
}

RetryPolicy RandomConfig::retry() {
  RetryPolicy out{.retry_on = {RetryCondition::kConnectFailure}, .codes = {503}};
  if (one_in(2)) out.retry_on.push_back(RetryCondition::kPerTryTimeout);
  if (one_in(2)) out.codes.push_back(static_cast<std::uint16_t>(400 + below(200)));
  if (one_in(2)) out.attempts = static_cast<std::uint32_t>(1 + below(10));
  if (one_in(3)) out.methods = RetryMethods::kAny;
  if (one_in(3)) out.per_try_timeout = milliseconds(below(86'400'001));
  if (one_in(3)) out.backoff = {milliseconds(below(1000)), milliseconds(1000 + below(59'001))};
  if (one_in(3)) out.budget.percent = static_cast<std::uint32_t>(below(101));
  if (one_in(3)) out.buffer_bytes = static_cast<std::uint32_t>(below(1 << 24));
  if (is_fault()) out.attempts = one_in(2) ? 0 : 11;
  if (is_fault()) out.methods = static_cast<RetryMethods>(9);
  if (is_fault()) out.retry_on.push_back(static_cast<RetryCondition>(9));
  if (is_fault()) out.codes.push_back(one_in(2) ? 200 : 600);
  if (is_fault()) out.backoff.base = milliseconds(one_in(2) ? -1 : 60'000);
  if (is_fault()) out.budget.percent = 101;
  return out;
}

RouteRule RandomConfig::rule(std::size_t num_clusters) {
  RouteRule out;
  if (one_in(2)) out.name = pick({"rule", "http/0", "a b"});
  if (is_fault()) out.name = bad_name();
  const std::size_t num_matches = below(4);
  for (std::size_t i = 0; i < num_matches; ++i) out.matches.push_back(match());
  if (one_in(4)) {
    out.reply = reply();
  } else {
    const std::size_t num_backends = num_clusters == 0 ? 0 : below(4);
    for (std::size_t i = 0; i < num_backends; ++i) out.backends.push_back(backend(num_clusters));
  }
  if (num_clusters > 0 && one_in(4)) {
    out.mirrors.push_back({.cluster = "cluster-" + std::to_string(below(num_clusters)),
                           .numerator = static_cast<std::uint32_t>(below(101))});
    if (is_fault()) out.mirrors.back().cluster = one_in(2) ? bad_name() : "nowhere";
    if (is_fault()) out.mirrors.back().numerator = 101 + static_cast<std::uint32_t>(below(2'000'000));
    if (is_fault()) out.mirrors.back().denominator = 0;
  }
  if (is_fault()) out.reply = reply();
  if (one_in(3)) out.plain_requests = PlainRequests::kRedirect;
  if (is_fault()) out.plain_requests = static_cast<PlainRequests>(2);
  if (one_in(4))
    out.hsts = Hsts{std::chrono::seconds(31'536'000 + below(1000)), static_cast<HstsScope>(below(3))};
  if (is_fault()) out.hsts = Hsts{std::chrono::seconds(one_in(2) ? -1 : 1'000'000'000), HstsScope::kHost};
  if (is_fault()) out.hsts = Hsts{.scope = static_cast<HstsScope>(3)};
  if (one_in(4)) out.grpc_web = GrpcWeb::kTranslate;
  if (is_fault()) out.grpc_web = static_cast<GrpcWeb>(2);
  if (one_in(3)) out.timeouts.request = milliseconds(below(86'400'001));
  if (is_fault()) out.timeouts.request = milliseconds(one_in(2) ? -1 : 86'400'001);
  if (one_in(4)) out.timeouts.backend_request = out.timeouts.request;
  if (is_fault()) out.timeouts.backend_request = out.timeouts.request + milliseconds(86'400'001);
  if (one_in(4) && out.timeouts.request.count() > 0) out.timeouts.deadline_header = "X-Remaining-Ms";
  if (is_fault()) out.timeouts.deadline_header = pick({"Host", "a b", "content-length", "\n"});
  if (one_in(4)) out.timeouts.tunnel_idle = milliseconds(below(86'400'001));
  if (is_fault()) out.timeouts.tunnel_idle = milliseconds(one_in(2) ? -1 : 86'400'001);
  if (one_in(4)) out.retry = retry();
  return out;
}

Route RandomConfig::route(std::size_t index, std::size_t num_clusters) {
  Route out{.name = name("route-", index), .origin = origin()};
  const std::size_t num_hosts = below(4);
  for (std::size_t i = 0; i < num_hosts; ++i) out.hosts.push_back(host());
  const std::size_t num_rules = below(4);
  for (std::size_t i = 0; i < num_rules; ++i) out.rules.push_back(rule(num_clusters));
  if (one_in(2)) out.created_at = static_cast<std::int64_t>(random_());
  return out;
}

GatewayConfig RandomConfig::make() {
  GatewayConfig out;
  const std::size_t num_listeners = below(4), num_clusters = below(6), num_routes = below(8);
  for (std::size_t i = 0; i < num_listeners; ++i) out.listeners.push_back(listener(i));
  for (std::size_t i = 0; i < num_clusters; ++i) out.clusters.push_back(cluster(i));
  for (std::size_t i = 0; i < num_routes; ++i) out.routes.push_back(route(i, num_clusters));
  const std::size_t num_certificates = is_fault() ? 8 : below(4);  // 8: more than a name may have
  for (std::size_t i = 0; i < num_certificates; ++i) out.certificates.push_back(certificate(i));
  const std::size_t num_policies = below(4);
  for (std::size_t i = 0; i < num_policies; ++i) out.tls_policies.push_back(tls_policy(i));
  const std::size_t num_udp_listeners = below(4);
  for (std::size_t i = 0; i < num_udp_listeners; ++i)
    out.udp_listeners.push_back(udp_listener(i, out.clusters));
  out.stream_routes = stream_routes(out);
  return out;
}

GatewayConfig RandomConfig::shuffled(GatewayConfig config) {
  std::ranges::shuffle(config.listeners, random_);
  std::ranges::shuffle(config.clusters, random_);
  std::ranges::shuffle(config.routes, random_);
  std::ranges::shuffle(config.certificates, random_);
  std::ranges::shuffle(config.tls_policies, random_);
  std::ranges::shuffle(config.udp_listeners, random_);
  std::ranges::shuffle(config.stream_routes, random_);
  return config;
}

GatewayConfig RandomConfig::changed(GatewayConfig config) {
  const std::size_t num_clusters = config.clusters.size();
  std::erase_if(config.listeners, [&](const Listener&) { return one_in(5); });
  std::erase_if(config.routes, [&](const Route&) { return one_in(5); });
  for (Cluster& part : config.clusters) {
    if (one_in(3)) part.limits.max_idle_connections = static_cast<std::uint32_t>(below(100'000));
  }
  for (Route& part : config.routes) {
    if (one_in(3) && num_clusters != 0) part.rules.push_back(rule(num_clusters));
  }
  std::erase_if(config.certificates, [&](const Certificate&) { return one_in(5); });
  std::erase_if(config.stream_routes, [&](const StreamRoute& part) {
    return one_in(5) ||
           std::ranges::find(config.listeners, part.listener, &Listener::name) == config.listeners.end();
  });
  for (StreamRoute& part : config.stream_routes) {
    if (one_in(3)) part.max_connections = static_cast<std::uint32_t>(below(1'000));
  }
  for (Certificate& part : config.certificates) {
    if (one_in(3)) part.key.text += "'";
  }
  std::erase_if(config.tls_policies, [&](const TlsPolicy&) { return one_in(5); });
  for (TlsPolicy& part : config.tls_policies) {
    if (one_in(3)) part.client_certificates = client_certificates();
  }
  const std::size_t num_new = below(3);
  for (std::size_t i = 0; i < num_new; ++i) config.tls_policies.push_back(tls_policy(100 + i));
  for (std::size_t i = 0; i < num_new; ++i) config.certificates.push_back(certificate(100 + i));
  for (std::size_t i = 0; i < num_new; ++i) config.routes.push_back(route(100 + i, num_clusters));
  for (std::size_t i = 0; i < num_new; ++i) config.clusters.push_back(cluster(100 + i));
  std::erase_if(config.udp_listeners, [&](const UdpListener&) { return one_in(5); });
  for (UdpListener& part : config.udp_listeners) {
    if (one_in(3)) part.idle_timeout = milliseconds(1 + below(86'400'000));
  }
  for (std::size_t i = 0; i < num_new; ++i)
    config.udp_listeners.push_back(udp_listener(100 + i, config.clusters));
  return shuffled(std::move(config));
}

GatewayConfig sorted(GatewayConfig config) {
  std::ranges::sort(config.listeners, {}, &Listener::name);
  std::ranges::sort(config.clusters, {}, &Cluster::name);
  std::ranges::sort(config.routes, {}, &Route::name);
  std::ranges::sort(config.certificates, {}, &Certificate::name);
  std::ranges::sort(config.tls_policies, {}, &TlsPolicy::name);
  std::ranges::sort(config.udp_listeners, {}, &UdpListener::name);
  std::ranges::sort(config.stream_routes, {}, &StreamRoute::name);
  return config;
}

GatewayConfig with_one_key(GatewayConfig config) {
  for (Certificate& part : config.certificates) part.key.text = "key";
  for (Cluster& part : config.clusters) {
    if (part.tls && !part.tls->client_key.text.empty()) part.tls->client_key.text = "key";
  }
  return config;
}

std::string with_one_key(std::string json) {
  static constexpr std::string_view kRedacted = "\"(redacted)\"";
  for (std::size_t at = 0; (at = json.find(kRedacted, at)) != std::string::npos;)
    json.replace(at, kRedacted.size(), "\"key\"");
  return json;
}

std::string text_of(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) {
    out += problem.severity == Severity::kError ? "error " : "warning ";
    out += problem.field + ": " + problem.why + " (" + problem.fix + ")\n";
  }
  return out;
}

}  // namespace ingress::test
