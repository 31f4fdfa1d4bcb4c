#include "proxyd/kube/cluster_source.h"

#include <utility>

#include "proxyd/kube/client_transport.h"
#include "proxyd/kube/cluster_mode.h"
#include "proxyd/kube/kube_clock.h"

namespace proxyd {
namespace {

StatusOptions with_namespace(StatusOptions options, const KubeAccess& access) {
  if (options.election_namespace.empty())
    options.election_namespace = access.namespace_.empty() ? "default" : access.namespace_;
  return options;
}

class ClusterSource final : public ConfigSource {
 public:
  ClusterSource(std::unique_ptr<KubeClock> clock, std::unique_ptr<ClientTransport> transport,
                const KubeOptions& options, ingress::controller::TranslateOptions translate,
                Publisher& publisher, ProblemBoard& board, OnHopeless on_hopeless)
      : clock_(std::move(clock)),
        transport_(std::move(transport)),
        mode_({*transport_, *clock_, publisher, board, transport_->address(),
               [this] { return transport_->access_problem(); }},
              options.scope, with_namespace(options.status, transport_->access()), std::move(translate),
              std::move(on_hopeless)) {}
  void start() override { mode_.start(); }
  void rescan() override { mode_.rescan(); }
  void hand_over(std::move_only_function<void()> done) override { mode_.hand_over(std::move(done)); }

 private:
  std::unique_ptr<KubeClock> clock_;
  std::unique_ptr<ClientTransport> transport_;
  ClusterMode mode_;
};

LoadKubeAccess loader(const KubeOptions& options) {
  if (options.kubeconfig.empty()) return [] { return load_in_cluster(); };
  return [file = options.kubeconfig, context = options.context] { return load_kubeconfig(file, context); };
}

}  // namespace

std::expected<std::unique_ptr<ConfigSource>, std::string> make_cluster_source(
    ingress::Loop& loop, const KubeOptions& options, ingress::controller::TranslateOptions translate,
    Publisher& publisher, ProblemBoard& board, ConfigSource::OnHopeless on_hopeless) {
  auto clock = make_loop_clock(loop);
  auto transport = ClientTransport::create(loop, *clock, loader(options));
  if (!transport) return std::unexpected(transport.error());
  return std::make_unique<ClusterSource>(std::move(clock), std::move(*transport), options,
                                         std::move(translate), publisher, board, std::move(on_hopeless));
}

}  // namespace proxyd
