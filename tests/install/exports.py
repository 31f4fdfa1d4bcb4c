#!/usr/bin/env python3
"""libingress.so exports symbols of namespace ingress only, and none of its modules' inner namespaces."""

import argparse
import re
import subprocess
import sys

MODULES = "base|config|net|http|routing|upstream|policy|proxy|controller"
ALLOWED = re.compile(r"(?:(?:typeinfo|typeinfo name|vtable|VTT|guard variable) for )?"
                     r"ingress::(?!(?:" + MODULES + r")::)")
# Without these the library would be of no use; a wrong map file hides them silently.
REQUIRED = [
    "ingress::Error::text() const",
    "ingress::Loop::create()",
    "ingress::Router::compile(ingress::GatewayConfig const&)",
    "ingress::Server::create(ingress::ServerOptions)",
    "ingress::validate(ingress::GatewayConfig const&)",
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("library")
    arguments = parser.parse_args()
    listing = subprocess.run([arguments.nm, "-D", "-C", "--defined-only", arguments.library], check=True,
                             capture_output=True, text=True).stdout
    # Lines are "address type name"; the name may hold blanks.
    lines = [line.split(None, 2) for line in listing.splitlines()]
    symbols = [line[2].replace("[abi:cxx11]", "") for line in lines if len(line) == 3]
    wrong = [symbol for symbol in symbols if not ALLOWED.match(symbol)]
    absent = [symbol for symbol in REQUIRED if symbol not in symbols]
    for symbol in wrong:
        print(f"exported, but not of the public API: {symbol}")
    for symbol in absent:
        print(f"not exported: {symbol}")
    print(f"{len(symbols)} exported symbols, {len(wrong)} wrong, {len(absent)} absent")
    return 1 if wrong or absent else 0


if __name__ == "__main__":
    sys.exit(main())
