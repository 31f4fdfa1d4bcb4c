// The daemon's entry: command line in, exit code out.
#include <cstdio>
#include <variant>

#include "proxyd/check.h"
#include "proxyd/options.h"
#include "proxyd/run.h"

int main(int argc, char** argv) {
  const proxyd::Command command = proxyd::parse_command_line(argc, argv);
  if (const auto* run = std::get_if<proxyd::RunOptions>(&command)) return proxyd::run_daemon(*run, argv);
  if (const auto* serve = std::get_if<proxyd::DataPlaneOptions>(&command))
    return proxyd::run_data_plane(*serve, argv);
  if (const auto* controller = std::get_if<proxyd::ControllerOptions>(&command))
    return proxyd::run_controller(*controller);
  if (const auto* check = std::get_if<proxyd::CheckOptions>(&command)) return proxyd::run_check(*check);
  const auto& text = std::get<proxyd::PrintAndExit>(command);
  std::fputs(text.out.c_str(), stdout);
  std::fputs(text.err.c_str(), stderr);
  return text.exit_code;
}
