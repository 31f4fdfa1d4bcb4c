#include "proxyd/sources.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxyd/config_mode.h"
#include "proxyd/kube/cluster_source.h"
#include "proxyd/manifests_mode.h"

namespace proxyd {

std::string missing_input(const InputOptions& input) {
  if (input.kube) return {};  // make_source() reads all that it is
  const std::string& path = input.config_file.empty() ? input.manifests_dir : input.config_file;
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fmt::format("cannot read {}: {}", path, std::strerror(errno));
}

std::expected<std::unique_ptr<ConfigSource>, std::string> make_source(const InputOptions& input,
                                                                      ingress::Loop& loop,
                                                                      Publisher& publisher,
                                                                      ProblemBoard& board,
                                                                      ConfigSource::OnHopeless on_hopeless) {
  if (input.kube)
    return make_cluster_source(loop, *input.kube, input.translate, publisher, board, std::move(on_hopeless));
  if (!input.config_file.empty())
    return std::make_unique<ConfigMode>(loop, input.config_file, input.local_backends, publisher, board,
                                        std::move(on_hopeless), input.stapling);
  return std::make_unique<ManifestsMode>(loop, input.manifests_dir, input.translate, publisher, board,
                                         std::move(on_hopeless));
}

}  // namespace proxyd
