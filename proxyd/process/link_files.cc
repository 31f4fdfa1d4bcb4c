#include "proxyd/process/link_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxyd/process/owned_fd.h"

namespace proxyd {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

std::expected<std::string, std::string> read_file(const std::string& path) {
  const auto fail = [&] {
    return std::unexpected(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  };
  const OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail();
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() <= kMaxFileBytes) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail();
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return std::unexpected(fmt::format("{} is larger than a megabyte", path));
}

}  // namespace

std::expected<std::optional<ingress::StreamIdentity>, std::string> read_identity(const LinkOptions& options) {
  if (options.cert_file.empty()) return std::nullopt;
  auto chain = read_file(options.cert_file);
  if (!chain) return std::unexpected(std::move(chain.error()));
  auto key = read_file(options.key_file);
  if (!key) return std::unexpected(std::move(key.error()));
  auto authorities = read_file(options.ca_file);
  if (!authorities) return std::unexpected(std::move(authorities.error()));
  return ingress::StreamIdentity{.chain = std::move(*chain),
                                 .key = {std::move(*key)},
                                 .ca_bundle = std::move(*authorities),
                                 .allowed_names = options.peers};
}

}  // namespace proxyd
