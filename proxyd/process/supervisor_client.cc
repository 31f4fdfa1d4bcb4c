#include "proxyd/process/supervisor_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxyd/process/child_process.h"

namespace proxyd {
namespace {

ProcessMessage to_message(ProcessMessage::Kind kind, const ingress::SocketRequest& request) {
  return {.kind = kind,
          .protocol = static_cast<std::uint8_t>(request.protocol),
          .port = request.port,
          .count = request.count,
          .text = request.address + '\0' + request.listener};
}

std::string failure(const char* what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

// A sealed memfd that holds `bytes`.
std::expected<OwnedFd, std::string> to_memfd(std::string_view bytes) {
  OwnedFd file(memfd_create("proxyd-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return std::unexpected(failure("memfd_create"));
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return std::unexpected(failure("writing to a memfd"));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fcntl(file.get(), F_ADD_SEALS, kConfigSeals) != 0) return std::unexpected(failure("sealing a memfd"));
  return file;
}

}  // namespace

std::expected<ingress::OpenedSockets, ingress::Error> SupervisorClient::open_sockets(
    const ingress::SocketRequest& request) {
  auto answer = ask(to_message(ProcessMessage::Kind::kOpenSockets, request));
  constexpr std::string_view kInUse = "address in use: ";  // as the library says it
  if (!answer && answer.error().starts_with(kInUse))
    return std::unexpected(ingress::Error{.code = ingress::ErrorCode::kIo,
                                          .what = "address in use",
                                          .detail = answer.error().substr(kInUse.size())});
  if (!answer)
    return std::unexpected(ingress::Error{
        .code = ingress::ErrorCode::kIo, .what = "cannot listen", .detail = std::move(answer.error())});
  ingress::OpenedSockets sockets{.fds = {}, .port = answer->port};
  for (OwnedFd& fd : answer->fds) sockets.fds.push_back(fd.take());
  return sockets;
}

void SupervisorClient::give_up_sockets(const ingress::SocketRequest& request) {
  // Fails only when the supervisor is gone, and the sockets with it.
  if (!ask(to_message(ProcessMessage::Kind::kGiveUpSockets, request))) return;
}

std::expected<int, std::string> SupervisorClient::open_log() {
  return ask_for_one(ProcessMessage::Kind::kOpenLog);
}

std::expected<int, std::string> SupervisorClient::open_link() {
  return ask_for_one(ProcessMessage::Kind::kOpenLink);
}

std::expected<int, std::string> SupervisorClient::ask_for_one(ProcessMessage::Kind kind) {
  auto answer = ask({.kind = kind});
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->fds.size() != 1) return std::unexpected("the supervisor gave no descriptor");
  return answer->fds.front().take();
}

std::expected<void, std::string> SupervisorClient::keep_config(std::string_view bytes) {
  auto file = to_memfd(bytes);
  if (!file) return std::unexpected(std::move(file.error()));
  ProcessMessage question{.kind = ProcessMessage::Kind::kKeepConfig};
  question.fds.push_back(std::move(*file));
  auto answer = ask(question);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return {};
}

void SupervisorClient::say_ready() {
  if (!ask({.kind = ProcessMessage::Kind::kReady})) return;
}

std::expected<ProcessMessage, std::string> SupervisorClient::ask(const ProcessMessage& question) {
  const auto fail = [](int error) {
    return std::unexpected(fmt::format("asking the supervisor: {}", std::strerror(error)));
  };
  const std::lock_guard lock(mutex_);
  if (const auto sent = send_message(socket_.get(), question, Waiting::kYes); !sent)
    return fail(sent.error());
  auto answer = receive_message(socket_.get(), Waiting::kYes);
  if (!answer) return fail(answer.error());
  if (answer->kind == ProcessMessage::Kind::kFailed) return std::unexpected(std::move(answer->text));
  while (answer->fds.size() < answer->count) {
    auto more = receive_message(socket_.get(), Waiting::kYes);
    if (!more) return fail(more.error());
    if (more->fds.empty()) return fail(EBADMSG);
    for (OwnedFd& fd : more->fds) answer->fds.push_back(std::move(fd));
  }
  return std::move(*answer);
}

std::optional<ChildSetup> take_child_setup() {
  const char* role = getenv(kChildRoleVariable);
  if (role == nullptr) return std::nullopt;
  ChildSetup setup;
  setup.role =
      std::string_view(role) == kControllerName ? ChildSetup::Role::kController : ChildSetup::Role::kServing;
  const auto adopt = [](int fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return OwnedFd();
    return OwnedFd(fd);
  };
  const std::string_view given = getenv(kChildFdsVariable) == nullptr ? "" : getenv(kChildFdsVariable);
  if (given.contains('s')) setup.supervisor = adopt(kSupervisorFd);
  if (given.contains('c')) setup.config = adopt(kConfigFd);
  unsetenv(kChildRoleVariable);
  unsetenv(kChildFdsVariable);
  return setup;
}

std::expected<std::string, std::string> read_kept_config(const OwnedFd& config) {
  struct stat status{};
  if (fstat(config.get(), &status) != 0) return std::unexpected(failure("fstat"));
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        ::pread(config.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::unexpected(failure("reading the kept configuration"));
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace proxyd
