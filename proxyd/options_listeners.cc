#include "proxyd/options_listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ingress/config.h"
#include "proxyd/certificate_check.h"
#include "proxyd/option_values.h"

namespace proxyd {
namespace {

// The library says what a network is.
void check_trusted_proxies(OptionReader& reader, const std::vector<std::string>& entries) {
  ingress::Listener listener{.name = "http-0"};
  listener.trusted_proxies = entries;
  ingress::GatewayConfig config;
  config.listeners.push_back(std::move(listener));
  for (const ingress::Problem& problem : ingress::validate(config))
    reader.fail(fmt::format("--trusted-proxies: {}: {}", problem.why, problem.fix));
}

// Adds a listener like `common`, named "<stem>-<number>", for each of the addresses.
void add_listeners(OptionReader& reader, const std::string& stem, const std::vector<std::string>& addresses,
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
void read_tls(OptionReader& reader, const RawListeners& given, InputOptions& input, ingress::Listener& plain,
              ingress::Listener& secure) {
  const bool has_hsts_settings = !given.hsts_max_age.empty() || !given.hsts_scope.empty();
  const bool has_settings = !given.https_public_port.empty() || !given.ssl_redirect ||
                            !given.tls_preset.empty() || !given.hsts || has_hsts_settings;
  if (given.https.empty() && (has_settings || input.translate.default_certificate))
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

void read_stapling(OptionReader& reader, const RawListeners& given, InputOptions& input) {
  if (!given.ocsp_stapling) {
    if (given.allow_private_responders)
      reader.fail("--allow-private-responders has no meaning without --ocsp-stapling");
    return;
  }
  if (input.config_file.empty() && given.https.empty())
    reader.fail("--ocsp-stapling has no meaning without --https");
  if (given.allow_private_responders) input.responders = ingress::ResponderAddresses::kAny;
  input.stapling = Stapling::kOn;
  input.translate.check_certificate = [](const ingress::Certificate& certificate) {
    return check_certificate(certificate, Stapling::kOn);
  };
}

}  // namespace

void add_listener_options(CLI::App& app, RawListeners& raw) {
  add_list_option(app, "--http", raw.http, "ADDR:PORT",
                  "Listen for HTTP here; may be repeated; with --manifests");
  add_list_option(app, "--https", raw.https, "ADDR:PORT",
                  "Listen for HTTPS here, with the certificates that spec.tls of Ingresses names; may be "
                  "repeated; with --manifests");
  add_option(app, "--https-public-port", raw.https_public_port, "PORT",
             "Where clients reach --https, for redirects to it [443]");
  add_flag(app, "--ssl-redirect", raw.ssl_redirect,
           "Redirect plain requests for hosts that have a certificate to https; =false serves them, but "
           "for Ingresses whose annotation ssl-redirect is \"true\" [true]");
  add_option(app, "--tls-preset", raw.tls_preset, "intermediate|modern",
             "What --https speaks, as Mozilla recommends: TLS 1.2 and 1.3, or 1.3 alone [intermediate]");
  add_flag(app, "--hsts", raw.hsts,
           "Tell clients of hosts that have a certificate to come by https only "
           "(Strict-Transport-Security), whatever the backend says; =false leaves it to backends [true]");
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
  add_flag(app, "--ocsp-stapling", raw.ocsp_stapling,
           "Ask the OCSP responders that certificates name, and give clients the answers");
  add_flag(app, "--allow-private-responders", raw.allow_private_responders,
           "Ask responders at private, loopback and link-local addresses too; certificates choose them");
}

void read_listeners(OptionReader& reader, const RawListeners& given, InputOptions& input) {
  if (!input.config_file.empty() && !(given.http.empty() && given.https.empty()))
    return reader.fail("--http and --https have no meaning with --config: the file names its listeners");
  const bool has_settings = !given.slashes.empty() || !given.ambiguous_paths.empty() ||
                            !given.trusted_proxies.empty() || !given.headers_with_underscores.empty();
  if (!input.config_file.empty() && has_settings)
    return reader.fail(
        "--slashes, --ambiguous-paths, --trusted-proxies and --headers-with-underscores have no meaning with "
        "--config: its listeners say it");
  if (!input.manifests_dir.empty() && given.http.empty() && given.https.empty())
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
  read_tls(reader, given, input, common, secure);
  add_listeners(reader, "http", given.http, common, input.translate.listeners);
  add_listeners(reader, "https", given.https, secure, input.translate.listeners);
  read_stapling(reader, given, input);
}

}  // namespace proxyd
