#!/usr/bin/env python3
"""libingress.so exports symbols of namespace ingress only, and none of its modules' inner namespaces; nothing of the
BoringSSL inside of it shows, and none of it is looked for outside."""

import argparse
import re
import subprocess
import sys

MODULES = "base|config|net|http|tls|routing|upstream|policy|proxy|controller"
ALLOWED = re.compile(r"(?:(?:typeinfo|typeinfo name|vtable|VTT|guard variable) for )?"
                     r"ingress::(?!(?:" + MODULES + r")::)")
# Without these the library would be of no use; a wrong map file hides them silently.
REQUIRED = [
    "ingress::Error::text() const",
    "ingress::Loop::create()",
    "ingress::Router::compile(ingress::GatewayConfig const&)",
    "ingress::Server::create(ingress::ServerOptions)",
    "ingress::check_certificate(ingress::Certificate const&, ",
    "ingress::validate(ingress::GatewayConfig const&)",
]
# A call that leaves the library by such a name could end in the OpenSSL of the program.
TLS_LIBRARY = re.compile(r"(?:SSL|EVP|X509|PEM|BIO|ERR|CRYPTO|EC|RSA|ASN1|BN)_")


def dynamic_symbols(nm: str, library: str, which: str) -> list[str]:
    listing = subprocess.run([nm, "-D", "-C", which, library], check=True, capture_output=True, text=True).stdout
    # Lines are "address type name", or "type name" of undefined ones; the name may hold blanks.
    names = [re.sub(r"^\s*(?:[0-9a-f]{8,}\s+)?\w\s+", "", line) for line in listing.splitlines()]
    return [name.replace("[abi:cxx11]", "") for name in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("library")
    arguments = parser.parse_args()
    symbols = dynamic_symbols(arguments.nm, arguments.library, "--defined-only")
    undefined = dynamic_symbols(arguments.nm, arguments.library, "--undefined-only")
    wrong = [symbol for symbol in symbols if not ALLOWED.match(symbol)]
    absent = [name for name in REQUIRED if not any(symbol.startswith(name) for symbol in symbols)]
    outside = [symbol for symbol in undefined if TLS_LIBRARY.match(symbol)]
    for symbol in wrong:
        print(f"exported, but not of the public API: {symbol}")
    for symbol in absent:
        print(f"not exported: {symbol}")
    for symbol in outside:
        print(f"looked for outside of the library: {symbol}")
    print(f"{len(symbols)} exported symbols, {len(wrong)} wrong, {len(absent)} absent; {len(outside)} of "
          f"{len(undefined)} undefined ones belong inside")
    return 1 if wrong or absent or outside or not undefined else 0


if __name__ == "__main__":
    sys.exit(main())
