// The file behind the access log: whole lines in, reopened on demand, honest about what was lost.
//
// Owner: the log's writer. Thread: the writer's, except for the constructor's.
// Always true: after a failed write the next line starts on a line of its own.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <expected>
#include <functional>
#include <span>
#include <string>

namespace proxyd {

// Opens `path` for appending, and creates it (0644); a FIFO needs its reader first. Fails with a sentence.
std::expected<int, std::string> open_log_file(const std::string& path);

class LogFile {
 public:
  // Gives a descriptor of the file, again whenever it is reopened. Fails with a sentence.
  using Open = std::function<std::expected<int, std::string>()>;
  // `target` is a path or "stdout"; `open` opens it, when something else than open_log_file() is to. Fails
  // with a sentence.
  static std::expected<LogFile, std::string> open(const std::string& target, Open open = {});
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&&) = delete;
  ~LogFile();

  // Opens the path anew (after it was moved away). On failure the old file stays in use; "stdout" stays.
  std::expected<void, std::string> reopen();
  // Writes all pieces, which together are whole lines; changes `pieces`. May block. Returns how many
  // bytes were written; less than all when the file refused (disk full, reader gone).
  std::size_t write(std::span<iovec> pieces);

 private:
  LogFile(Open open, int fd, bool owns_fd) : open_(std::move(open)), fd_(fd), owns_fd_(owns_fd) {}

  Open open_;
  int fd_;
  bool owns_fd_;
  bool is_torn_ = false;  // the last write ended within a line
};

}  // namespace proxyd
