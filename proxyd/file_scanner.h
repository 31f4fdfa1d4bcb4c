// Finds out which files have changed, by looking: nothing here watches, waits or sleeps.
//
// Owner: FileSource, or a one-time check. Thread: one. Caller: calls scan() after every hint of a change and
// at least twice a second, as the targets of symlinks change without any hint.
// Always true: a file counts once the stamp of what its name leads to has stayed equal for `settle`; the
// same holds for its absence, so that an editor's delete-and-write does not drop objects.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace proxyd {

// What a scan found. `source` is the file's name relative to the folder.
class FileSink {
 public:
  virtual void update_file(const std::string& source, std::string text) = 0;
  // The file is there but cannot be used; what it said last goes on counting.
  virtual void refuse_file(const std::string& source, std::string why, std::string fix) = 0;
  virtual void remove_file(const std::string& source) = 0;
  // The folder itself cannot be read (every file stays as it was), or can again when `why` is empty.
  virtual void refuse_folder(std::string why) = 0;

 protected:
  ~FileSink() = default;
};

class FileScanner {
 public:
  using Clock = std::chrono::steady_clock;
  // Caps on one file; a little more than the parsers take, so that they say what is wrong in between.
  static constexpr std::size_t kMaxManifestBytes = 9 * 1024 * 1024;
  static constexpr std::size_t kMaxConfigBytes = 513 * 1024 * 1024;
  static constexpr std::size_t kMaxFiles = 20'000;
  static constexpr std::chrono::milliseconds kSettle{100};

  // Looks at *.yaml, *.yml and *.json directly in `folder`, symlinks followed, names with a leading dot
  // ignored. With `only_file`, at that one name instead, whatever its ending.
  FileScanner(std::string folder, std::optional<std::string> only_file, Clock::duration settle = kSettle)
      : folder_(std::move(folder)),
        only_file_(std::move(only_file)),
        max_file_bytes_(only_file_ ? kMaxConfigBytes : kMaxManifestBytes),
        settle_(settle) {}

  // Reports what has settled since the last scan. Costs one stat per file, and a read per changed one.
  // Returns how long until something seen now may have settled; nothing when all has.
  std::optional<Clock::duration> scan(Clock::time_point now, FileSink& sink);
  // Lets the next scan report every file again.
  void forget_reported();
  const std::string& folder() const { return folder_; }

 private:
  // What a name leads to: an errno, or the identity and times of a file.
  struct Stamp {
    int error = 0;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{}, changed{};
    static Stamp of(const struct stat& status);
    bool operator==(const Stamp& other) const;
  };
  struct File {
    Stamp stamp;
    Clock::time_point since;        // of `stamp`, or of the absence
    std::optional<Stamp> reported;  // what the sink was told about
    bool is_present = false;
  };

  bool list(std::map<std::string, Stamp>& found, FileSink& sink);
  void report(const std::string& name, File& file, Clock::time_point now, FileSink& sink);

  std::string folder_;
  std::optional<std::string> only_file_;
  std::size_t max_file_bytes_;
  Clock::duration settle_;
  std::map<std::string, File> files_;
  std::string folder_error_;
};

}  // namespace proxyd
