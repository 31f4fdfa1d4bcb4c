#include "proxyd/options.h"

#include <fmt/format.h>

#include "proxyd/option_reader.h"
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
  OptionReader reader;
  Command command = PrintAndExit{.out = fmt::format("proxyd {}\n", version()), .err = {}};
  if (run.parsed()) command = read_run(reader, raw_run);
  if (check.parsed()) command = read_check(reader, raw_check);
  if (version_command.parsed()) return command;
  if (reader.error()) return usage_error(*reader.error(), app.help());
  return command;
}

}  // namespace proxyd
