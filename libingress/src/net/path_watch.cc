// Loop::watch_path(): inotify through uv_fs_event, kept alive across replacements of the path.
//
// inotify watches an inode. When the path is renamed over, deleted and made again, or is a symlink that
// turns (or leads through one that turns, as in a mounted ConfigMap), the inode watched is no longer what
// the path names, and often nothing is reported on it at all. So the parent directory is watched too:
// after each event the path is looked at again, and when it names another inode the watch moves there.
// The parent must stay where it is; a symlink turning in a directory further up is not noticed.
#include <sys/stat.h>
#include <uv.h>

#include <cstdint>
#include <utility>

#include "net/public_loop.h"
#include "net/socket_address.h"

namespace ingress::net {

namespace {

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// What a path names now. Anything that differs is a change.
struct Identity {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size_bytes = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
  bool is_same_inode(const Identity& other) const {
    return exists && other.exists && device == other.device && inode == other.inode;
  }
};

Identity look_at(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return {};
  return {.exists = true,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = status.st_size,
          .changed_ns = std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

// Owner: its registration, then the loop until both close callbacks and the deferred call are done.
class WatchCore {
 public:
  WatchCore(EventLoop& loop, std::string path, OnEvent call)
      : loop_(loop), path_(std::move(path)), call_(std::move(call)) {}
  WatchCore(const WatchCore&) = delete;
  WatchCore& operator=(const WatchCore&) = delete;

  int start();
  void close();

 private:
  // What an event was about: on the path itself always a change, beside it only when the path differs.
  enum class Source : std::uint8_t { kPath, kParent };
  ~WatchCore() = default;

  int init(uv_fs_event_t& handle);
  int watch_inode();
  void on_event(Source source);
  void report();
  void release();

  EventLoop& loop_;
  std::string path_;
  OnEvent call_;
  Identity identity_;
  uv_fs_event_t on_path_{};
  uv_fs_event_t on_parent_{};
  bool is_closed_ = false;
  bool is_call_pending_ = false;
  int num_users_ = 1;  // the registration, handles not yet reported closed, the deferred call
};

int WatchCore::init(uv_fs_event_t& handle) {
  const int status = uv_fs_event_init(loop_.uv_loop(), &handle);
  if (status != 0) return status;
  handle.data = this;
  ++num_users_;
  return 0;
}

// 0 or a libuv status; close() is due in either case.
int WatchCore::start() {
  if (const int status = init(on_path_); status != 0) return status;
  if (const int status = init(on_parent_); status != 0) return status;
  identity_ = look_at(path_);
  if (const int status = watch_inode(); status != 0) return status;
  const auto on_parent_event = [](uv_fs_event_t* handle, const char*, int, int) {
    static_cast<WatchCore*>(handle->data)->on_event(Source::kParent);
  };
  return uv_fs_event_start(&on_parent_, on_parent_event, parent_of(path_).c_str(), 0);
}

int WatchCore::watch_inode() {
  uv_fs_event_stop(&on_path_);
  const auto on_path_event = [](uv_fs_event_t* handle, const char*, int, int) {
    static_cast<WatchCore*>(handle->data)->on_event(Source::kPath);
  };
  return uv_fs_event_start(&on_path_, on_path_event, path_.c_str(), 0);
}

void WatchCore::on_event(Source source) {
  const Identity before = std::exchange(identity_, look_at(path_));
  const bool is_moved = identity_.exists && !identity_.is_same_inode(before);
  // It may be gone again by now; then the parent tells when it is back.
  if (is_moved && watch_inode() != 0) identity_ = {};
  if (source == Source::kParent && identity_ == before) return;
  if (is_call_pending_) return;
  is_call_pending_ = true;
  ++num_users_;
  loop_.defer([this] { report(); });
}

void WatchCore::report() {
  is_call_pending_ = false;
  if (!is_closed_) call_();
  release();
}

void WatchCore::close() {
  is_closed_ = true;
  for (uv_fs_event_t* handle : {&on_path_, &on_parent_}) {
    if (handle->data != this) continue;  // never initialised
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { static_cast<WatchCore*>(closed->data)->release(); });
  }
  release();
}

void WatchCore::release() {
  if (--num_users_ == 0) delete this;
}

class WatchRegistration final : public Loop::Registration::Impl {
 public:
  explicit WatchRegistration(WatchCore* core) : core_(core) {}
  WatchRegistration(const WatchRegistration&) = delete;
  WatchRegistration& operator=(const WatchRegistration&) = delete;
  ~WatchRegistration() override { core_->close(); }

 private:
  WatchCore* core_;
};

}  // namespace

std::expected<RegistrationImpl, Error> watch_path(EventLoop& loop, const std::string& path, OnEvent call) {
  auto* const core = new WatchCore(loop, path, std::move(call));
  auto registration = std::make_unique<WatchRegistration>(core);
  if (const int status = core->start(); status != 0) {
    return std::unexpected(io_error("cannot watch", status, path));
  }
  return registration;
}

}  // namespace ingress::net
