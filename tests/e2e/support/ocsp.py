"""An OCSP responder: HTTP by us, so that it listens on loopback and can be stopped; every answer by `openssl ocsp`."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .certificates import Made

RESPONDER = "keyUsage=digitalSignature\nextendedKeyUsage=OCSPSigning"


class Responder:
    """Answers for certificates of `authority`, in `folder`, which is its own. `questions`: how many it got."""

    def __init__(self, authority, folder):
        self.authority, self.folder = authority, folder
        folder.mkdir(parents=True, exist_ok=True)
        signer = authority.make("ocsp.test", extensions=RESPONDER)
        (folder / "signer.pem").write_text(signer.chain, encoding="ascii")
        (folder / "signer.key").write_text(signer.key, encoding="ascii")
        self.index = {}  # serial number -> its line
        self.lock = threading.Lock()
        self.questions = 0
        self.server = None
        self.port = 0
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/ocsp"

    def make(self, *names, more=""):
        """A certificate for `names` that names this responder, with its issuer behind it; good for now."""
        leaf = self.authority.make(*names, extensions=f"authorityInfoAccess=OCSP;URI:{self.url}\n{more}")
        self.set_status(leaf, "V\t491231235959Z\t")
        return Made(leaf.chain + self.authority.root.chain, leaf.key)

    def revoke(self, made):
        self.set_status(made, "R\t491231235959Z\t240101000000Z,keyCompromise")

    def set_status(self, made, status):
        serial = self.openssl("x509", "-noout", "-serial", data=made.chain.encode()).decode().split("=")[1].strip()
        with self.lock:
            self.index[serial] = f"{status}\t{serial}\tunknown\t/CN={serial}\n"

    def answer(self, request):
        with self.lock:
            self.questions += 1
            (self.folder / "index.txt").write_text("".join(self.index.values()), encoding="ascii")
            (self.folder / "request.der").write_bytes(request)
            self.openssl("ocsp", "-index", "index.txt", "-CA", self.authority.root_file, "-rsigner", "signer.pem",
                          "-rkey", "signer.key", "-reqin", "request.der", "-respout", "response.der", "-ndays", "1")
            return (self.folder / "response.der").read_bytes()

    def open(self):
        """Listens, again where it did before."""
        responder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = responder.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def openssl(self, *args, data=None):
        done = subprocess.run(["openssl", *args], cwd=self.folder, input=data, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def shown_status(address, name, *options):
    """What `openssl s_client -status` says of the certificate: "good", …; None when no answer came with it."""
    done = subprocess.run(["openssl", "s_client", "-connect", address, "-servername", name, "-status", *options],
                          input=b"", capture_output=True, timeout=60, check=False)
    text = done.stdout.decode("utf-8", "replace")
    assert "OCSP response:" in text, text + done.stderr.decode("utf-8", "replace")
    if "OCSP response: no response sent" in text:
        return None
    assert "OCSP Response Status: successful" in text, text
    return text.split("Cert Status: ")[1].split("\n")[0]
