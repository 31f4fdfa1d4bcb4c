"""What the rows with TLS need: one certificate for all proxies, and settings that let them do the same work.

TLS 1.3, AES-128-GCM, an ECDSA key on P-256, and one group, which is X25519 but for one row. proxyd has its defaults: what
the client offers leaves nothing else to choose.
"""

import dataclasses
import pathlib
import subprocess

from processes import BenchError, Scratch, find_program

CIPHER = "TLS_AES_128_GCM_SHA256"


@dataclasses.dataclass(frozen=True)
class TlsFiles:
    chain: pathlib.Path
    key: pathlib.Path
    both: pathlib.Path  # in one file
    group: str


def make_certificate(scratch: Scratch, group: str) -> TlsFiles:
    program = find_program("openssl")
    if program is None:
        raise BenchError("openssl is not installed, which makes the certificate: ./dev setup bench")
    chain, key, both = (scratch.path(name) for name in ("chain.pem", "key.pem", "both.pem"))
    done = subprocess.run([program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-keyout", str(key), "-out", str(chain), "-days", "2", "-subj", "/CN=bench.example",
                           "-addext", "subjectAltName=DNS:*.bench.example"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"openssl made no certificate: {done.stderr}")
    both.write_text(chain.read_text() + key.read_text())
    return TlsFiles(chain, key, both, group)
