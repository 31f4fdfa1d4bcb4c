#include "proxyd/file_source.h"

#include <sys/stat.h>

#include <chrono>

namespace proxyd {
namespace {

// Finds what inotify cannot tell: targets of symlinks, network file systems, a folder that was replaced.
// With settling (100 ms) and the reconciler's quiet time (50 ms) a change is served within a second.
constexpr std::chrono::milliseconds kPollPeriod{500};
// One save makes several hints; they are answered by one scan.
constexpr std::chrono::milliseconds kHintDelay{10};

}  // namespace

void FileSource::start() {
  // Timers only post the scan: a scan replaces its own timer, which must not be running then.
  poll_ = loop_.every(kPollPeriod, [this] { loop_.post([this] { scan(); }); });
  scan();
}

void FileSource::rescan() {
  scanner_.forget_reported();
  scan();
}

void FileSource::scan() {
  watch_folder();  // first: what changes during the scan gives a hint then
  const auto wait = scanner_.scan(FileScanner::Clock::now(), sink_);
  if (wait) scan_in(*wait);
  on_scanned_(wait ? Pending::kUnsettled : Pending::kNothing);
}

void FileSource::scan_in(FileScanner::Clock::duration delay) {
  next_ = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(delay),
                      [this] { loop_.post([this] { scan(); }); });
}

void FileSource::watch_folder() {
  struct stat status{};
  if (::stat(scanner_.folder().c_str(), &status) != 0) {
    watched_.reset();
    watch_ = {};
    return;
  }
  const std::pair folder(status.st_dev, status.st_ino);
  if (watched_ == folder) return;
  watched_ = folder;
  watch_ = {};
  auto watch = loop_.watch_path(scanner_.folder(), [this] { scan_in(kHintDelay); });
  if (watch) watch_ = std::move(*watch);  // without it the poll finds everything, only later
}

}  // namespace proxyd
