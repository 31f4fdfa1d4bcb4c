// What is translated by changes equals what is translated as a whole, after any events.
#include "controller/translator.h"

#include <doctest/doctest.h>

#include <array>
#include <iterator>
#include <random>

#include "controller/build.h"
#include "controller/reconciler.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

// Chains that begin with "bad" are wrong; the others are warned of for server names that end with their
// last letter.
std::vector<Problem> check_chain(const Certificate& certificate) {
  if (certificate.chain.starts_with("bad")) return {{.field = "chain", .why = "wrong", .fix = "mend it"}};
  std::vector<Problem> out;
  for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
    if (certificate.server_names[i].back() != certificate.chain.back()) continue;
    out.push_back({.severity = Severity::kWarning,
                   .field = "server_names[" + std::to_string(i) + ']',
                   .why = "is not covered",
                   .fix = "renew it"});
  }
  return out;
}

// Makes objects of a small world, so that they meet: few namespaces, names, hosts, paths and times.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string of(std::initializer_list<const char*> all) { return std::data(all)[below(all.size())]; }
  std::string ns() { return of({"one", "two", "three"}); }
  std::string name() { return of({"a", "b", "c", "d", "e", "f"}); }
  std::string service() { return of({"s", "t", "u", "v"}); }
  std::string secret() { return of({"x", "y", "z"}); }
  std::string host() {
    if (one_in(30)) return of({"*", "Bad Host", "10.0.0.1", "a..b"});
    return of({"a.x.y", "b.x.y", "c.x.y", "*.x.y", "x.y", "a.z.y", "*.z.y", "b.z.x", "*.z.x"});
  }
  std::string rule_host() { return one_in(10) ? "" : host(); }
  ObjectMeta meta(const std::string& name) {
    ObjectMeta out{.namespace_ = ns(), .name = name};
    if (!one_in(4)) out.created_at = static_cast<std::int64_t>(below(5));
    return out;
  }

  IngressBackend backend() {
    IngressBackend out;
    if (one_in(40)) return out;  // as a malformed one is kept
    out.has_resource = one_in(40);
    out.service = service();
    if (one_in(3)) {
      out.port.name = of({"http", "admin", "none"});
    } else {
      out.port.number = static_cast<std::int64_t>(80 + below(3));
    }
    return out;
  }

  Ingress make_ingress() {
    Ingress out{.meta = meta(name())};
    if (one_in(3)) out.class_name = of({"ours", "theirs", "none"});
    if (one_in(5)) out.meta.annotations["kubernetes.io/ingress.class"] = of({"ours", "theirs", "none", ""});
    if (one_in(4))
      out.meta.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] = of({"true", "false", "odd"});
    if (one_in(9)) out.meta.annotations["nginx.ingress.kubernetes.io/auth-url"] = "http://a";
    if (one_in(5)) out.default_backend = backend();
    out.has_refused_rules = one_in(20);
    for (std::size_t i = below(4); i > 0; --i) {
      IngressRule rule{.host = rule_host(), .index = static_cast<std::uint32_t>(out.rules.size())};
      for (std::size_t j = below(4); j > 0; --j) {
        const auto type =
            std::array{PathType::kExact, PathType::kPrefix, PathType::kImplementationSpecific}[below(3)];
        rule.paths.push_back({.path = of({"/", "/p", "/p/", "/q", "", "/../x", "/bad\r"}),
                              .type = type,
                              .backend = backend(),
                              .index = static_cast<std::uint32_t>(rule.paths.size())});
      }
      out.rules.push_back(std::move(rule));
    }
    for (std::size_t i = one_in(3) ? 0 : below(3); i > 0; --i) {
      IngressTls tls{.hosts = {},
                     .secret = one_in(4) ? "" : secret(),
                     .index = static_cast<std::uint32_t>(out.tls.size())};
      for (std::size_t j = below(4); j > 0; --j) tls.hosts.push_back(one_in(20) ? "" : host());
      out.tls.push_back(std::move(tls));
    }
    return out;
  }

  IngressClass make_class() {
    IngressClass out = test::make_class(of({"ours", "theirs", "more"}));
    if (one_in(3)) out.controller = "example.com/other";
    out.is_default = one_in(2);
    if (one_in(2)) out.meta.created_at = static_cast<std::int64_t>(below(3));
    return out;
  }

  Service make_service() {
    Service out{.meta = meta(service())};
    if (one_in(6)) {
      out.type = "ExternalName";
      out.external_name = of({"a.example", "localhost", "10.1.1.1", "0.0.0.0"});
    }
    for (std::size_t i = below(4); i > 0; --i) {
      ServicePort port{.name = of({"http", "admin", ""}), .port = static_cast<std::int64_t>(80 + below(3))};
      port.target_port = static_cast<std::int64_t>(8080 + below(2));
      if (one_in(6)) port.protocol = "UDP";
      if (one_in(6)) port.app_protocol = "kubernetes.io/h2c";
      out.ports.push_back(std::move(port));
    }
    return out;
  }

  EndpointSlice make_slice() {
    EndpointSlice out{.meta = meta(of({"e", "f", "g", "h"})), .service = one_in(8) ? "" : service()};
    out.address_type = one_in(8) ? of({"IPv6", "FQDN"}) : "IPv4";
    for (std::size_t i = below(5); i > 0; --i) {
      SliceEndpoint endpoint{
          .addresses = {of({"10.0.0.1", "10.0.0.2", "127.0.0.1", "::1", "no address", "fd00::1", ""})}};
      if (one_in(3)) endpoint.ready = one_in(2);
      if (one_in(6)) endpoint.serving = endpoint.terminating = true;
      if (one_in(4)) endpoint.hint_zone = "z";
      out.endpoints.push_back(std::move(endpoint));
    }
    for (std::size_t i = below(3); i > 0; --i)
      out.ports.push_back(
          {.name = of({"http", "admin", ""}), .port = static_cast<std::int64_t>(below(9000))});
    return out;
  }

  Secret make_secret() {
    Secret out{.meta = meta(secret()), .type = one_in(8) ? "Opaque" : "kubernetes.io/tls"};
    if (!one_in(8)) out.data["tls.crt"] = of({"bad", "chain x", "chain y", "chain z"});
    if (!one_in(8)) out.data["tls.key"] = of({"key", "other key"});
    return out;
  }

  Object make() {
    switch (below(12)) {
      case 0:
        return make_class();
      case 1:
      case 2:
        return make_service();
      case 3:
      case 4:
        return make_slice();
      case 5:
      case 6:
        return make_secret();
      default:
        return make_ingress();
    }
  }

 private:
  std::mt19937 random_;
};

struct Sink final : ConfigSink {
  std::vector<Problem> apply(const ConfigDelta& delta) override {
    ++num_applied;
    last = delta;
    ingress::apply(config, delta);
    return {};
  }
  GatewayConfig config;
  ConfigDelta last;
  int num_applied = 0;
};

const Reconciler::Clock::time_point kStart{std::chrono::hours(1)};

ReadObject as_read(World& world, Object object) {
  ReadObject out{key_of(object), {}, {}};
  if (world.one_in(15)) {
    out.problems.push_back(
        {.source = "cluster", .object = origin_of(object), .field = "spec", .why = "malformed"});
  } else {
    out.object = std::move(object);
  }
  return out;
}

void change_something(World& world, Reconciler& reconciler, Store& whole) {
  const Object object = world.make();
  const ObjectKey key = key_of(object);
  if (world.one_in(4)) {
    reconciler.remove(key, kStart);
    whole.remove("cluster", key);
    return;
  }
  ReadObject read = as_read(world, object);
  if (read.object) {
    whole.upsert("cluster", object);
  } else if (const StoredObject* known = whole.find(key); known != nullptr && key.kind == Secret::kKind) {
    Secret empty = std::get<Secret>(known->object);
    empty.data.clear();
    whole.upsert("cluster", std::move(empty));
  } else {
    whole.remove("cluster", key);
  }
  reconciler.upsert(std::move(read), kStart);
}

// Each problem that is of the translation.
std::vector<Problem> translated(std::vector<Problem> problems) {
  std::erase_if(problems, [](const Problem& problem) { return problem.why == "malformed"; });
  return problems;
}

void run(unsigned seed, const TranslateOptions& options, int num_events) {
  World world(seed);
  Sink sink;
  Reconciler reconciler(options, sink);
  Store whole;
  CertificateMemory memory;
  for (int i = 0; i < num_events;) {
    for (std::size_t burst = world.one_in(10) ? 30 : 1 + world.below(4); burst > 0; --burst, ++i)
      change_something(world, reconciler, whole);
    if (world.one_in(5)) reconciler.references();  // may be asked for at any time
    const GatewayConfig before = sink.config;
    reconciler.reconcile();
    const Translation expected = translate(whole, options, memory);
    CAPTURE(seed);
    CAPTURE(i);
    REQUIRE(to_json(sink.config) == to_json(expected.config));
    REQUIRE(diff(sink.config, expected.config).is_empty());
    REQUIRE(reconciler.config() == expected.config);
    const auto problems = translated(reconciler.problems());
    REQUIRE(text_of(problems) == text_of(expected.problems));
    REQUIRE(problems == expected.problems);
    REQUIRE(reconciler.num_ignored_ingresses() == expected.num_ignored_ingresses);
    const ConfigDelta delta = diff(before, sink.config);
    if (!delta.is_empty()) REQUIRE(sink.last == delta);
    REQUIRE(!std::ranges::any_of(validate(sink.config),
                                 [](const Problem& p) { return p.severity == Severity::kError; }));
    std::set<ObjectName> named;
    ProblemList unused;
    std::size_t num_ignored = 0;
    for (const ServedIngress& served : served_ingresses(whole, options, num_ignored, unused))
      for (const IngressTls& tls : served.ingress->tls)
        if (!tls.secret.empty()) named.emplace(served.ingress->meta.namespace_, tls.secret);
    if (const auto& by_default = options.default_certificate)
      named.emplace(by_default->namespace_, by_default->secret);
    REQUIRE(reconciler.references().secrets == named);
  }
}

}  // namespace

TEST_CASE("TenThousandRandomEventsGiveTheSameBytesAsAFullTranslation") {
  TranslateOptions plain;
  plain.listeners = {{.name = "b", .port = 80}, {.name = "a", .port = 81}};
  TranslateOptions tls{.serves_tls = true, .check_certificate = check_chain};
  tls.now = [] { return std::chrono::system_clock::time_point(std::chrono::hours(9)); };
  TranslateOptions all = tls;
  all.default_certificate = DefaultCertificate{"one", "x"};
  all.default_backend = DefaultBackend{"two", "s", {.number = 80, .name = {}}};
  all.allow_external_names = true;
  all.hsts = Hsts{};
  TranslateOptions one_class = tls;
  one_class.ingress_class = "ours";
  one_class.watch_ingress_without_class = true;
  one_class.allow_local_endpoints = false;
  run(1, plain, 1'500);
  run(2, tls, 3'500);
  run(3, all, 3'500);
  run(4, one_class, 1'500);
}
