// A ClusterMode with all that it needs: access, client, clock.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "controller/translate.h"
#include "ingress/loop.h"
#include "proxyd/config_source.h"
#include "proxyd/kube/kube_options.h"
#include "proxyd/problem_board.h"

namespace proxyd {

// Fails when there is no way to reach a cluster: an unreadable kubeconfig, no service account. A server that
// does not answer is no failure: it is waited for.
std::expected<std::unique_ptr<ConfigSource>, std::string> make_cluster_source(
    ingress::Loop& loop, const KubeOptions& options, ingress::controller::TranslateOptions translate,
    Publisher& publisher, ProblemBoard& board, ConfigSource::OnHopeless on_hopeless);

}  // namespace proxyd
