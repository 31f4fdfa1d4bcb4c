// The command line and the PROXYD_... environment of the daemon, read once at start.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/translate.h"
#include "ingress/cluster.h"
#include "ingress/listener.h"
#include "ingress/ocsp.h"
#include "ingress/stream.h"
#include "proxyd/certificate_check.h"
#include "proxyd/kube/kube_options.h"

namespace proxyd {

// Where the configuration comes from: exactly one of the three is set.
struct InputOptions {
  std::string manifests_dir;
  std::string config_file;
  std::optional<KubeOptions> kube;
  // Without a config_file only; `run` puts its listeners in here.
  ingress::controller::TranslateOptions translate;
  ingress::LocalBackends local_backends = ingress::LocalBackends::kAllowed;
  Stapling stapling = Stapling::kOff;
  ingress::ResponderAddresses responders = ingress::ResponderAddresses::kPublic;
};

enum class Sandbox : unsigned char { kOn, kOff };

struct ServeOptions {
  std::optional<ingress::Listener> admin, probe;
  unsigned workers = 1;
  std::string zone;                   // ingress::ServerOptions::zone
  std::string access_log = "stdout";  // a path, "stdout" or "off"
  std::chrono::milliseconds shutdown_delay{0};
  std::chrono::milliseconds drain_timeout{30'000};
  std::chrono::milliseconds tunnel_drain_timeout{10'000};
  ingress::LocalBackends local_backends = ingress::LocalBackends::kAllowed;
  Sandbox sandbox = Sandbox::kOn;
  std::string user;  // whom the serving process becomes when it is root; empty = a number that nobody has
};

// Where the two ends meet, and who they are.
struct LinkOptions {
  std::vector<ingress::StreamAddress> addresses = {};  // of a data plane: one
  std::string cert_file, key_file, ca_file;            // all empty for unix sockets
  std::vector<std::string> peers;                      // names that the other end may have
};

struct RunOptions {
  InputOptions input;
  ServeOptions serve;
};

// `proxyd serve`: no source of its own.
struct DataPlaneOptions {
  ServeOptions serve;
  LinkOptions link;
};

struct ControllerOptions {
  InputOptions input;
  LinkOptions link;
  std::optional<ingress::Listener> admin, probe;
};

enum class OutputFormat : unsigned char { kText, kJson };

struct CheckOptions {
  InputOptions input;
  OutputFormat output = OutputFormat::kText;
};

// Nothing to run: a help or version text (exit 0) or a usage error (exit 2).
struct PrintAndExit {
  int exit_code = 0;
  std::string out, err;
};

using Command = std::variant<RunOptions, DataPlaneOptions, ControllerOptions, CheckOptions, PrintAndExit>;

// Never throws and never exits.
Command parse_command_line(int argc, const char* const* argv);

// "0.1.0"
std::string_view version();

}  // namespace proxyd
