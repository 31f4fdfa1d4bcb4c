"""Debian's HAProxy as a balancer in front of something: one process, on a free port."""

import os
import shutil
import subprocess

from .nginx import free_ports
from .waiting import eventually

TEMPLATE = """
global
  stats socket {folder}/stats
defaults
  mode {mode}
  timeout connect 30s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:{port} {bind}
  default_backend out
backend out
  server only {target} {server}
"""


class HAProxy:
    """Forwards to `target`; `server` and `bind` are further words of those lines."""

    def __init__(self, folder, target, server="", bind="", mode="tcp"):
        program = shutil.which("haproxy", path="/usr/sbin:" + os.environ.get("PATH", ""))
        assert program, "haproxy is missing: ./dev setup test"
        folder.mkdir(parents=True)
        port, = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        config = folder / "haproxy.cfg"
        config.write_text(TEMPLATE.format(folder=folder, mode=mode, port=port, bind=bind, target=target,
                                          server=server), encoding="utf-8")
        self.process = subprocess.Popen([program, "-db", "-f", str(config)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.stats = folder / "stats"
        eventually(self._is_ready, "haproxy to listen")

    def _is_ready(self):
        assert self.process.poll() is None, self.process.stderr.read()
        return self.stats.exists()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()
