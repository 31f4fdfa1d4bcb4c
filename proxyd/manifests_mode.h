// A folder of Kubernetes manifests as the configuration: files -> Reconciler -> server.
//
// Owner: the daemon. Thread: the loop's. Caller: keeps it until the loop has ended.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "controller/reconciler.h"
#include "ingress/loop.h"
#include "proxyd/config_pusher.h"
#include "proxyd/config_source.h"
#include "proxyd/file_source.h"
#include "proxyd/problem_board.h"

namespace proxyd {

class ManifestsMode final : public ConfigSource, private FileSink {
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

  void on_scanned(FileSource::Pending pending);
  void reconcile();
  void show_problems();

  ingress::Loop& loop_;
  ProblemBoard& board_;
  ConfigPusher pusher_;
  ingress::controller::Reconciler reconciler_;
  FileSource files_;
  ingress::Loop::Registration next_;
  std::optional<Clock::time_point> started_;  // unset once the first configuration was sent
  std::optional<ingress::Problem> folder_problem_;
  bool has_news_ = false;  // files were reported since the problems were last shown
};

}  // namespace proxyd
