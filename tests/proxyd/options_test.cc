#include "proxyd/options.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

namespace proxyd {
namespace {

// Splits `line` at spaces.
Command parse(const std::string& line) {
  std::vector<std::string> words = {"proxyd"};
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

RunOptions parse_run(const std::string& line) {
  const Command command = parse(line);
  if (const auto* text = std::get_if<PrintAndExit>(&command)) FAIL(text->err);
  return std::get<RunOptions>(command);
}

// Sets a variable for one scope.
class Env {
 public:
  Env(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Env() { unsetenv(name_); }
  Env(const Env&) = delete;

 private:
  const char* name_;
};

TEST_CASE("RunTakesEveryFlag") {
  const RunOptions options = parse_run(
      "run --manifests dir --http 127.0.0.1:80 --http [::1]:81 --admin unix:/tmp/a --probe-address "
      "127.0.0.1:82 "
      "--workers 3 --access-log off --shutdown-delay 500ms --drain-timeout 2m --tunnel-drain-timeout 1m "
      "--default-backend ns/svc:http "
      "--controller-name me.dev/x --allow-external-names --slashes keep --ambiguous-paths reject "
      "--trusted-proxies 10.0.0.0/8,unix --trusted-proxies ::1 --headers-with-underscores allow "
      "--allow-local-backends=false --zone eu-1a");
  CHECK(options.input.manifests_dir == "dir");
  CHECK(options.input.config_file.empty());
  const auto& translate = options.input.translate;
  REQUIRE(translate.listeners.size() == 2);
  CHECK(translate.listeners[0].name == "http-0");
  CHECK(translate.listeners[0].port == 80);
  CHECK(translate.listeners[1].name == "http-1");
  CHECK(translate.listeners[1].address == "::1");
  for (const ingress::Listener& listener : translate.listeners) {
    CHECK(listener.paths.slashes == ingress::SlashMerging::kKeep);
    CHECK(listener.paths.ambiguous == ingress::AmbiguousPaths::kReject);
    CHECK(listener.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "unix", "::1"});
    CHECK(listener.headers_with_underscores == ingress::HeadersWithUnderscores::kAllow);
  }
  CHECK(options.serve.admin->address == "unix:/tmp/a");
  CHECK(options.serve.admin->name == "admin");
  CHECK(options.serve.probe->port == 82);
  CHECK(options.serve.probe->name == "probe");
  CHECK(options.serve.workers == 3);
  CHECK(options.serve.zone == "eu-1a");
  CHECK(options.serve.access_log == "off");
  CHECK(options.serve.shutdown_delay.count() == 500);
  CHECK(options.serve.drain_timeout.count() == 120'000);
  CHECK(options.serve.tunnel_drain_timeout.count() == 60'000);
  CHECK(!translate.serves_tls);
  CHECK(translate.default_backend->service == "svc");
  CHECK(translate.controller_name == "me.dev/x");
  CHECK(translate.allow_external_names);
  CHECK(!translate.allow_local_endpoints);
  CHECK(options.input.local_backends == ingress::LocalBackends::kRefused);
}

TEST_CASE("ListenersForHttpsStandBesideThoseForHttp") {
  const RunOptions options = parse_run(
      "run --manifests dir --https [::1]:443 --http 127.0.0.1:80 --https 127.0.0.1:444 --http 127.0.0.1:0 "
      "--default-certificate infra/fallback.example --https-public-port 8443 --trusted-proxies ::1");
  const auto& translate = options.input.translate;
  CHECK(translate.serves_tls);
  CHECK(translate.redirects_to_https);
  REQUIRE(translate.default_certificate);
  CHECK(translate.default_certificate->namespace_ == "infra");
  CHECK(translate.default_certificate->secret == "fallback.example");
  CHECK(translate.check_certificate);
  std::vector<std::string> names;
  for (const ingress::Listener& listener : translate.listeners) {
    names.push_back(listener.name);
    CHECK(listener.trusted_proxies == std::vector<std::string>{"::1"});
    const bool is_secure = listener.name.starts_with("https");
    REQUIRE(listener.tls.has_value() == is_secure);
    if (is_secure) CHECK(listener.tls->default_certificate == "infra/fallback.example");
    if (!is_secure) CHECK(listener.https_port == 8443);
  }
  CHECK(names == std::vector<std::string>{"http-0", "http-1", "https-0", "https-1"});
  CHECK(translate.listeners[2].address == "::1");
  CHECK(translate.listeners[3].port == 444);
}

TEST_CASE("HttpsAloneIsEnoughAndHasDefaults") {
  const RunOptions options = parse_run("run --manifests d --https 127.0.0.1:443 --ssl-redirect=false");
  const auto& translate = options.input.translate;
  REQUIRE(translate.listeners.size() == 1);
  REQUIRE(translate.listeners[0].tls);
  CHECK(*translate.listeners[0].tls == ingress::ListenerTls{});
  CHECK(!translate.default_certificate);
  CHECK(!translate.redirects_to_https);
  CHECK(translate.hsts == ingress::Hsts{});
  const RunOptions plain = parse_run("run --manifests d --http 127.0.0.1:80");
  CHECK(!plain.input.translate.hsts);
  CHECK(!plain.input.translate.serves_tls);
  CHECK(plain.input.translate.listeners[0].https_port == 443);
}

TEST_CASE("HttpsHasAPolicyAndTellsClientsToStay") {
  const std::string head = "run --manifests d --https 127.0.0.1:443 ";
  const RunOptions options =
      parse_run(head + "--tls-preset modern --hsts-max-age 86400 --hsts-scope preload");
  CHECK(options.input.translate.listeners[0].tls->preset == ingress::TlsPreset::kModern);
  CHECK(options.input.translate.hsts ==
        ingress::Hsts{.max_age = std::chrono::seconds(86'400), .scope = ingress::HstsScope::kPreload});
  CHECK(!parse_run(head + "--hsts=false").input.translate.hsts);
}

TEST_CASE("RunHasDefaults") {
  const RunOptions options = parse_run("run --config file.yaml");
  CHECK(options.input.config_file == "file.yaml");
  CHECK(!options.serve.admin);
  CHECK(!options.serve.probe);
  CHECK(options.serve.workers >= 1);
  CHECK(options.serve.access_log == "stdout");
  CHECK(options.serve.zone.empty());
  CHECK(options.serve.shutdown_delay.count() == 0);
  CHECK(options.serve.drain_timeout.count() == 30'000);
  CHECK(options.serve.tunnel_drain_timeout.count() == 10'000);
  CHECK(options.input.local_backends == ingress::LocalBackends::kAllowed);
  CHECK(options.input.translate.allow_local_endpoints);
  CHECK(parse_run("run --manifests d --http 127.0.0.1:1").input.translate.controller_name ==
        "libingress.dev/proxyd");
}

TEST_CASE("EnvironmentStandsInForFlagsAndLosesAgainstThem") {
  const Env manifests("PROXYD_MANIFESTS", "from-env"), http("PROXYD_HTTP", "127.0.0.1:1,[::1]:2"),
      workers("PROXYD_WORKERS", "7"), log("PROXYD_ACCESS_LOG", "off"),
      names("PROXYD_ALLOW_EXTERNAL_NAMES", "true"), local("PROXYD_ALLOW_LOCAL_BACKENDS", "false"),
      delay("PROXYD_SHUTDOWN_DELAY", "1s");
  const RunOptions options = parse_run("run --workers 2");
  CHECK(options.input.manifests_dir == "from-env");
  REQUIRE(options.input.translate.listeners.size() == 2);
  CHECK(options.input.translate.listeners[1].address == "::1");
  CHECK(options.serve.workers == 2);
  CHECK(options.serve.access_log == "off");
  CHECK(options.input.translate.allow_external_names);
  CHECK(options.input.local_backends == ingress::LocalBackends::kRefused);
  CHECK(parse_run("run --workers 2 --allow-local-backends").input.local_backends ==
        ingress::LocalBackends::kAllowed);
  CHECK(options.serve.shutdown_delay.count() == 1000);
  const Env https("PROXYD_HTTPS", "127.0.0.1:3,[::1]:4"), redirect("PROXYD_SSL_REDIRECT", "false"),
      port("PROXYD_HTTPS_PUBLIC_PORT", "8443"), certificate("PROXYD_DEFAULT_CERTIFICATE", "a/b");
  const auto tls = parse_run("run").input.translate;
  REQUIRE(tls.listeners.size() == 4);
  CHECK(tls.listeners[0].https_port == 8443);
  CHECK(tls.listeners[3].name == "https-1");
  CHECK(tls.listeners[3].tls->default_certificate == "a/b");
  CHECK(!tls.redirects_to_https);
}

TEST_CASE("BadEnvironmentIsAUsageErrorOfTheCommandThatReadsItOnly") {
  const Env workers("PROXYD_WORKERS", "many");
  CHECK(std::get<PrintAndExit>(parse("run --config x")).exit_code == 2);
  CHECK(std::get<PrintAndExit>(parse("version")).exit_code == 0);
  CHECK(std::holds_alternative<CheckOptions>(parse("check dir")));
}

TEST_CASE("CheckTakesAFolderOrAFile") {
  const auto folder = std::get<CheckOptions>(parse("check dir -o json"));
  CHECK(folder.input.manifests_dir == "dir");
  CHECK(folder.output == OutputFormat::kJson);
  CHECK(folder.input.translate.serves_tls);
  CHECK(folder.input.translate.check_certificate);
  const auto with_default = std::get<CheckOptions>(parse("check dir --default-certificate a/b"));
  CHECK(with_default.input.translate.default_certificate->secret == "b");
  const auto file = std::get<CheckOptions>(parse("check --config a.json"));
  CHECK(file.input.config_file == "a.json");
  CHECK(file.output == OutputFormat::kText);
}

void check_usage_errors(std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    CAPTURE(line);
    const Command command = parse(line);
    REQUIRE(std::holds_alternative<PrintAndExit>(command));
    const auto& text = std::get<PrintAndExit>(command);
    CHECK(text.exit_code == 2);
    CHECK(text.out.empty());
    CHECK(text.err.starts_with("proxyd: "));
    CHECK(text.err.find("Usage: proxyd") != std::string::npos);
  }
}

TEST_CASE("UsageErrorsExitWithTwoAndTheUsage") {
  check_usage_errors({
      "",
      "fly",
      "run",
      "run --http 127.0.0.1:1",
      "run --manifests d",
      "run --manifests d --config f --http 127.0.0.1:1",
      "run --config f --http 127.0.0.1:1",
      "run --config f --default-backend a/b:1",
      "run --config f --allow-external-names",
      "run --config f --slashes merge",
      "run --config f --trusted-proxies ::1",
      "run --config f --headers-with-underscores drop",
      "run --manifests d --http 127.0.0.1:1 --trusted-proxies 10.0.0.1/8",
      "run --manifests d --http 127.0.0.1:1 --headers-with-underscores maybe",
      "run --config f --ambiguous-paths keep",
      "run --manifests d --http 127.0.0.1:1 --slashes twice",
      "run --manifests d --http 127.0.0.1:1 --ambiguous-paths maybe",
      "run --config f --controller-name x",
      "run --config f --allow-local-backends=maybe",
      "run --manifests d --http localhost:1",
      "run --manifests d --http 127.0.0.1:1 --http 127.0.0.1:1",
      "run --manifests d --http unix:/a",
      "run --config f --workers 0",
      "run --config f --zone a/b",
      "run --config f --admin 1",
      "run --config f --probe-address unix:/a",
      "run --config f --shutdown-delay 30",
      "run --config f --drain-timeout x",
      "run --config f --tunnel-drain-timeout 10",
      "run --config f --unknown",
      "run --config",
      "run --config f extra",
      "check",
      "check a b",
      "check a --config f",
      "check a -o xml",
      "version extra",
  });
}

TEST_CASE("RespondersAreAskedOnlyWhereThatIsWanted") {
  const std::string head = "run --manifests d --https 127.0.0.1:1";
  CHECK(parse_run(head).input.stapling == Stapling::kOff);
  const RunOptions stapling = parse_run(head + " --ocsp-stapling");
  CHECK(stapling.input.stapling == Stapling::kOn);
  CHECK(stapling.input.responders == ingress::ResponderAddresses::kPublic);
  CHECK(parse_run(head + " --ocsp-stapling --allow-private-responders").input.responders ==
        ingress::ResponderAddresses::kAny);
  CHECK(parse_run("run --config f --ocsp-stapling").input.stapling == Stapling::kOn);
}

TEST_CASE("UsageErrorsOfTlsDoSoToo") {
  check_usage_errors({
      "run --config f --default-certificate a/b",
      "run --config f --https 127.0.0.1:1",
      "run --config f --https-public-port 1",
      "run --config f --ssl-redirect=false",
      "run --manifests d --http 127.0.0.1:1 --default-certificate a/b",
      "run --manifests d --http 127.0.0.1:1 --https-public-port 1",
      "run --manifests d --http 127.0.0.1:1 --ssl-redirect=false",
      "run --manifests d --https 127.0.0.1:1 --https-public-port 0",
      "run --manifests d --https 127.0.0.1:1 --default-certificate b",
      "run --manifests d --https 127.0.0.1:1 --ssl-redirect=maybe",
      "run --config f --tls-preset modern",
      "run --manifests d --http 127.0.0.1:1 --tls-preset modern",
      "run --manifests d --http 127.0.0.1:1 --hsts=false",
      "run --manifests d --http 127.0.0.1:1 --hsts-scope host",
      "run --manifests d --https 127.0.0.1:1 --tls-preset old",
      "run --manifests d --https 127.0.0.1:1 --hsts-max-age 1y",
      "run --manifests d --https 127.0.0.1:1 --hsts-scope all",
      "run --manifests d --https 127.0.0.1:1 --hsts=false --hsts-max-age 1",
      "run --manifests d --https 127.0.0.1:1 --allow-private-responders",
      "run --manifests d --http 127.0.0.1:1 --ocsp-stapling",
      "run --config f --ocsp-stapling=maybe",
      "run --manifests d --https localhost:1",
      "run --manifests d --https unix:/a",
      "run --manifests d --https 127.0.0.1:1 --https 127.0.0.1:1",
      "run --manifests d --http 127.0.0.1:1 --https 127.0.0.1:1",
      "check --config f --default-certificate a/b",
  });
}

TEST_CASE("HelpNamesCommandsFlagsAndVariables") {
  const auto help = [](const char* line) {
    const auto text = std::get<PrintAndExit>(parse(line));
    CHECK(text.exit_code == 0);
    CHECK(text.err.empty());
    return text.out;
  };
  const std::string all = help("--help");
  for (const char* word : {"run", "check", "version", "PROXYD_"}) CHECK(all.find(word) != std::string::npos);
  const std::string run = help("run --help");
  for (const char* flag : {"--manifests",
                           "--config",
                           "--http",
                           "--https",
                           "--https-public-port",
                           "--default-certificate",
                           "--ssl-redirect",
                           "--tls-preset",
                           "--hsts",
                           "--hsts-max-age",
                           "--hsts-scope",
                           "--ocsp-stapling",
                           "--allow-private-responders",
                           "--admin",
                           "--probe-address",
                           "--workers",
                           "--access-log",
                           "--shutdown-delay",
                           "--drain-timeout",
                           "--tunnel-drain-timeout",
                           "--default-backend",
                           "--controller-name",
                           "--allow-external-names",
                           "--allow-local-backends",
                           "--zone",
                           "PROXYD_SHUTDOWN_DELAY"}) {
    CAPTURE(flag);
    CHECK(run.find(flag) != std::string::npos);
  }
  CHECK(help("check --help").find("--output") != std::string::npos);
  CHECK(help("version").starts_with("proxyd "));
}

TEST_CASE("AClusterIsASource") {
  const RunOptions options = parse_run(
      "run --kubeconfig k --context c --namespaces b,a,b --ingress-selector x=y --http 127.0.0.1:1");
  REQUIRE(options.input.kube);
  CHECK(options.input.kube->kubeconfig == "k");
  CHECK(options.input.kube->context == "c");
  CHECK(options.input.kube->scope.namespaces == std::vector<std::string>{"a", "b"});
  CHECK(options.input.kube->scope.ingress_selector == "x=y");
  // What is in a cluster may be anybody's.
  CHECK(options.input.local_backends == ingress::LocalBackends::kRefused);
  CHECK_FALSE(options.input.translate.allow_local_endpoints);
  CHECK(parse_run("run --in-cluster --allow-local-backends --http 127.0.0.1:1").input.local_backends ==
        ingress::LocalBackends::kAllowed);
  CHECK(parse_run("run --in-cluster --http 127.0.0.1:1").input.kube->kubeconfig.empty());
  CHECK_FALSE(parse_run("run --manifests d --http 127.0.0.1:1").input.kube);
}

}  // namespace
}  // namespace proxyd
