"""Authorities that issue certificates to clients, and CRLs, made by the command line of OpenSSL."""

import ssl
import subprocess
from dataclasses import dataclass

from .tls_client import client_context

CA_CONFIG = """[ca]
default_ca = ours
[ours]
database = {name}.index
crlnumber = {name}.crlnumber
default_md = sha256
default_crl_days = 1
[req]
distinguished_name = dn
[dn]
"""
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"


@dataclass(frozen=True)
class Issued:
    """A certificate of a client: files with it and its key, and what it holds."""
    file: str
    key_file: str

    @property
    def pem(self):
        with open(self.file, encoding="ascii") as file:
            return file.read()

    @property
    def der(self):
        end = "-----END CERTIFICATE-----\n"
        return ssl.PEM_cert_to_DER_cert(self.pem.split(end)[0] + end)

    def context(self, **more):
        """A client that shows this certificate."""
        context = client_context(**more)
        context.load_cert_chain(self.file, self.key_file)
        return context


class ClientAuthority:
    """`folder` is shared by authorities of different names. With `issuer`, another authority, it is an intermediate."""

    def __init__(self, folder, name, issuer=None):
        self.folder, self.name, self.count = folder, name, 0
        (folder / f"{name}.cnf").write_text(CA_CONFIG.format(name=name), encoding="ascii")
        (folder / f"{name}.index").touch()
        (folder / f"{name}.crlnumber").write_text("01\n", encoding="ascii")
        (folder / f"{name}.ext").write_text(AUTHORITY, encoding="ascii")
        self._request(name, f"/CN={name}")
        signer = ["-signkey", f"{name}.key"] if issuer is None else \
            ["-CA", f"{issuer.name}.pem", "-CAkey", f"{issuer.name}.key", "-CAcreateserial"]
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signer, "-days", "2", "-extfile", f"{name}.ext",
                      "-out", f"{name}.pem")

    @property
    def pem(self):
        return (self.folder / f"{self.name}.pem").read_text(encoding="ascii")

    def issue(self, common_name="client", alt_names="", use="clientAuth", days=2, send=()):
        """`alt_names` as OpenSSL writes them, `send`: authorities whose certificates the client sends along."""
        self.count += 1
        file = f"{self.name}-{self.count}"
        extensions = f"extendedKeyUsage={use}\n" + (f"subjectAltName={alt_names}\n" if alt_names else "")
        (self.folder / f"{file}.ext").write_text(extensions, encoding="ascii")
        self._request(file, f"/CN={common_name}")
        self._openssl("x509", "-req", "-in", f"{file}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key",
                      "-CAcreateserial", "-days", str(days), "-extfile", f"{file}.ext", "-out", f"{file}.pem")
        if send:
            with open(self.folder / f"{file}.pem", "a", encoding="ascii") as out:
                out.write("".join(other.pem for other in send))
        return Issued(str(self.folder / f"{file}.pem"), str(self.folder / f"{file}.key"))

    def crl(self, *revoked):
        """The text of a CRL with `revoked`, and all that were before."""
        options = ["-config", f"{self.name}.cnf", "-cert", f"{self.name}.pem", "-keyfile", f"{self.name}.key"]
        for issued in revoked:
            self._openssl("ca", *options, "-revoke", issued.file)
        self._openssl("ca", *options, "-gencrl", "-out", f"{self.name}.crl")
        return (self.folder / f"{self.name}.crl").read_text(encoding="ascii")

    def _request(self, file, subject):
        self._openssl("req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", subject,
                      "-config", f"{self.name}.cnf", "-keyout", f"{file}.key", "-out", f"{file}.csr")

    def _openssl(self, *args):
        done = subprocess.run(["openssl", *args], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
