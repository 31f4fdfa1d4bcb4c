#!/usr/bin/env python3
"""Builds examples/gateway as a project of its own against the installed library, by CMake and by pkg-config,
and sends requests through it."""

import argparse
import http.client
import http.server
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CartBackend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"cart {self.path} for {self.headers['x-tenant']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run(*command: str, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}exit {done.returncode}")
    return done.stdout


def install(arguments: argparse.Namespace, prefix: pathlib.Path) -> pathlib.Path:
    """Installs the build and returns the folder of the .pc file."""
    run(arguments.cmake, "--install", str(arguments.build), "--prefix", str(prefix))
    found = list(prefix.rglob("ingress.pc"))
    assert len(found) == 1, f"one ingress.pc is installed, not {found}"
    headers = sorted(path.name for path in (ROOT / "libingress/include/ingress").glob("*.h"))
    assert sorted(path.name for path in (prefix / "include/ingress").glob("*")) == headers
    return found[0].parent


def build_by_cmake(arguments: argparse.Namespace, prefix: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    run(arguments.cmake, "-S", str(ROOT / "examples/gateway"), "-B", str(folder), "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={arguments.compiler}",
        f"-DCMAKE_CXX_FLAGS={arguments.flags}")
    run(arguments.cmake, "--build", str(folder))
    return folder / "gateway"


def build_by_pkg_config(arguments: argparse.Namespace, pc_folder: pathlib.Path, program: pathlib.Path) -> pathlib.Path:
    environment = os.environ | {"PKG_CONFIG_PATH": str(pc_folder)}
    flags = run("pkg-config", "--cflags", "--libs", "ingress", env=environment).split()
    library_folder = run("pkg-config", "--variable=libdir", "ingress", env=environment).strip()
    run(arguments.compiler, "-std=c++23", *arguments.flags.split(), str(ROOT / "examples/gateway/main.cc"), "-o",
        str(program), *flags, f"-Wl,-rpath,{library_folder}")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(gateway: subprocess.Popen, port: int) -> None:
    while gateway.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.01)
    sys.exit(f"gateway ended with {gateway.returncode} before it listened")


def get(port: int, path: str, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": "shop.example.com"} | headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def check_gateway(program: pathlib.Path) -> None:
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CartBackend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    backend_port = str(backend.server_address[1])
    port = free_port()
    gateway = subprocess.Popen([str(program), str(port), backend_port, backend_port], stdin=subprocess.DEVNULL)
    try:
        wait_until_open(gateway, port)
        expected = [("/cart/7", {"x-tenant": "a"}, (200, "cart /cart/7 for a\n")),
                    ("/cart/7", {}, (403, "x-tenant is required\n")),
                    ("/cart", {"x-tenant": "b"}, (200, "cart /cart for b\n"))]
        for path, headers, answer in expected:
            assert get(port, path, headers) == answer, f"{path} {headers}: {get(port, path, headers)}, not {answer}"
        assert get(port, "/cartoon", {"x-tenant": "a"})[0] == 404
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=60) == 0, f"gateway ended with {gateway.returncode} at SIGTERM"
    finally:
        gateway.kill()
        gateway.wait()
        backend.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the build folder to install from")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--flags", default="", help="flags that the outside code needs, such as a sanitizer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        pc_folder = install(arguments, scratch / "prefix")
        check_gateway(build_by_cmake(arguments, scratch / "prefix", scratch / "build"))
        print("built with find_package(ingress CONFIG): answers 200, 403 and 404, ends at SIGTERM")
        check_gateway(build_by_pkg_config(arguments, pc_folder, scratch / "gateway"))
        print("built with pkg-config: the same")


if __name__ == "__main__":
    main()
