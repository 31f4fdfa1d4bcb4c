// Watches the files of a FileScanner: scans on every hint from the system, and twice a second without.
//
// Owner: ManifestsMode or ConfigMode. Thread: the loop's. Caller: keeps it until the loop has ended.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <utility>

#include "ingress/loop.h"
#include "proxyd/file_scanner.h"

namespace proxyd {

class FileSource {
 public:
  // `on_scanned` is called after every scan, when the sink has been told; it says whether something was
  // seen that may settle soon.
  enum class Pending : unsigned char { kNothing, kUnsettled };
  FileSource(ingress::Loop& loop, FileScanner scanner, FileSink& sink,
             std::function<void(Pending)> on_scanned)
      : loop_(loop), scanner_(std::move(scanner)), sink_(sink), on_scanned_(std::move(on_scanned)) {}

  // Scans now, and from then on.
  void start();
  // Reports every file again, changed or not.
  void rescan();

 private:
  void scan();
  void scan_in(FileScanner::Clock::duration delay);
  void watch_folder();

  ingress::Loop& loop_;
  FileScanner scanner_;
  FileSink& sink_;
  std::function<void(Pending)> on_scanned_;
  ingress::Loop::Registration watch_, poll_, next_;
  std::optional<std::pair<dev_t, ino_t>> watched_;  // the folder that watch_ is about
};

}  // namespace proxyd
