#include "proxyd/options.h"

#include <fmt/format.h>

#include "proxyd/option_reader.h"
#include "proxyd/options_link.h"
#include "proxyd/options_listeners.h"
#include "proxyd/options_serve.h"
#include "proxyd/options_source.h"

namespace proxyd {
namespace {

constexpr int kUsageError = 2;

struct RawRun {
  RawSource source;
  RawListeners listeners;
  RawServe serve;
};
struct RawDataPlane {
  RawServe serve;
  RawLink link;
  bool allow_local_backends = false;  // what is served may be anybody's
};
struct RawController {
  RawSource source;
  RawListeners listeners;
  RawLink link;
  RawAdmin admin;
};
struct RawCheck {
  RawSource source;
  std::string output = "text";
};

void add_run_options(CLI::App& app, RawRun& raw) {
  add_source_options(app, raw.source);
  add_listener_options(app, raw.listeners);
  add_serve_options(app, raw.serve);
  add_translate_options(app, raw.source);
}

RunOptions read_run(OptionReader& reader, const RawRun& raw) {
  RunOptions options;
  options.input = read_source(reader, raw.source, "--manifests DIR", MayBeCluster::kYes);
  read_listeners(reader, raw.listeners, options.input);
  options.serve = read_serve(reader, raw.serve);
  options.serve.local_backends = options.input.local_backends;
  return options;
}

void add_data_plane_options(CLI::App& app, RawDataPlane& raw) {
  add_link_options(app, raw.link, LinkEnd::kServing);
  add_serve_options(app, raw.serve);
  add_flag(app, "--allow-local-backends", raw.allow_local_backends,
           "Connect to loopback, link-local, unspecified and multicast addresses, resolved ones too");
}

DataPlaneOptions read_data_plane(OptionReader& reader, const RawDataPlane& raw) {
  DataPlaneOptions options{.serve = read_serve(reader, raw.serve),
                           .link = read_link(reader, raw.link, LinkEnd::kServing)};
  if (!raw.allow_local_backends) options.serve.local_backends = ingress::LocalBackends::kRefused;
  return options;
}

void add_controller_options(CLI::App& app, RawController& raw) {
  add_source_options(app, raw.source);
  add_link_options(app, raw.link, LinkEnd::kController);
  add_admin_options(app, raw.admin);
  add_listener_options(app, raw.listeners);
  add_translate_options(app, raw.source);
}

ControllerOptions read_controller(OptionReader& reader, const RawController& raw) {
  ControllerOptions options;
  options.input = read_source(reader, raw.source, "--manifests DIR", MayBeCluster::kYes);
  read_listeners(reader, raw.listeners, options.input);
  options.link = read_link(reader, raw.link, LinkEnd::kController);
  read_admin(reader, raw.admin, options.admin, options.probe);
  return options;
}

void add_check_options(CLI::App& app, RawCheck& raw) {
  app.add_option("DIR", raw.source.manifests, "Check the Kubernetes objects in the files of DIR")
      ->type_name("")
      ->envname(to_env_name("--manifests"));
  add_option(app, "--config", raw.source.config, "FILE", "Check a config of the library instead");
  app.add_option("-o,--output", raw.output, "Form of the list [text]")
      ->type_name("text|json")
      ->envname(to_env_name("--output"));
  add_translate_options(app, raw.source);
}

CheckOptions read_check(OptionReader& reader, const RawCheck& raw) {
  CheckOptions options;
  options.input = read_source(reader, raw.source, "DIR", MayBeCluster::kNo);
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
  RawDataPlane raw_data_plane;
  RawController raw_controller;
  RawCheck raw_check;
  CLI::App& run = *app.add_subcommand("run", "Serve until SIGTERM");
  CLI::App& serve = *app.add_subcommand("serve", "Serve what a controller says, until SIGTERM");
  CLI::App& controller =
      *app.add_subcommand("controller", "Translate for `proxyd serve` processes, until SIGTERM");
  CLI::App& check =
      *app.add_subcommand("check", "List all problems of a configuration; exit 1 when there are any");
  CLI::App& version_command = *app.add_subcommand("version", "Print the version");
  add_run_options(run, raw_run);
  add_data_plane_options(serve, raw_data_plane);
  add_controller_options(controller, raw_controller);
  add_check_options(check, raw_check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return PrintAndExit{.exit_code = 0, .out = app.help(), .err = {}};
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), app.help());
  }
  OptionReader reader;
  Command command = PrintAndExit{.out = fmt::format("proxyd {}\n", version()), .err = {}};
  if (run.parsed()) command = read_run(reader, raw_run);
  if (serve.parsed()) command = read_data_plane(reader, raw_data_plane);
  if (controller.parsed()) command = read_controller(reader, raw_controller);
  if (check.parsed()) command = read_check(reader, raw_check);
  if (version_command.parsed()) return command;
  if (reader.error()) return usage_error(*reader.error(), app.help());
  return command;
}

}  // namespace proxyd
