// The file behind the access log: whole lines in, reopened on demand, honest about what was lost.
//
// Owner: the log's writer. Thread: the writer's, except for the constructor's.
// Always true: after a failed write the next line starts on a line of its own.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <expected>
#include <span>
#include <string>

namespace proxyd {

class LogFile {
 public:
  // `target` is a path or "stdout". A path is created (0644) and appended to; a FIFO needs its reader
  // first. Fails with a sentence.
  static std::expected<LogFile, std::string> open(std::string target);
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&&) = delete;
  ~LogFile();

  // Opens the path anew (after it was moved away). On failure the old file stays in use; "stdout" stays.
  std::expected<void, std::string> reopen();
  // Writes all pieces, which together are whole lines; changes `pieces`. May block. Returns how many
  // bytes were written; less than all when the file refused (disk full, reader gone).
  std::size_t write(std::span<iovec> pieces);

 private:
  LogFile(std::string target, int fd, bool owns_fd)
      : target_(std::move(target)), fd_(fd), owns_fd_(owns_fd) {}

  std::string target_;
  int fd_;
  bool owns_fd_;
  bool is_torn_ = false;  // the last write ended within a line
};

}  // namespace proxyd
