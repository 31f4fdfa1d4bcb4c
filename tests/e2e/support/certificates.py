"""Certificates of an authority of our own, made by the command line of OpenSSL: a few milliseconds each."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass

KEY_OPTIONS = {"ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}


@dataclass(frozen=True)
class Made:
    """A certificate, as PEM, and its private key."""
    chain: str
    key: str

    @property
    def der(self):
        """What a client sees of it."""
        return ssl.PEM_cert_to_DER_cert(self.chain)

    def config(self, name, *server_names):
        """Its entry under `certificates` of a configuration."""
        return {"name": name, "server_names": list(server_names), "chain": self.chain, "key": self.key}


class Authority:
    """Signs certificates in `folder`, which is its own. make() gives the same one for the same arguments."""

    def __init__(self, folder):
        assert shutil.which("openssl"), "openssl is missing: ./dev setup test"
        self.folder = folder
        self.made = {}
        self.root = self._request("root", "ecdsa", "-x509", "-subj", "/CN=authority of the tests", "-days", "2",
                                  "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                                  "keyUsage=critical,keyCertSign")
        self.root_file = str(folder / "root.pem")

    def make(self, *names, key="ecdsa", days=2, serial=1, extensions=""):
        """For DNS `names`, or "IP:…" and "URI:…"; `serial` tells those apart that are the same otherwise, `days` below 0 have
        passed; `extensions` are lines of OpenSSL's."""
        what = (names, key, days, serial, extensions)
        if what not in self.made:
            self.made[what] = self._sign(f"leaf-{len(self.made)}", names, key, days, extensions)
        return self.made[what]

    def self_signed(self, name):
        """For `name`, and trusted by nobody."""
        return self._request("self-signed", "ecdsa", "-x509", "-subj", "/CN=" + name, "-days", "2", "-addext",
                             "subjectAltName=DNS:" + name, "-addext", "basicConstraints=critical,CA:FALSE")

    def _sign(self, file, names, key, days, more):
        request = self._request(file, key, "-subj", "/CN=" + names[0].replace("/", "_"))
        extensions = self.folder / f"{file}.ext"
        full = [name if ":" in name else "DNS:" + name for name in names]
        extensions.write_text(f"subjectAltName={','.join(full)}\n{more}\n", encoding="ascii")
        self._openssl("x509", "-req", "-in", f"{file}.pem", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                      "-days", str(days), "-extfile", extensions.name, "-out", f"{file}.pem.signed")
        return Made((self.folder / f"{file}.pem.signed").read_text(encoding="ascii"), request.key)

    def _request(self, file, key, *options):
        self._openssl("req", "-new", "-nodes", *KEY_OPTIONS[key], *options, "-keyout", f"{file}.key",
                      "-out", f"{file}.pem")
        return Made(*((self.folder / f"{file}{end}").read_text(encoding="ascii") for end in (".pem", ".key")))

    def _openssl(self, *args):
        done = subprocess.run(["openssl", *args], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
