#!/usr/bin/env bash
# scripts/fuzz.sh BUILD_DIR SECONDS [target...]: runs the fuzzers, one on each core, for SECONDS in all.
# A target whose source says "// Shares of the time: N" gets N times as much as one that says nothing.
# What they find new stays in BUILD_DIR/corpus/<target>; a crash is kept in BUILD_DIR/crashes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build="$1"
seconds="$2"
shift 2
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for binary in "$build"/bin/fuzz_*; do targets+=("${binary##*/fuzz_}"); done
fi
jobs=$(($(nproc) < ${#targets[@]} ? $(nproc) : ${#targets[@]}))

shares_of() {
  local shares
  shares="$(sed -n 's|^// Shares of the time: \([0-9]\+\).*|\1|p' "fuzz/$1.cc")"
  echo "${shares:-1}"
}

# Most shares first, so that no core has a long one left at the end.
mapfile -t queue < <(for target in "${targets[@]}"; do echo "$(shares_of "$target") $target"; done | sort -k1,1nr)
shares=0
for entry in "${queue[@]}"; do shares=$((shares + ${entry%% *})); done
each=$((seconds * jobs / shares))
# One that has more shares than a core has time would be all that is run at the end.
((each * ${queue[0]%% *} <= seconds)) || each=$((seconds / ${queue[0]%% *}))
((each > 0)) || each=1

run_target() {
  local target="$1" build="$2" seconds="$3" seeds=() dictionary=()
  mkdir -p "$build/corpus/$target" "$build/crashes"
  [[ -d fuzz/corpus/$target ]] && seeds=("fuzz/corpus/$target")
  [[ -f fuzz/$target.dict ]] && dictionary=("-dict=fuzz/$target.dict")
  local log="$build/$target.log"
  if "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -print_final_stats=1 -artifact_prefix="$build/crashes/$target-" "${dictionary[@]}" \
    "$build/corpus/$target" "${seeds[@]}" >"$log" 2>&1; then
    echo "fuzz: $target ${seconds}s $(sed -n 's/^stat::number_of_executed_units: */runs /p' "$log")"
  else
    tail -n 60 "$log"
    echo "fuzz: $target FAILED; replay with $build/bin/fuzz_$target $build/crashes/$target-..."
    return 1
  fi
}
export -f run_target
echo "fuzz: ${#targets[@]} targets, $jobs at a time, ${each}s a share"
for entry in "${queue[@]}"; do printf '%s\0%s\0' "${entry#* }" "$((each * ${entry%% *}))"; done |
  xargs -0 -n 2 -P "$jobs" bash -c 'run_target "$1" "$0" "$2"' "$build"
