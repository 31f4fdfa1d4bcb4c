#include "proxyd/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace proxyd {

std::expected<int, std::string> open_log_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO without reader must fail instead of hanging; writing may wait, so the flag
  // is taken off again.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  if (fd < 0) return std::unexpected(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
    ::close(fd);
    return std::unexpected(fmt::format("cannot set up {}: {}", path, std::strerror(errno)));
  }
  return fd;
}

std::expected<LogFile, std::string> LogFile::open(const std::string& target, Open open) {
  if (target == "stdout") return LogFile({}, STDOUT_FILENO, false);
  if (!open) open = [target] { return open_log_file(target); };
  const auto fd = open();
  if (!fd) return std::unexpected(fd.error());
  return LogFile(std::move(open), *fd, true);
}

LogFile::LogFile(LogFile&& other) noexcept
    : open_(std::move(other.open_)),
      fd_(other.fd_),
      owns_fd_(std::exchange(other.owns_fd_, false)),
      is_torn_(other.is_torn_) {}

LogFile::~LogFile() {
  if (owns_fd_) ::close(fd_);
}

std::expected<void, std::string> LogFile::reopen() {
  if (!owns_fd_) return {};
  const auto fd = open_();
  if (!fd) return std::unexpected(fd.error());
  ::close(fd_);
  fd_ = *fd;
  is_torn_ = false;
  return {};
}

std::size_t LogFile::write(std::span<iovec> pieces) {
  if (is_torn_) {
    if (::write(fd_, "\n", 1) != 1) return 0;
    is_torn_ = false;
  }
  std::size_t written = 0;
  char last = '\n';
  while (!pieces.empty()) {
    const ssize_t result =
        ::writev(fd_, pieces.data(), static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX)));
    if (result < 0 && errno == EINTR) continue;
    if (result <= 0) break;
    written += static_cast<std::size_t>(result);
    for (auto rest = static_cast<std::size_t>(result); !pieces.empty();) {
      iovec& piece = pieces.front();
      const std::size_t taken = std::min(rest, piece.iov_len);
      if (taken > 0) last = static_cast<const char*>(piece.iov_base)[taken - 1];
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      rest -= taken;
      if (piece.iov_len > 0) break;
      pieces = pieces.subspan(1);
    }
  }
  is_torn_ = last != '\n';
  return written;
}

}  // namespace proxyd
