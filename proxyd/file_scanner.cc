#include "proxyd/file_scanner.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace proxyd {
namespace {

// Closes the descriptor at the end of its scope.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool is_manifest_name(std::string_view name) {
  if (name.starts_with('.')) return false;
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

// Reads to the end of the file, at most `cap` bytes. Returns an errno or 0.
int read_all(int fd, off_t expected_bytes, std::size_t cap, std::string& text) {
  // One byte more than expected: then the read that finds the end needs no second buffer.
  text.resize(std::min(static_cast<std::size_t>(expected_bytes) + 1, cap));
  std::size_t size = 0;
  while (true) {
    const ssize_t result = ::read(fd, text.data() + size, text.size() - size);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return errno;
    size += static_cast<std::size_t>(result);
    if (result == 0 || size == cap) break;
    if (size == text.size()) text.resize(std::min(size * 2, cap));
  }
  text.resize(size);
  return 0;
}

std::string fix_of(int error) {
  if (error == EACCES) return "let the user that runs proxyd read the file";
  if (error == ELOOP || error == ENOENT) return "put the file there, or mend or remove the symlink";
  return "make the file readable, or remove it";
}

}  // namespace

FileScanner::Stamp FileScanner::Stamp::of(const struct stat& status) {
  // The change time is compared too: it moves with permissions, and with a copy that keeps the other times.
  return {.error = 0,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = status.st_mtim,
          .changed = status.st_ctim};
}

bool FileScanner::Stamp::operator==(const Stamp& other) const {
  const auto is_equal = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  return error == other.error && device == other.device && inode == other.inode && size == other.size &&
         is_equal(modified, other.modified) && is_equal(changed, other.changed);
}

std::optional<FileScanner::Clock::duration> FileScanner::scan(Clock::time_point now, FileSink& sink) {
  std::map<std::string, Stamp> found;
  if (!list(found, sink)) return std::nullopt;
  for (const auto& [name, stamp] : found) {
    const auto [place, is_new] = files_.try_emplace(name);
    File& file = place->second;
    if (is_new || !file.is_present || file.stamp != stamp) file.since = now;
    file.stamp = stamp;
    file.is_present = true;
  }
  std::optional<Clock::duration> next;
  for (auto place = files_.begin(); place != files_.end();) {
    auto& [name, file] = *place;
    if (file.is_present && !found.contains(name)) {
      file.is_present = false;
      file.since = now;
    }
    const bool is_settled = now - file.since >= settle_;
    if (is_settled && !file.is_present) {
      if (file.reported) sink.remove_file(name);
      place = files_.erase(place);
      continue;
    }
    const bool is_news = !file.is_present || file.reported != file.stamp;
    if (is_settled && is_news) report(name, file, now, sink);
    if (!file.is_present || file.reported != file.stamp) {
      const auto wait = std::max<Clock::duration>(file.since + settle_ - now, std::chrono::milliseconds(1));
      next = next ? std::min(*next, wait) : wait;
    }
    ++place;
  }
  return next;
}

void FileScanner::forget_reported() {
  // Kept as a stamp that nothing equals, since remove_file() is owed for what was once reported.
  for (auto& [name, file] : files_)
    if (file.reported) file.reported = Stamp{.error = -1};
  folder_error_.clear();
}

// Fills `found`; false when the folder cannot be read, which was reported then.
bool FileScanner::list(std::map<std::string, Stamp>& found, FileSink& sink) {
  std::string why;
  const auto add = [&](const std::string& name) {
    struct stat status{};
    if (::stat((folder_ + "/" + name).c_str(), &status) == 0) {
      found.emplace(name, Stamp::of(status));
    } else {
      found.emplace(name, Stamp{.error = errno});
    }
  };
  if (only_file_) {
    add(*only_file_);
  } else if (const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_.c_str()), ::closedir);
             folder) {
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      if (is_manifest_name(entry->d_name)) add(entry->d_name);
      if (found.size() > kMaxFiles) break;
      errno = 0;
    }
    if (found.size() > kMaxFiles) {
      why = fmt::format("more than {} files", kMaxFiles);
    } else if (errno != 0) {
      why = fmt::format("cannot read the folder: {}", std::strerror(errno));
    }
  } else {
    why = fmt::format("cannot open the folder: {}", std::strerror(errno));
  }
  if (why != folder_error_) sink.refuse_folder(why);
  folder_error_ = why;
  return why.empty();
}

// Reads a settled file and tells the sink, unless it turns out to be changing right now.
void FileScanner::report(const std::string& name, File& file, Clock::time_point now, FileSink& sink) {
  const auto refuse = [&](std::string why, std::string fix) {
    file.reported = file.stamp;
    sink.refuse_file(name, std::move(why), std::move(fix));
  };
  const auto refuse_errno = [&](int error) {
    refuse(fmt::format("cannot read the file: {}", std::strerror(error)), fix_of(error));
  };
  if (file.stamp.error != 0) return refuse_errno(file.stamp.error);
  // O_NONBLOCK: a FIFO must not hold us up; it is refused below.
  const Fd fd(::open((folder_ + "/" + name).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return refuse_errno(errno);
  struct stat before{}, after{};
  if (::fstat(fd.get(), &before) != 0) return refuse_errno(errno);
  if (!S_ISREG(before.st_mode)) return refuse("not a regular file", "remove it, or put a file in its place");
  if (before.st_size > static_cast<off_t>(max_file_bytes_))
    return refuse(fmt::format("larger than {} bytes", max_file_bytes_), "split it into several files");
  std::string text;
  if (const int error = read_all(fd.get(), before.st_size, max_file_bytes_ + 1, text); error != 0)
    return refuse_errno(error);
  if (::fstat(fd.get(), &after) != 0) return refuse_errno(errno);
  const Stamp stamp = Stamp::of(after);
  if (stamp != file.stamp || Stamp::of(before) != stamp ||
      text.size() != static_cast<std::size_t>(after.st_size)) {
    file.stamp = stamp;
    file.since = now;
    return;
  }
  file.reported = stamp;
  sink.update_file(name, std::move(text));
}

}  // namespace proxyd
