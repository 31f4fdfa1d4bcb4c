#!/usr/bin/env bash
# deploy/render.sh [--check]: writes deploy/manifests from the chart; --check only tells whether they are what it gives.
# HELM names a helm 4; else deploy/helm.sh builds the one of deploy/tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
helm="${HELM:-$(./helm.sh)}"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

render() {  # file, helm's arguments...
  local file="$1"
  shift
  {
    echo "# Rendered from deploy/helm/proxyd by deploy/render.sh: change the chart, not this."
    "$helm" template proxyd helm/proxyd --namespace proxyd "$@"
  } >"$out/$file"
}
render proxyd.yaml
render proxyd-daemonset.yaml --set kind=DaemonSet,hostNetwork=true,service.type=None
render proxyd-deployments.yaml --set mode=deployments,link.controllerSecretName=proxyd-link-controller \
  --set link.dataPlaneSecretName=proxyd-link-data-plane,link.controllerPeers={data-plane.proxyd.svc} \
  --set link.dataPlanePeers={proxyd-controller.proxyd.svc}

if [[ ${1:-} == --check ]]; then
  diff -ru manifests "$out" || { echo "render: deploy/manifests is not what the chart gives: run deploy/render.sh" >&2 && exit 1; }
else
  rm -f manifests/*.yaml
  cp "$out"/*.yaml manifests/
fi
