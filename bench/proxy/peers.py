"""The proxies that are compared, each with the configuration that it is compared with.

"fair": what the peer's documentation tells everyone to set for HTTP/1.1 upstream connections that are kept.
"tuned": what makes it fastest at large bodies. proxyd has its defaults; only the access log is off, as the peers'.
"""

import dataclasses
import getpass
import pathlib
import subprocess
import sys
from typing import Callable, Optional

import manifests
from processes import BenchError, Scratch, Started, await_listening, find_program, free_port
from tls import CIPHER, TlsFiles


@dataclasses.dataclass(frozen=True)
class Site:
    """What a proxy is to serve, and where it runs."""
    backend_port: int
    core: int
    programs: pathlib.Path          # folder of floor, backend and load
    proxyd: pathlib.Path
    also: tuple[tuple[str, pathlib.Path], ...] = ()  # other builds of proxyd, by name
    num_hosts: int = 0              # 0: everything goes to the backend, whatever its host
    max_connections: int = 16384
    tracer: tuple[str, ...] = ()    # put before the command
    tracer_has_child: bool = False  # whether the tracer is another process than the proxy
    options: tuple[str, ...] = ()   # for proxyd only
    has_master: bool = False        # nginx and haproxy: with the process that reloads
    tls: Optional[TlsFiles] = None  # clients come with TLS
    backend_tls: Optional[TlsFiles] = None  # and so do we to the backend
    is_grpc: bool = False           # HTTP/2 to the backend


@dataclasses.dataclass(frozen=True)
class Proxy:
    """A peer that listens on `port`."""
    name: str
    port: int
    started: Started


def nginx_tls(files: TlsFiles) -> str:
    return (f"ssl_certificate {files.chain}; ssl_certificate_key {files.key}; ssl_protocols TLSv1.3; "
            f"ssl_ecdh_curve {files.group}; ssl_conf_command Ciphersuites {CIPHER};")


def nginx_config(scratch: Scratch, site: Site, port: int, extra: str) -> str:
    folder = scratch.path("nginx")
    folder.mkdir()
    temp_paths = " ".join(f"{kind}_temp_path {folder};" for kind in
                          ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    scheme = "https" if site.backend_tls else "http"
    location = f"""location / {{ proxy_pass {scheme}://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}"""
    if site.is_grpc:
        location = """location / { grpc_pass grpc://backend; grpc_set_header Host $host;
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }"""
    if site.backend_tls:
        extra += (f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {site.backend_tls.chain}; proxy_ssl_protocols TLSv1.3;"
                  f" proxy_ssl_name {manifests.host_name(0)};")
    names = [f"server_name {manifests.host_name(i)};" for i in range(site.num_hosts)] or [""]
    listen = f"listen 127.0.0.1:{port}{' ssl http2' if site.tls else ''};"
    if site.tls:
        extra = nginx_tls(site.tls) + extra
    servers = "\n".join(f"server {{ {listen} {name} {location} }}" for name in names)
    master = "on" if site.has_master else "off"
    return f"""daemon off; master_process {master}; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections {site.max_connections}; }}
http {{
  access_log off; keepalive_requests 100000000; {temp_paths} {extra}
  server_names_hash_max_size 1048576;
  upstream backend {{ server 127.0.0.1:{site.backend_port}; keepalive 512; keepalive_requests 100000000; }}
  {servers}
}}
"""


NGINX_TUNED = """proxy_buffer_size 128k; proxy_buffers 8 128k; proxy_busy_buffers_size 256k;
  client_body_buffer_size 128k;"""


def nginx_command(extra: str) -> Callable[[Scratch, Site, int], list[str]]:
    def command(scratch: Scratch, site: Site, port: int) -> list[str]:
        config = scratch.write("nginx.conf", nginx_config(scratch, site, port, extra))
        return [find_program("nginx"), "-p", str(scratch.folder), "-e", str(scratch.path("nginx.log")),
                "-c", str(config)]
    return command


def haproxy_config(scratch: Scratch, site: Site, port: int, extra: str) -> str:
    server = f"server one 127.0.0.1:{site.backend_port}{' proto h2' if site.is_grpc else ''}"
    if site.backend_tls:
        server += (f" ssl verify required ca-file {site.backend_tls.chain} verifyhost {manifests.host_name(0)}"
                   " ssl-min-ver TLSv1.3")
    tls = (f" ssl crt {site.tls.both} ssl-min-ver TLSv1.3 curves {site.tls.group} ciphersuites {CIPHER}"
           " alpn h2,http/1.1" if site.tls else "")
    choice, backends = "default_backend back", f"backend back\n  {server}"
    if site.num_hosts:
        hosts = [manifests.host_name(i) for i in range(site.num_hosts)]
        table = scratch.write("hosts.map", "".join(f"{host} {host}\n" for host in hosts))
        choice = f"use_backend %[req.hdr(host),lower,map({table})]"
        backends = "\n".join(f"backend {host}\n  {server}" for host in hosts)
    return f"""global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse always
  {extra}
frontend front
  bind 127.0.0.1:{port}{tls}
  {choice}
{backends}
"""


def haproxy_command(extra: str) -> Callable[[Scratch, Site, int], list[str]]:
    def command(scratch: Scratch, site: Site, port: int) -> list[str]:
        config = scratch.write("haproxy.cfg", haproxy_config(scratch, site, port, extra))
        return [find_program("haproxy"), *(["-W"] if site.has_master else []), "-db", "-f", str(config)]
    return command


def h2o_command(scratch: Scratch, site: Site, port: int) -> list[str]:
    """Its TLS is at least what the others' is: which version and cipher are spoken is the client's choice here."""
    files = site.tls
    assert files is not None, "only where clients come with TLS"
    config = scratch.write("h2o.conf", f"""num-threads: 1
max-connections: {site.max_connections}
pid-file: {scratch.path("h2o.pid")}
error-log: {scratch.path("h2o.log")}
user: {getpass.getuser()}
listen:
  host: 127.0.0.1
  port: {port}
  ssl:
    certificate-file: {files.chain}
    key-file: {files.key}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:{site.backend_port}/
        proxy.timeout.keepalive: 60000
        proxy.preserve-host: ON
""")
    return [find_program("h2o"), "-c", str(config)]


def floor_command(_: Scratch, site: Site, port: int) -> list[str]:
    return [str(site.programs / "floor"), f"127.0.0.1:{port}", f"127.0.0.1:{site.backend_port}"]


def proxyd_command(scratch: Scratch, site: Site, port: int) -> list[str]:
    folder = scratch.path("manifests")
    folder.mkdir()
    options = site.options or ("--access-log", "off")
    if site.tracer:
        options = (*options, "--sandbox=false")  # its filter refuses what valgrind does in the process's name
    if site.backend_tls:
        file = scratch.write("gateway.json", manifests.to_tls_backend(port, site.backend_port, site.backend_tls.chain))
        return [str(site.proxyd), "run", "--config", str(file), "--workers", "1", *options]
    manifests.write(folder, site.backend_port, site.num_hosts, "kubernetes.io/h2c" if site.is_grpc else None)
    listen = ["--http", f"127.0.0.1:{port}"]
    if site.tls:
        manifests.write_secret(folder, "bench", site.tls.chain, site.tls.key)
        listen = ["--https", f"127.0.0.1:{port}", "--default-certificate", "default/bench"]
    return [str(site.proxyd), "run", "--manifests", str(folder), *listen, "--workers", "1", *options]


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    about: str
    command: Callable[[Scratch, Site, int], list[str]]
    package: Optional[str] = None  # the Debian package, and the program in it; None: built here
    has_slots: bool = False        # takes memory at the start for each connection that may come
    has_tls: bool = False          # takes part where clients come with TLS
    is_for_http2: bool = False     # takes part only where they speak HTTP/2 to it, and it HTTP/1.1 to the backend

    def is_available(self) -> bool:
        return self.package is None or find_program(self.package) is not None


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A peer as it takes part in a row: the same one may do so twice, in front of other sites."""
    name: str
    peer: Peer
    site: Site

    def traced(self, tracer: tuple[str, ...], has_child: bool) -> "Contestant":
        return dataclasses.replace(self, site=dataclasses.replace(self.site, tracer=tracer,
                                                                  tracer_has_child=has_child))

    def start(self, scratch: Scratch) -> Proxy:
        port = free_port()
        command = self.peer.command(scratch, self.site, port)
        started = scratch.start(command, self.site.core, self.site.tracer, self.site.tracer_has_child)
        await_listening(started, port, self.name)
        return Proxy(self.name, port, started)


PEERS = {peer.name: peer for peer in (
    Peer("nginx", "kept upstream connections, HTTP/1.1 to them", nginx_command(""), "nginx", True, True),
    Peer("nginx-tuned", "the same with 128 KB buffers", nginx_command(NGINX_TUNED), "nginx", True),
    Peer("haproxy", "one thread, http-reuse always", haproxy_command(""), "haproxy", has_tls=True),
    Peer("haproxy-tuned", "the same with splice", haproxy_command("option splice-auto\n  option splice-response"),
         "haproxy"),
    Peer("h2o", "one thread, kept upstream connections", h2o_command, "h2o", has_tls=True, is_for_http2=True),
    Peer("floor", "bare TCP forwarding, no HTTP", floor_command),
    Peer("proxyd", "defaults, access log off", proxyd_command, has_tls=True),
)}
OURS = "proxyd"


def choose(names: list[str]) -> list[Peer]:
    """The peers of these names; one that is not installed is left out with a word, ours must be there."""
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise BenchError(f"no such peer: {', '.join(unknown)}; there are: {', '.join(PEERS)}")
    chosen = []
    for name in names:
        peer = PEERS[name]
        if peer.is_available():
            chosen.append(peer)
        else:
            print(f"bench: {name} is left out, it is not installed: ./dev setup bench", file=sys.stderr)
    if not chosen:
        raise BenchError("no peer is left")
    return chosen


def versions(names: list[str], proxyd: pathlib.Path) -> dict[str, str]:
    """What each program says of itself: name and version."""
    commands = {"nginx": [find_program("nginx"), "-v"], "haproxy": [find_program("haproxy"), "-v"],
                "h2o": [find_program("h2o"), "-v"],
                "proxyd": [str(proxyd), "version"]}
    found = {}
    for name in sorted({name.split("-")[0] for name in names} & commands.keys()):
        result = subprocess.run(commands[name], capture_output=True, text=True, check=False, timeout=20)
        first = (result.stdout + result.stderr).strip().split("\n")[0]
        found[name] = first.removeprefix("nginx version: ").replace(" version ", " ").split(" 20")[0]
    return found
