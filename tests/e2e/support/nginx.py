"""Debian's nginx as a backend: one process, a configuration of its own in a scratch folder, free ports."""

import os
import shutil
import socket
import subprocess

from .waiting import eventually

TEMPLATE = """daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {http}
}}
"""


def free_ports(count):
    socks = [socket.socket() for _ in range(count)]
    for sock in socks:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


class Nginx:
    """`http`: inside of http {}, with {port0}, {port1}, … of which there are `num_ports`, and {folder}."""

    def __init__(self, folder, http, num_ports=1):
        program = shutil.which("nginx", path="/usr/sbin:" + os.environ.get("PATH", ""))
        assert program, "nginx is missing: ./dev setup test"
        folder.mkdir(parents=True)
        self.ports = free_ports(num_ports)
        for index, port in enumerate(self.ports):
            http = http.replace("{port%d}" % index, str(port))
        http = http.replace("{folder}", str(folder))
        # Its worker would be another user who cannot read our folders.
        user = "user root;" if os.getuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(TEMPLATE.format(user=user, folder=folder, http=http), encoding="utf-8")
        self.process = subprocess.Popen([program, "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(config)],
                                        stdin=subprocess.DEVNULL)
        eventually(self._is_listening, "nginx to listen")

    def _is_listening(self):
        assert self.process.poll() is None, "nginx ended"
        try:
            for port in self.ports:
                socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def close(self):
        self.process.terminate()
        self.process.wait(30)
