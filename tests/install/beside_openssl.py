#!/usr/bin/env python3
"""A program that uses OpenSSL itself may link libingress.so, which has BoringSSL inside, before or behind it: builds
and runs beside_openssl.cc in both orders. Exit 77, "skipped", where OpenSSL's headers are not installed."""

import argparse
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}exit {done.returncode}")
    return done.stdout


def has_openssl() -> bool:
    return subprocess.run(["pkg-config", "--exists", "openssl >= 3.0"], check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--flags", default="", help="flags that the outside code needs, such as a sanitizer")
    parser.add_argument("library", type=pathlib.Path)
    arguments = parser.parse_args()
    if not has_openssl():
        print("skipped: OpenSSL's headers are not installed (libssl-dev)")
        return SKIPPED
    folder = arguments.library.parent
    ingress = [f"-L{folder}", f"-Wl,-rpath,{folder}", "-lingress"]
    openssl = run("pkg-config", "--libs", "openssl").split()
    with tempfile.TemporaryDirectory() as scratch:
        compiled = str(pathlib.Path(scratch) / "beside_openssl.o")
        run(arguments.compiler, "-std=c++23", *arguments.flags.split(), *run("pkg-config", "--cflags", "openssl").split(),
            f"-I{ROOT}/libingress/include", "-c", str(ROOT / "tests/install/beside_openssl.cc"), "-o", compiled)
        for name, libraries in {"before": ingress + openssl, "behind": openssl + ingress}.items():
            program = str(pathlib.Path(scratch) / name)
            run(arguments.compiler, *arguments.flags.split(), compiled, "-o", program, *libraries)
            print(f"libingress.so {name} OpenSSL: {run(program)}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
