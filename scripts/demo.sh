#!/usr/bin/env bash
# scripts/demo.sh [--once]: proxyd in front of two echo backends, from manifests in a temporary folder.
# With --once it makes the requests, checks the answers and exits. Called by ./dev demo, which builds first.
set -euo pipefail

bin="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/release/bin"
once="${1:-}"
if [[ $# -gt 1 || ($# -eq 1 && $once != --once) ]]; then
  echo "usage: demo.sh [--once]" >&2
  exit 2
fi

work="$(mktemp -d)"
manifests="$work/manifests"
mkdir "$manifests"
pids=()

cleanup() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits for a line of a growing file and prints it: await_line PID FILE TEXT. The file must be there already.
await_line() {
  timeout 20 grep -m1 -F "$3" <(tail -n +1 -f --pid="$1" "$2" 2>/dev/null) && return
  echo "demo: waited in vain for \"$3\" in:" >&2
  cat "$2" >&2
  return 1
}

# The port if nothing listens on it, else 0: any free one.
port_or_any() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then echo 0; else echo "$1"; fi
}

# The first port from here on that nothing listens on.
free_port() {
  local port="$1"
  until [[ $(port_or_any "$port") == "$port" ]]; do port=$((port + 1)); done
  echo "$port"
}

start_backend() {  # name
  : >"$work/$1.out"
  "$bin/echo" 0 "$1" >>"$work/$1.out" 2>&1 &
  pids+=("$!")
  local line
  line="$(await_line "$!" "$work/$1.out" "listening on")"
  backend_port="${line##* }"
}

write_manifest() {  # name port [tls]
  local tls=""
  [[ ${3:-} != tls ]] || tls="tls: [{hosts: [$1.example.com], secretName: $1}]"
  cat >"$manifests/$1.yaml" <<YAML
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: $1
spec:
  $tls
  rules:
    - host: $1.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: $1, port: {number: 80}}}
---
apiVersion: v1
kind: Service
metadata:
  name: $1
spec:
  ports:
    - {port: 80, targetPort: $2}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: $1-1
  labels: {kubernetes.io/service-name: $1}
addressType: IPv4
endpoints:
  - addresses: [127.0.0.1]
ports:
  - port: $2
YAML
}

# A certificate for one host, which only this demo trusts, as the Secret that the Ingress of the name asks for.
write_certificate() {  # name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=$1.example.com" \
    -addext "subjectAltName=DNS:$1.example.com" -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
  cat >"$manifests/$1-certificate.yaml" <<YAML
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata:
  name: $1
data:
  tls.crt: $(base64 -w0 <"$work/$1.pem")
  tls.key: $(base64 -w0 <"$work/$1.key")
YAML
}

failures=0
# Shows a request and what it is answered; counts an answer that is not the expected one.
ask() {  # status text curl's arguments...
  local answer status argument wanted="$1" text="$2"
  shift 2
  echo
  printf '$ curl -i'
  for argument; do
    [[ $argument != *" "* ]] || argument="'$argument'"
    printf ' %s' "$argument"
  done
  echo
  answer="$(curl -sS -i --max-time 10 "$@" | tr -d '\r')" || true
  echo "$answer"
  status="$(head -n1 <<<"$answer" | cut -d' ' -f2)"
  if [[ $status != "$wanted" || $answer != *"$text"* ]]; then
    echo "demo: expected status $wanted and \"$text\"" >&2
    failures=$((failures + 1))
  fi
}

start_backend cnapp
write_manifest cnapp "$backend_port"
start_backend securitygraph
write_manifest securitygraph "$backend_port" tls
write_certificate securitygraph

: >"$work/proxyd.log"
https_port="$(free_port 8443)"
"$bin/proxyd" run --manifests "$manifests" --http "127.0.0.1:$(port_or_any 8080)" \
  --https "127.0.0.1:$https_port" --https-public-port "$https_port" \
  --admin "127.0.0.1:$(port_or_any 9901)" --access-log "$work/access.log" 2>>"$work/proxyd.log" &
proxyd_pid="$!"
pids+=("$proxyd_pid")
line="$(await_line "$proxyd_pid" "$work/proxyd.log" "admin listens on")"
admin="${line##* }"
line="$(await_line "$proxyd_pid" "$work/proxyd.log" "http-0 listens on")"
http="${line##* }"
# 503 until every worker serves the first configuration; curl counts it among the errors worth a retry.
curl -sS --fail --retry 50 --retry-delay 0 --retry-max-time 20 -o /dev/null "http://$admin/readyz"

ask 200 "served by cnapp" -H 'Host: cnapp.example.com' "http://$http/hello"
ask 308 "Location: https://securitygraph.example.com:$https_port/hello" -H 'Host: securitygraph.example.com' "http://$http/hello"
ask 200 "served by securitygraph" --cacert "$work/securitygraph.pem" \
  --resolve "securitygraph.example.com:$https_port:127.0.0.1" "https://securitygraph.example.com:$https_port/hello"
ask 404 "" -H 'Host: unknown.example.com' "http://$http/hello"

if [[ $once == --once ]]; then
  [[ $failures -eq 0 ]]
  exit
fi
cat <<TEXT

Serving until Ctrl-C. Edit the manifests and ask again; changes are served within a second:
  $manifests
What proxyd knows and how it fares:
  http://$admin/problems  /config  /generation  /readyz  /metrics
Access log: $work/access.log
TEXT
wait "$proxyd_pid"
