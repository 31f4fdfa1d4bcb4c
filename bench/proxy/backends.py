"""The backends of the rows that need another than the own program."""

import dataclasses
import pathlib

import h2load
import tls
from peers import Site
from processes import BenchError, Scratch, await_listening, find_program, free_port
from rows import Row


def start(scratch: Scratch, name: str, command: list[str], port: int, core: int) -> int:
    await_listening(scratch.start(command, core), port, name)
    return port


def program_of(name: str) -> str:
    program = find_program(name)
    if program is None:
        raise BenchError(f"{name} is not installed: ./dev setup bench")
    return program


def start_tls(scratch: Scratch, core: int, files: tls.TlsFiles) -> int:
    """nginx that answers /1k over TLS 1.3."""
    folder, port = scratch.path("backend"), free_port()
    folder.mkdir()
    (folder / "1k").write_bytes(b"x" * 1024)
    temp_paths = " ".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = scratch.write("backend.conf", f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; {temp_paths} default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {files.chain}; ssl_certificate_key {files.key}; ssl_protocols TLSv1.3;
    root {folder};
  }}
}}
""")
    command = [program_of("nginx"), "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(config)]
    return start(scratch, "the backend with TLS", command, port, core)


def start_grpc(scratch: Scratch, core: int, path: str) -> int:
    """nghttpd: HTTP/2 without TLS, each answer the same message and the trailers of success."""
    folder, port = scratch.path("calls"), free_port()
    file = pathlib.Path(f"{folder}{path}")
    file.parent.mkdir(parents=True)
    file.write_bytes(h2load.MESSAGE)
    types = scratch.write("mime.types", "")
    command = [program_of("nghttpd"), "--no-tls", "--address=127.0.0.1", f"--htdocs={folder}", "--trailer=grpc-status: 0",
               f"--mime-types-file={types}", str(port)]
    return start(scratch, "the backend of gRPC", command, port, core)


def site_for(scratch: Scratch, site: Site, row: Row, core: int) -> Site:
    """`site` with the backend and the certificate that the row asks for."""
    if row.has_tls:
        site = dataclasses.replace(site, tls=tls.make_certificate(scratch, row.group))
    if row.backend == "tls":
        files = tls.make_certificate(scratch, row.group)
        return dataclasses.replace(site, backend_tls=files, backend_port=start_tls(scratch, core, files))
    if row.is_grpc:
        path = row.load[row.load.index("--path") + 1]
        return dataclasses.replace(site, is_grpc=True, backend_port=start_grpc(scratch, core, path))
    return site
