#include "proxyd/manifests_mode.h"

#include <utility>

#include "controller/manifest.h"
#include "proxyd/log.h"

namespace proxyd {
namespace {

// The first configuration waits until all files have settled, but not longer for one that never does.
constexpr std::chrono::seconds kMaxStartWait{1};

}  // namespace

ManifestsMode::ManifestsMode(ingress::Loop& loop, const std::string& folder,
                             ingress::controller::TranslateOptions options, Publisher& publisher,
                             ProblemBoard& board, OnHopeless on_hopeless)
    : loop_(loop),
      board_(board),
      pusher_(publisher, board, std::move(on_hopeless)),
      reconciler_(std::move(options), pusher_),
      files_(loop, FileScanner(folder, std::nullopt), *this,
             [this](FileSource::Pending pending) { on_scanned(pending); }) {}

void ManifestsMode::start() {
  started_ = Clock::now();
  files_.start();
}

void ManifestsMode::rescan() {
  files_.rescan();
  // What was refused for a reason outside of the files, such as a taken port, is tried again.
  if (pusher_.needs_whole() && !started_) reconcile();
}

void ManifestsMode::update_file(const std::string& source, std::string text) {
  has_news_ = true;
  reconciler_.update_source(source, ingress::controller::read_manifest(text, source), Clock::now());
}

void ManifestsMode::refuse_file(const std::string& source, std::string why, std::string fix) {
  has_news_ = true;
  ingress::controller::Manifest manifest;
  manifest.is_readable = false;
  manifest.problems.push_back({.source = source, .why = std::move(why), .fix = std::move(fix)});
  reconciler_.update_source(source, std::move(manifest), Clock::now());
}

void ManifestsMode::remove_file(const std::string& source) {
  has_news_ = true;
  reconciler_.remove_source(source, Clock::now());
}

void ManifestsMode::refuse_folder(std::string why) {
  folder_problem_.reset();
  if (!why.empty())
    folder_problem_ = {.source = ".", .why = std::move(why), .fix = "make the folder of manifests readable"};
  has_news_ = true;
}

void ManifestsMode::on_scanned(FileSource::Pending pending) {
  if (started_) {
    const bool may_wait = Clock::now() - *started_ < kMaxStartWait;
    if (may_wait && pending == FileSource::Pending::kUnsettled) return;
    return reconcile();
  }
  // A broken file changes no object, so that nothing would be reconciled, but it is a problem from now on.
  if (std::exchange(has_news_, false)) show_problems();
  // Reset by every scan: due_in() tells what is left, not what was asked for first.
  if (const auto due = reconciler_.due_in(Clock::now()))
    next_ = loop_.after(*due, [this] { loop_.post([this] { reconcile(); }); });
}

void ManifestsMode::reconcile() {
  started_.reset();
  reconciler_.reconcile();
  if (pusher_.needs_whole()) pusher_.push_whole(reconciler_.config());
  show_problems();
}

void ManifestsMode::show_problems() {
  std::vector<ingress::Problem> problems = reconciler_.problems();
  problems.insert(problems.end(), pusher_.problems().begin(), pusher_.problems().end());
  if (folder_problem_) problems.push_back(*folder_problem_);
  log_problems(board_.replace(std::move(problems), reconciler_.num_ignored_ingresses()));
}

}  // namespace proxyd
