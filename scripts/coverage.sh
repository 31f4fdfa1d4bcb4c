#!/usr/bin/env bash
# scripts/coverage.sh [MODULE]: which share of the lines of libingress/src/MODULE (default: http) its unit tests
# and the seeds of its fuzz targets run, file by file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
module="${1:-http}"
build="$PWD/build/coverage"
cmake --preset debug -B "$build" --log-level=WARNING -DCMAKE_CXX_FLAGS_DEBUG="-O0 --coverage" >/dev/null
targets=("${module}_test")
for source in fuzz/"$module"_*.cc; do [[ -f $source ]] && targets+=("replay_$(basename "$source" .cc)"); done
cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]}" >/dev/null
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" --no-tests=error -R "^(${module}|corpus_${module}_.*)$" >/dev/null
gcov -n "$build/libingress/src/$module/CMakeFiles/ingress_$module.dir"/*.gcda |
  awk -v folder="/src/$module/" -F"'" '
    /^File/ { file = index($2, folder) && $2 ~ /\.cc$/ ? $2 : ""; sub(".*/", "", file) }
    /^Lines executed/ && file { split($0, part, /[:% ]+/); lines = part[5]; hit = part[3] * lines / 100
      printf "%-24s %6.2f %% of %4d lines\n", file, part[3], lines; all += lines; ran += hit; file = "" }
    END { printf "%-24s %6.2f %% of %4d lines\n", "all", 100 * ran / all, all }'
