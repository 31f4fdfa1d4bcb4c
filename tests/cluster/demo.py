"""What `./dev cluster` runs inside of the lab: example objects, and proxyd as their controller until Ctrl-C."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e")]

from kube.lab import Lab  # noqa: E402
from kube.objects import CONTROLLER, WHOLE_CLUSTER, app, cluster_rights, ingress_class, namespace  # noqa: E402
from kube.objects import service_account  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.daemon import binary, clean_environment  # noqa: E402
from support.manifests import ingress, path, secret, with_tls  # noqa: E402

HTTP, HTTPS, ADMIN = "127.0.0.1:80", "127.0.0.1:443", "127.0.0.1:9901"
SYSTEM, ACCOUNT, DEMO = "proxyd-system", "proxyd", "demo"
PATHS = [path("/", "blue"), path("/green", "green")]


def create_objects(lab, authority):
    made = authority.make("secure.demo.test")
    lab.api.create(
        namespace(SYSTEM), service_account(ACCOUNT, SYSTEM), cluster_rights(ACCOUNT, SYSTEM, WHOLE_CLUSTER),
        ingress_class("proxyd", CONTROLLER, is_default=True), namespace(DEMO), app("blue", DEMO, 2), app("green", DEMO, 2),
        ingress("plain", "demo.test", PATHS, DEMO), secret("secure-tls", made, DEMO),
        with_tls(ingress("secure", "secure.demo.test", PATHS, DEMO), "secure-tls", "secure.demo.test"))
    lab.wait_deployed(DEMO, "blue", "green")


def explain(lab, kubeconfig):
    kubectl = "kubectl" if shutil.which("kubectl") else "kubectl (which is not installed here)"
    print(f"""
A cluster runs, with proxyd as its controller. From another terminal, in this folder:
  ./dev cluster exec curl http://{HTTP}/ -H 'Host: demo.test'
  ./dev cluster exec curl http://{HTTP}/green -H 'Host: demo.test'
  ./dev cluster exec curl -k https://secure.demo.test/ --resolve secure.demo.test:443:{HTTPS.partition(':')[0]}
  ./dev cluster exec curl http://{ADMIN}/problems
  ./dev cluster exec {kubectl} get ingresses,services,pods -A
  ./dev cluster exec {kubectl} -n {DEMO} create ingress more --rule='more.test/*=green:80'
  ./dev cluster exec {kubectl} -n {DEMO} scale deployment blue --replicas=5
administrator's kubeconfig: {lab.path("admin.kubeconfig")}
proxyd's kubeconfig:        {kubeconfig}
logs:                       {lab.folder}/*.log
Ctrl-C ends all of it.
""", flush=True)


def main():
    lab = Lab()
    folder = pathlib.Path(lab.path("demo"))
    folder.mkdir()
    create_objects(lab, Authority(folder))
    kubeconfig = lab.account_kubeconfig(SYSTEM, ACCOUNT, folder / "proxyd.kubeconfig")
    explain(lab, kubeconfig)
    proxyd = subprocess.Popen([binary(), "run", "--kubeconfig", kubeconfig, "--http", HTTP, "--https", HTTPS,
                               "--admin", ADMIN], env=clean_environment())
    # A Ctrl-C reaches proxyd too; this waits for its end.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: proxyd.terminate())
    return proxyd.wait()


if __name__ == "__main__":
    sys.exit(main())
