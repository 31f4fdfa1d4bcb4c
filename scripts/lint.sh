#!/usr/bin/env bash
# scripts/lint.sh BUILD_DIR [path...]: clang-tidy-19 with the checks of .clang-tidy over our own .cc
# files (all, or those given), as compiled in BUILD_DIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build="$1"
shift
if [[ $# -eq 0 ]]; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- \
    'libingress/*.cc' 'proxyd/*.cc' 'examples/*.cc' 'tests/*.cc' 'bench/*.cc' 'fuzz/*.cc')
else
  files=("$@")
fi
# Only what this build compiles: a file that is outside of it would be read with the wrong flags.
compiled=()
for file in "${files[@]}"; do
  grep -q -F "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" && compiled+=("$file")
done
if [[ ${#compiled[@]} -eq 0 ]]; then
  echo "lint: none of these files is part of $build" >&2
  exit 2
fi
echo "lint: ${#compiled[@]} files"
printf '%s\0' "${compiled[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 --quiet -p "$build" \
    2> >(grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed ' >&2)
echo "lint: clean"
