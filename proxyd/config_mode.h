// One file in the library's own form as the configuration: all of it is taken, or the last good one stays.
//
// Owner: the daemon. Thread: the loop's. Caller: keeps it until the loop has ended.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/cluster.h"
#include "ingress/loop.h"
#include "proxyd/certificate_check.h"
#include "proxyd/config_source.h"
#include "proxyd/file_source.h"
#include "proxyd/problem_board.h"

namespace proxyd {

struct ReadConfig {
  std::optional<ingress::GatewayConfig> config;  // nothing when a problem is an error
  std::vector<ingress::Problem> problems;        // warnings stop nothing
};
// Reads and checks `text`; the name decides the format (".json", else YAML) and becomes the source of
// the problems. Endpoints that `local_backends` will refuse are warnings: requests to them are answered 502.
ReadConfig read_config(const std::string& text, const std::string& name,
                       ingress::LocalBackends local_backends, Stapling stapling = Stapling::kOff);

class ConfigMode final : public ConfigSource, private FileSink {
 public:
  ConfigMode(ingress::Loop& loop, const std::string& path, ingress::LocalBackends local_backends,
             Publisher& publisher, ProblemBoard& board, OnHopeless on_hopeless,
             Stapling stapling = Stapling::kOff);
  void start() override { files_.start(); }
  void rescan() override { files_.rescan(); }

 private:
  void update_file(const std::string& source, std::string text) override;
  void refuse_file(const std::string& source, std::string why, std::string fix) override;
  void remove_file(const std::string& source) override;
  void refuse_folder(std::string why) override;
  enum class Stays { kNothing, kLastGood };  // what goes on being served because of the problems
  void show(std::vector<ingress::Problem> problems, Stays stays);

  const ingress::LocalBackends local_backends_;
  const Stapling stapling_;
  Publisher& publisher_;
  ProblemBoard& board_;
  OnHopeless on_hopeless_;
  FileSource files_;
  bool has_served_ = false;
};

// "a/b.json" -> {"a", "b.json"}; "b.json" -> {".", "b.json"}.
std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace proxyd
