#!/usr/bin/env python3
"""Checks every #include of libingress, controller, proxyd and the examples against the tables below.

  layers.py [ROOT]   prints file:line, rule and mending of each breach; exit 1 when there is one.
"""

import pathlib
import re
import sys
from typing import Iterator, NamedTuple, Optional

# Which modules a module may include, apart from itself. The CMake targets repeat it: DEPS.
LAYERS = {
    "base": [],
    "config": ["base"],
    "net": ["base"],
    "http": ["base"],
    "tls": ["base", "config", "net"],
    "routing": ["base", "config", "http"],
    "upstream": ["base", "config", "net", "http", "tls"],
    "policy": ["base", "config", "http"],
    "proxy": ["base", "config", "net", "http", "tls", "routing", "upstream", "policy"],
    "controller": ["base", "config"],
    # Public headers of every module, but inside of none: see PUBLIC_ONLY.
    "proxyd": ["controller"],
    "examples": [],
}

# These see the library as an outside program does: through its public headers.
PUBLIC_ONLY = ["proxyd", "examples"]

# The module that each public header is the face of; the header obeys the layers of that module.
PUBLIC_HEADERS = {
    "export.h": "base",
    "error.h": "base",
    "config.h": "config",
    "wire.h": "config",
    "listener.h": "config",
    "certificate.h": "config",
    "backend_tls.h": "config",
    "client_certificates.h": "config",
    "tls_policy.h": "config",
    "cluster.h": "config",
    "health.h": "config",
    "route.h": "config",
    "value_match.h": "config",
    "retry.h": "config",
    "stream_route.h": "config",
    "origin.h": "config",
    "udp_listener.h": "config",
    "loop.h": "net",
    "ocsp.h": "tls",
    "stream.h": "tls",
    "client.h": "upstream",
    "message.h": "http",
    "router.h": "routing",
    "filter.h": "policy",
    "server.h": "proxy",
    "access_log.h": "proxy",
    "stream_record.h": "proxy",
    "metrics.h": "proxy",
    "config_check.h": "proxy",
    "cluster_status.h": "proxy",
}

# Third-party headers: pattern, modules that may use them, and whether headers may too.
THIRD_PARTY = [
    (r"uv\.h|uv/.*", ["net"], True),
    (r"ares.*\.h", ["net"], True),
    (r"llhttp\.h", ["http"], True),
    (r"nghttp2/.*", ["http"], True),
    (r"openssl/.*", ["tls"], True),
    (r"re2/.*", ["base"], False),
    (r"simdjson\.h", ["base"], True),
    (r"yaml-cpp/.*", ["base"], True),
    (r"fmt/.*", list(LAYERS), False),
    (r"CLI/.*", ["proxyd"], True),
    (r"prometheus/.*", ["proxyd"], True),
    (r"mimalloc.*", ["proxyd"], True),
]

# The operating system's headers; those of the C++ library have no extension. No public header needs one.
SYSTEM_HEADERS = re.compile(
    r"(arpa|linux|net|netinet|sanitizer|sys)/[\w/]+\.h"
    r"|(dirent|errno|fcntl|grp|limits|netdb|poll|pthread|pwd|sched|signal|spawn|string|syslog|termios|time|ucontext|unistd"
    r"|immintrin|emmintrin|nmmintrin)\.h")
STANDARD_HEADER = re.compile(r"[a-z_0-9]+")
FORBIDDEN_STANDARD = {
    "format": "libstdc++ 12 has no std::format: use fmt in the .cc",
    "iostream": "the library never prints, and the daemon writes through its log",
    "regex": "std::regex recurses on hostile input",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    mending: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.mending}"


def module_of(path: str) -> Optional[str]:
    """The module that a file, named relative to the root, belongs to; None when it has none."""
    parts = path.split("/")
    if path.startswith("libingress/include/ingress/"):
        return PUBLIC_HEADERS.get("/".join(parts[3:]))
    if path.startswith("libingress/src/"):
        return parts[2]
    if path.startswith("libingress/controller/"):
        return "controller"
    return parts[0] if parts[0] in PUBLIC_ONLY else None


def resolve(root: pathlib.Path, name: str) -> Optional[str]:
    """The file that a quoted or ingress/ include names, relative to the root."""
    for folder in ("libingress/include", "libingress/src", "libingress", "."):
        if (root / folder / name).is_file():
            return f"{folder}/{name}".removeprefix("./")
    return None


def is_public(path: str) -> bool:
    return path.startswith("libingress/include/")


def check_own(root: pathlib.Path, path: str, name: str) -> Optional[tuple[str, str]]:
    module = module_of(path)
    target = resolve(root, name)
    if target is None:
        return "unknown include", f'"{name}" names no file: start at the module ("net/loop.h", "ingress/error.h")'
    other = module_of(target)
    if other is None:
        if is_public(target):
            return "public header", f"{target} has no row in PUBLIC_HEADERS: say which module it belongs to"
        return "layer", f"{target} belongs to no module"
    if is_public(path) and not is_public(target):
        return "public header", f"{target} is not installed: forward-declare what you need of it"
    if module in PUBLIC_ONLY and other != module and other not in LAYERS[module] and not is_public(target):
        return "layer", f"{module} sees the library through ingress/*.h only: move what is needed into a public header"
    if module not in PUBLIC_ONLY and other != module and other not in LAYERS[module]:
        allowed = ", ".join(LAYERS[module]) or "nothing"
        return "layer", f"{module} may include {allowed}, not {other}: move the code up, or hand the value in"
    return None


def check_foreign(path: str, name: str) -> Optional[tuple[str, str]]:
    module = module_of(path)
    is_header = path.endswith(".h")
    for pattern, modules, in_headers in THIRD_PARTY:
        if not re.fullmatch(pattern, name):
            continue
        if is_public(path):
            return "public header", f"<{name}> is third-party: hide it behind a forward declaration"
        if module not in modules:
            return "third party", f"<{name}> is for {', '.join(modules)} only: use what that module offers"
        if is_header and not in_headers:
            return "third party", f"<{name}> only in .cc files"
        return None
    if name in FORBIDDEN_STANDARD and module not in PUBLIC_ONLY:
        return "standard header", f"<{name}>: {FORBIDDEN_STANDARD[name]}"
    if STANDARD_HEADER.fullmatch(name):
        return None
    if not SYSTEM_HEADERS.fullmatch(name):
        return "unknown include", f"<{name}> is in no table of tests/source/layers.py: add it where it belongs"
    if is_public(path):
        return "public header", f"<{name}> is not of the C++ library: hide it in the .cc"
    return None


def check_file(root: pathlib.Path, path: str) -> Iterator[Finding]:
    module = module_of(path)
    if module is None:
        yield Finding(path, 1, "public header", "no row in PUBLIC_HEADERS: say which module it belongs to")
        return
    if module not in LAYERS:
        yield Finding(path, 1, "layer", f"module {module} has no row in LAYERS")
        return
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match[1] or match[2]
        is_own = match[2] is not None or name.startswith("ingress/")
        breach = check_own(root, path, name) if is_own else check_foreign(path, name)
        if breach:
            yield Finding(path, number, *breach)


def check_targets(root: pathlib.Path) -> Iterator[Finding]:
    """The DEPS of each module's CMakeLists.txt name allowed modules only."""
    for path in sorted(root.glob("libingress/**/CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        for call in re.finditer(r"ingress_module\(\s*(\w+)(.*?)\)", text, re.DOTALL):
            module, arguments = call[1], call[2]
            deps = re.search(r"\bDEPS\b(.*?)(?:\bLIBS\b|\bSOURCES\b|$)", arguments, re.DOTALL)
            for dep in deps[1].split() if deps else []:
                if dep not in LAYERS.get(module, []):
                    line = text.count("\n", 0, call.start()) + 1
                    yield Finding(str(path.relative_to(root)), line, "layer",
                                  f"{module} may not depend on {dep}: take it out of DEPS")


def check_tree(root: pathlib.Path) -> list[Finding]:
    findings = []
    for folder in ("libingress", "proxyd", "examples"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                findings.extend(check_file(root, path.relative_to(root).as_posix()))
    findings.extend(check_targets(root))
    return findings


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} breaches of the layers")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
