// A folder of Kubernetes manifests as the configuration: files -> Reconciler -> server.
//
// Owner: the daemon. Thread: the loop's. Caller: keeps it until the loop has ended.
// Always true: a delta is sent only onto a whole that the server took; after a refusal the next one is
// sent whole again.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "controller/reconciler.h"
#include "ingress/loop.h"
#include "proxyd/config_source.h"
#include "proxyd/file_source.h"
#include "proxyd/problem_board.h"

namespace proxyd {

class ManifestsMode final : public ConfigSource, private FileSink, private ingress::controller::ConfigSink {
 public:
  ManifestsMode(ingress::Loop& loop, const std::string& folder, ingress::controller::TranslateOptions options,
                Publisher& publisher, ProblemBoard& board, OnHopeless on_hopeless);
  void start() override;
  void rescan() override;

 private:
  using Clock = ingress::controller::Reconciler::Clock;

  void update_file(const std::string& source, std::string text) override;
  void refuse_file(const std::string& source, std::string why, std::string fix) override;
  void remove_file(const std::string& source) override;
  void refuse_folder(std::string why) override;
  std::vector<ingress::Problem> apply(const ingress::ConfigDelta& delta) override;

  void on_scanned(FileSource::Pending pending);
  void reconcile();
  void publish_whole();
  void show_problems();

  ingress::Loop& loop_;
  Publisher& publisher_;
  ProblemBoard& board_;
  OnHopeless on_hopeless_;
  ingress::controller::Reconciler reconciler_;
  FileSource files_;
  ingress::Loop::Registration next_;
  std::optional<Clock::time_point> started_;        // unset once the first configuration was sent
  std::vector<ingress::Problem> publish_problems_;  // of the last whole
  std::optional<ingress::Problem> folder_problem_;
  bool needs_whole_ = true;
  bool has_news_ = false;  // files were reported since the problems were last shown
  bool has_served_ = false;
};

}  // namespace proxyd
