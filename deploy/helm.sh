#!/usr/bin/env bash
# deploy/helm.sh: builds helm from the Go module deploy/tools into build/helm and prints its path. Needs Go 1.26.
# Five minutes of CPU the first time (1,184 packages, of which Go's cache keeps those that tests/cluster uses too).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/tools"
out="$(cd ../.. && pwd)/build/helm"
go="$(command -v go || echo /usr/local/go/bin/go)"
[[ -x $go ]] || { echo "helm: no Go here; it is needed to build helm" >&2 && exit 77; }
if ! errors="$("$go" list -deps helm.sh/helm/v4/cmd/helm 2>&1 >/dev/null)"; then
  grep -qE 'dial tcp|no such host|i/o timeout|connection refused' <<<"$errors" && echo "helm: cannot fetch Go modules: $errors" >&2 && exit 77
  echo "$errors" >&2 && exit 1
fi
"$go" build -mod=readonly -trimpath -o "$out" helm.sh/helm/v4/cmd/helm
echo "$out"
