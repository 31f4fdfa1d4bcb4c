#!/usr/bin/env bash
# scripts/boringssl.sh: builds the BoringSSL that third_party/boringssl names, once for all build trees, into
# build/boringssl (include, lib). Does nothing when that is there and current. Called by ./dev setup and by CMake.
# BORINGSSL_ROOT in the environment names a tree that somebody else built: nothing is to be done then either.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -z ${BORINGSSL_ROOT:-} ]] || exit 0

manifest="$PWD/third_party/boringssl/Cargo.toml"
out="$PWD/build/boringssl"
# Always the system's compiler, optimised, without a sanitizer: what others link is C, so one build fits all presets.
flags="-O3 -DNDEBUG -g0 -w"

fail() {
  echo "boringssl: $*" >&2
  exit 1
}

build_and_install() {
  command -v cargo >/dev/null ||
    fail "cargo brings the source and is not here: apt-get install cargo-web, or name a built tree by BORINGSSL_ROOT"
  # Where the registry, a mirror or a folder of vendored crates put it, is for cargo to say.
  cargo fetch --quiet --locked --manifest-path "$manifest" ||
    fail "cargo could not fetch the source (needs cargo 1.85, as in cargo-web, and a registry)"
  local source
  source="$(cargo metadata --quiet --locked --offline --format-version 1 --manifest-path "$manifest" |
    sed -n 's|.*"manifest_path":"\([^"]*/boring-sys[^/"]*\)/Cargo\.toml".*|\1/deps/boringssl|p')"
  [[ -f $source/CMakeLists.txt ]] || fail "no source of BoringSSL in the crate boring-sys: '$source'"

  echo "boringssl: building $source, once (minutes)" >&2
  local launcher=()
  ! command -v ccache >/dev/null || launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  mkdir -p "$out"
  rm -f "$out/stamp"
  # What is left of a build that was interrupted goes on, unless its source was another.
  env -u CFLAGS -u CXXFLAGS -u ASMFLAGS cmake --fresh -S "$source" -B "$out/objects" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=cc -DCMAKE_CXX_COMPILER=c++ "${launcher[@]}" \
    -DCMAKE_C_FLAGS_RELEASE="$flags" -DCMAKE_CXX_FLAGS_RELEASE="$flags" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF --log-level=WARNING >/dev/null || fail "cmake failed"
  # Without debug information objects do not depend on the checkout: the next one takes them from ccache.
  CCACHE_NOHASHDIR=1 cmake --build "$out/objects" --target crypto ssl >"$out/log" || fail "the build failed: $(tail -n 30 "$out/log")"
  rm -rf "$out/include"
  cp -R "$source/include" "$out/include"
  install -D -m 644 -t "$out/lib" "$out/objects/libcrypto.a" "$out/objects/libssl.a"
  install -m 644 -t "$out" "$source/LICENSE"
  rm -rf "$out/objects" "$out/log"
}

mkdir -p "$out"
exec 9>"$out/lock"
flock 9  # two build trees may be configured at a time
key="$(cat third_party/boringssl/Cargo.lock scripts/boringssl.sh - < <(c++ --version 2>&1) | sha256sum)"
if [[ ! -f $out/stamp || $(<"$out/stamp") != "$key" ]]; then
  started=$SECONDS
  build_and_install
  echo "$key" >"$out/stamp"
  echo "boringssl: $out, $((SECONDS - started)) s" >&2
fi
