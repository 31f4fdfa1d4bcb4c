#include "proxyd/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "ingress/config.h"
#include "proxyd/certificate_check.h"
#include "proxyd/cpu_count.h"
#include "proxyd/option_values.h"

namespace proxyd {
namespace {

constexpr int kUsageError = 2;

// What was written, before it means anything. CLI11 reads the environment for subcommands that were not
// chosen too, so values are parsed here, for the chosen one only.
struct RawInput {
  std::string manifests, config, default_backend, default_certificate, controller_name;
  bool allow_external_names = false;
  // Both sources are the operator's own files: what they name is meant.
  bool allow_local_backends = true;
};
// Of all listeners of --http and --https.
struct RawListeners {
  std::vector<std::string> http, https, trusted_proxies;
  std::string https_public_port;
  bool ssl_redirect = true;
  std::string tls_preset;
  bool hsts = true;
  std::string hsts_max_age, hsts_scope;
  std::string slashes, ambiguous_paths, headers_with_underscores;
};
struct RawRun {
  RawInput input;
  RawListeners listeners;
  bool ocsp_stapling = false, allow_private_responders = false;
  std::string admin, probe, workers, zone, access_log = "stdout", shutdown_delay = "0s",
                                           drain_timeout = "30s", tunnel_drain_timeout = "10s";
};
struct RawCheck {
  RawInput input;
  std::string output = "text";
};

// "--access-log" -> PROXYD_ACCESS_LOG
std::string to_env_name(const std::string& flag) {
  std::string name = "PROXYD_" + flag.substr(flag.find_first_not_of('-'));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

template <typename T>
CLI::Option* add_option(CLI::App& app, const std::string& flag, T& target, const std::string& type,
                        const std::string& help) {
  return app.add_option(flag, target, help)->type_name(type)->envname(to_env_name(flag));
}

void add_input_options(CLI::App& app, RawInput& raw) {
  add_option(app, "--default-backend", raw.default_backend, "NS/SERVICE:PORT",
             "Answers requests that no Ingress claims");
  add_option(app, "--default-certificate", raw.default_certificate, "NS/SECRET",
             "Shown to clients of --https that name no host, or one without a certificate");
  add_option(app, "--controller-name", raw.controller_name, "NAME",
             "Value of spec.controller of the IngressClasses to serve [libingress.dev/proxyd]");
  app.add_flag("--allow-external-names", raw.allow_external_names,
               "Serve Services of type ExternalName; they can point at anything")
      ->envname(to_env_name("--allow-external-names"));
  app.add_flag("--allow-local-backends", raw.allow_local_backends,
               "Connect to loopback, link-local, unspecified and multicast addresses; =false refuses them, "
               "resolved ones too [true]")
      ->envname(to_env_name("--allow-local-backends"));
}

// May be repeated, or a list with commas.
void add_list_option(CLI::App& app, const std::string& flag, std::vector<std::string>& target,
                     const std::string& type, const std::string& help) {
  add_option(app, flag, target, type, help)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_listener_options(CLI::App& app, RawListeners& raw) {
  add_list_option(app, "--http", raw.http, "ADDR:PORT",
                  "Listen for HTTP here; may be repeated; with --manifests");
  add_list_option(app, "--https", raw.https, "ADDR:PORT",
                  "Listen for HTTPS here, with the certificates that spec.tls of Ingresses names; may be "
                  "repeated; with --manifests");
  add_option(app, "--https-public-port", raw.https_public_port, "PORT",
             "Where clients reach --https, for redirects to it [443]");
  app.add_flag("--ssl-redirect", raw.ssl_redirect,
               "Redirect plain requests for hosts that have a certificate to https; =false serves them, but "
               "for Ingresses whose annotation ssl-redirect is \"true\" [true]")
      ->envname(to_env_name("--ssl-redirect"));
  add_option(app, "--tls-preset", raw.tls_preset, "intermediate|modern",
             "What --https speaks, as Mozilla recommends: TLS 1.2 and 1.3, or 1.3 alone [intermediate]");
  app.add_flag("--hsts", raw.hsts,
               "Tell clients of hosts that have a certificate to come by https only "
               "(Strict-Transport-Security), whatever the backend says; =false leaves it to backends [true]")
      ->envname(to_env_name("--hsts"));
  add_option(app, "--hsts-max-age", raw.hsts_max_age, "SECONDS",
             "For how long they are told so; 0 takes it back [31536000]");
  add_option(
      app, "--hsts-scope", raw.hsts_scope, "host|subdomains|preload",
      "Whether that holds for all hosts below theirs too, and whether browsers may build it in [host]");
  add_list_option(app, "--trusted-proxies", raw.trusted_proxies, "CIDR|unix",
                  "Believe these peers about whom they speak for; may be repeated, or a list with commas");
  add_option(app, "--headers-with-underscores", raw.headers_with_underscores, "drop|reject|allow",
             "What to do with fields that have _ in their names [drop]");
  add_option(app, "--slashes", raw.slashes, "merge|keep", "What to make of // in a path [merge]");
  add_option(
      app, "--ambiguous-paths", raw.ambiguous_paths, "reject|reject_hidden_dots|keep",
      "Which paths that backends may read differently to answer 400: with ; %2F %5C, or only those where "
      "they hide dot segments [reject_hidden_dots]");
}

void add_run_options(CLI::App& app, RawRun& raw) {
  add_option(app, "--manifests", raw.input.manifests, "DIR",
             "Serve the Kubernetes objects in the files of DIR");
  add_option(app, "--config", raw.input.config, "FILE",
             "Serve a config of the library, JSON or YAML, instead");
  add_listener_options(app, raw.listeners);
  app.add_flag("--ocsp-stapling", raw.ocsp_stapling,
               "Ask the OCSP responders that certificates name, and give clients the answers")
      ->envname(to_env_name("--ocsp-stapling"));
  app.add_flag("--allow-private-responders", raw.allow_private_responders,
               "Ask responders at private, loopback and link-local addresses too; certificates choose them")
      ->envname(to_env_name("--allow-private-responders"));
  add_option(app, "--admin", raw.admin, "ADDR:PORT|unix:PATH",
             "Serve state, problems, health and metrics here");
  add_option(app, "--probe-address", raw.probe, "ADDR:PORT", "Serve only health and metrics here");
  add_option(app, "--workers", raw.workers, "N", "Threads that serve [CPU affinity or cgroup quota]");
  add_option(app, "--zone", raw.zone, "NAME",
             "Where this process runs, as topology.kubernetes.io/zone says; its endpoints come first");
  add_option(app, "--access-log", raw.access_log, "PATH|stdout|off",
             "Where requests are written down [stdout]");
  add_option(app, "--shutdown-delay", raw.shutdown_delay, "TIME",
             "After SIGTERM go on accepting for so long [0s]");
  add_option(app, "--drain-timeout", raw.drain_timeout, "TIME",
             "After accepting ended, let requests run for so long [30s]");
  add_option(app, "--tunnel-drain-timeout", raw.tunnel_drain_timeout, "TIME",
             "And upgraded connections (WebSocket) for so long [10s]");
  add_input_options(app, raw.input);
}

void add_check_options(CLI::App& app, RawCheck& raw) {
  app.add_option("DIR", raw.input.manifests, "Check the Kubernetes objects in the files of DIR")
      ->type_name("")
      ->envname(to_env_name("--manifests"));
  add_option(app, "--config", raw.input.config, "FILE", "Check a config of the library instead");
  app.add_option("-o,--output", raw.output, "Form of the list [text]")
      ->type_name("text|json")
      ->envname(to_env_name("--output"));
  add_input_options(app, raw.input);
}

// Collects the first error, so that each value needs one line only.
class Reader {
 public:
  template <typename T, typename Parsed>
  void read(const char* flag, const std::string& text, T& target, Parsed parsed) {
    if (text.empty() || error_) return;
    if (parsed) {
      target = std::move(*parsed);
    } else {
      fail(fmt::format("{}: {}", flag, parsed.error()));
    }
  }
  void fail(std::string message) {
    if (!error_) error_ = std::move(message);
  }
  const std::optional<std::string>& error() const { return error_; }

 private:
  std::optional<std::string> error_;
};

InputOptions read_input(Reader& reader, const RawInput& raw, const char* dir_name) {
  InputOptions input{.manifests_dir = raw.manifests, .config_file = raw.config, .translate = {}};
  if (raw.manifests.empty() == raw.config.empty())
    reader.fail(fmt::format("give either {} or --config FILE", dir_name));
  if (!raw.config.empty() && (!raw.default_backend.empty() || !raw.default_certificate.empty() ||
                              raw.allow_external_names || !raw.controller_name.empty()))
    reader.fail(
        "--default-backend, --default-certificate, --controller-name and --allow-external-names have no "
        "meaning with --config");
  reader.read("--default-backend", raw.default_backend, input.translate.default_backend,
              parse_default_backend(raw.default_backend));
  reader.read("--default-certificate", raw.default_certificate, input.translate.default_certificate,
              parse_default_certificate(raw.default_certificate));
  input.translate.check_certificate = [](const ingress::Certificate& certificate) {
    return check_certificate(certificate, Stapling::kOff);
  };
  if (!raw.controller_name.empty()) input.translate.controller_name = raw.controller_name;
  input.translate.allow_external_names = raw.allow_external_names;
  input.translate.allow_local_endpoints = raw.allow_local_backends;
  if (!raw.allow_local_backends) input.local_backends = ingress::LocalBackends::kRefused;
  return input;
}

// The library says what a network is.
void check_trusted_proxies(Reader& reader, const std::vector<std::string>& entries) {
  ingress::Listener listener{.name = "http-0"};
  listener.trusted_proxies = entries;
  ingress::GatewayConfig config;
  config.listeners.push_back(std::move(listener));
  for (const ingress::Problem& problem : ingress::validate(config))
    reader.fail(fmt::format("--trusted-proxies: {}: {}", problem.why, problem.fix));
}

// Adds a listener like `common`, named "<stem>-<number>", for each of the addresses.
void add_listeners(Reader& reader, const std::string& stem, const std::vector<std::string>& addresses,
                   const ingress::Listener& common, std::vector<ingress::Listener>& listeners) {
  const std::string flag = "--" + stem;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    ingress::Listener address;
    reader.read(flag.c_str(), addresses[i], address, parse_listen_address(addresses[i], UnixPaths::kRefused));
    ingress::Listener listener = common;
    listener.name = fmt::format("{}-{}", stem, i);
    listener.address = std::move(address.address);
    listener.port = address.port;
    const auto is_same = [&](const ingress::Listener& other) {
      return listener.port != 0 && other.address == listener.address && other.port == listener.port;
    };
    if (std::ranges::any_of(listeners, is_same))
      reader.fail(fmt::format("{}: \"{}\" is given twice", flag, addresses[i]));
    listeners.push_back(std::move(listener));
  }
}

// What only listeners with TLS make use of.
void read_tls(Reader& reader, const RawRun& raw, InputOptions& input, ingress::Listener& plain,
              ingress::Listener& secure) {
  const RawListeners& given = raw.listeners;
  const bool has_hsts_settings = !given.hsts_max_age.empty() || !given.hsts_scope.empty();
  const bool has_settings = !given.https_public_port.empty() || !given.ssl_redirect ||
                            !given.tls_preset.empty() || !given.hsts || has_hsts_settings;
  if (given.https.empty() && (has_settings || !raw.input.default_certificate.empty()))
    return reader.fail(
        "--default-certificate, --https-public-port, --ssl-redirect=false, --tls-preset and --hsts have no "
        "meaning without --https");
  if (!given.hsts && has_hsts_settings)
    return reader.fail("--hsts-max-age and --hsts-scope have no meaning with --hsts=false");
  reader.read("--https-public-port", given.https_public_port, plain.https_port,
              parse_public_port(given.https_public_port));
  secure.tls.emplace();
  if (const auto& secret = input.translate.default_certificate)
    secure.tls->default_certificate = secret->namespace_ + '/' + secret->secret;
  input.translate.serves_tls = !given.https.empty();
  input.translate.redirects_to_https = given.ssl_redirect;
  reader.read("--tls-preset", given.tls_preset, secure.tls->preset, parse_tls_preset(given.tls_preset));
  ingress::Hsts hsts;
  reader.read("--hsts-max-age", given.hsts_max_age, hsts.max_age, parse_hsts_max_age(given.hsts_max_age));
  reader.read("--hsts-scope", given.hsts_scope, hsts.scope, parse_hsts_scope(given.hsts_scope));
  if (given.hsts && !given.https.empty()) input.translate.hsts = hsts;
}

void read_listeners(Reader& reader, const RawRun& raw, InputOptions& input) {
  const RawListeners& given = raw.listeners;
  if (!raw.input.config.empty() && !(given.http.empty() && given.https.empty()))
    return reader.fail("--http and --https have no meaning with --config: the file names its listeners");
  const bool has_settings = !given.slashes.empty() || !given.ambiguous_paths.empty() ||
                            !given.trusted_proxies.empty() || !given.headers_with_underscores.empty();
  if (!raw.input.config.empty() && has_settings)
    return reader.fail(
        "--slashes, --ambiguous-paths, --trusted-proxies and --headers-with-underscores have no meaning with "
        "--config: its listeners say it");
  if (!raw.input.manifests.empty() && given.http.empty() && given.https.empty())
    return reader.fail("--manifests needs at least one --http or --https");
  ingress::Listener common;
  reader.read("--slashes", given.slashes, common.paths.slashes, parse_slashes(given.slashes));
  reader.read("--ambiguous-paths", given.ambiguous_paths, common.paths.ambiguous,
              parse_ambiguous_paths(given.ambiguous_paths));
  reader.read("--headers-with-underscores", given.headers_with_underscores, common.headers_with_underscores,
              parse_headers_with_underscores(given.headers_with_underscores));
  check_trusted_proxies(reader, given.trusted_proxies);
  common.trusted_proxies = given.trusted_proxies;
  ingress::Listener secure = common;
  read_tls(reader, raw, input, common, secure);
  add_listeners(reader, "http", given.http, common, input.translate.listeners);
  add_listeners(reader, "https", given.https, secure, input.translate.listeners);
}

void read_stapling(Reader& reader, const RawRun& raw, RunOptions& options) {
  if (!raw.ocsp_stapling) {
    if (raw.allow_private_responders)
      reader.fail("--allow-private-responders has no meaning without --ocsp-stapling");
    return;
  }
  if (raw.input.config.empty() && raw.listeners.https.empty())
    reader.fail("--ocsp-stapling has no meaning without --https");
  if (raw.allow_private_responders) options.responders = ingress::ResponderAddresses::kAny;
  options.input.stapling = Stapling::kOn;
  options.input.translate.check_certificate = [](const ingress::Certificate& certificate) {
    return check_certificate(certificate, Stapling::kOn);
  };
}

RunOptions read_run(Reader& reader, const RawRun& raw) {
  RunOptions options;
  options.input = read_input(reader, raw.input, "--manifests DIR");
  read_listeners(reader, raw, options.input);
  read_stapling(reader, raw, options);
  reader.read("--admin", raw.admin, options.admin, parse_listen_address(raw.admin, UnixPaths::kAllowed));
  reader.read("--probe-address", raw.probe, options.probe,
              parse_listen_address(raw.probe, UnixPaths::kRefused));
  if (options.admin) options.admin->name = "admin";
  if (options.probe) options.probe->name = "probe";
  reader.read("--workers", raw.workers, options.workers, parse_workers(raw.workers));
  if (raw.workers.empty()) options.workers = usable_cpus();
  reader.read("--zone", raw.zone, options.zone, parse_zone(raw.zone));
  options.access_log = raw.access_log;
  reader.read("--shutdown-delay", raw.shutdown_delay, options.shutdown_delay,
              parse_duration(raw.shutdown_delay));
  reader.read("--drain-timeout", raw.drain_timeout, options.drain_timeout, parse_duration(raw.drain_timeout));
  reader.read("--tunnel-drain-timeout", raw.tunnel_drain_timeout, options.tunnel_drain_timeout,
              parse_duration(raw.tunnel_drain_timeout));
  return options;
}

CheckOptions read_check(Reader& reader, const RawCheck& raw) {
  CheckOptions options;
  options.input = read_input(reader, raw.input, "DIR");
  options.input.translate.serves_tls = true;  // whoever checks certificates is going to serve them
  if (raw.output == "json") {
    options.output = OutputFormat::kJson;
  } else if (raw.output != "text") {
    reader.fail(fmt::format("--output: \"{}\": expected text or json", raw.output));
  }
  return options;
}

PrintAndExit usage_error(const std::string& message, const std::string& usage) {
  return {.exit_code = kUsageError, .out = {}, .err = fmt::format("proxyd: {}\n\n{}", message, usage)};
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Serves Kubernetes Ingress objects over HTTP and HTTPS.", "proxyd");
  app.require_subcommand(1);
  app.footer("Each flag is also an environment variable: --access-log is PROXYD_ACCESS_LOG.");
  RawRun raw_run;
  RawCheck raw_check;
  CLI::App& run = *app.add_subcommand("run", "Serve until SIGTERM");
  CLI::App& check =
      *app.add_subcommand("check", "List all problems of a configuration; exit 1 when there are any");
  CLI::App& version_command = *app.add_subcommand("version", "Print the version");
  add_run_options(run, raw_run);
  add_check_options(check, raw_check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return PrintAndExit{.exit_code = 0, .out = app.help(), .err = {}};
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), app.help());
  }
  if (version_command.parsed())
    return PrintAndExit{.exit_code = 0, .out = fmt::format("proxyd {}\n", version()), .err = {}};
  Reader reader;
  Command command;
  if (run.parsed()) {
    command = read_run(reader, raw_run);
  } else {
    command = read_check(reader, raw_check);
  }
  if (reader.error()) return usage_error(*reader.error(), app.help());
  return command;
}

}  // namespace proxyd
