"""The chart, as helm renders it, and the manifests made from it: what they may do, and what they refuse."""
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
LINK = ["--set", "mode=deployments,link.controllerSecretName=a,link.dataPlaneSecretName=b",
        "--set", "link.controllerPeers={data.example}", "--set", "link.dataPlanePeers={controller.example}"]
HOST = ["--set", "kind=DaemonSet,hostNetwork=true,service.type=None"]
SECRETS = ["--set", "rbac.secrets.namespaces={shop,blog}"]
VARIANTS = {"containers": [], "deployments": LINK, "host": HOST, "secrets": SECRETS,
            "scaled": ["--set", "autoscaling.enabled=true,serviceMonitor.create=true"],
            "node port": ["--set", "service.type=NodePort,service.nodePorts.http=30080"]}


@pytest.fixture(scope="session")
def helm():
    if os.environ.get("HELM"):
        return os.environ["HELM"]
    if not shutil.which("go") and not os.access("/usr/local/go/bin/go", os.X_OK):
        pytest.skip("needs Go 1.26 to build helm, or HELM=PATH")
    return subprocess.run([DEPLOY / "helm.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def run(helm, *arguments):
    return subprocess.run([helm, "template", "edge", DEPLOY / "helm/proxyd", "--namespace", "front", *arguments],
                          capture_output=True, text=True)


@pytest.fixture(scope="session", params=VARIANTS)
def objects(request, helm):
    done = run(helm, *VARIANTS[request.param])
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def pods(objects):
    return [one["spec"]["template"]["spec"] for one in objects if one["kind"] in ("Deployment", "DaemonSet")]


def rules(objects):
    return [(one["kind"], rule) for one in objects if one["kind"] in ("ClusterRole", "Role") for rule in one["rules"]]


def test_rights_have_no_wildcard(objects):
    assert rules(objects)
    for _, rule in rules(objects):
        for values in rule.values():
            assert not any("*" in value for value in values), rule


def test_no_secrets_of_the_whole_cluster(objects):
    assert not [rule for kind, rule in rules(objects) if kind == "ClusterRole" and "secrets" in rule["resources"]]


def test_token_is_in_no_container_but_the_controllers(objects):
    mounted = []
    for pod in pods(objects):
        assert pod["automountServiceAccountToken"] is False
        tokens = {v["name"] for v in pod["volumes"]
                  if any("serviceAccountToken" in source for source in v.get("projected", {}).get("sources", []))}
        for container in pod["containers"]:
            if tokens & {mount["name"] for mount in container["volumeMounts"]}:
                mounted.append(container["name"])
    assert mounted == ["controller"]


def test_pods_are_restricted(objects):
    for pod in pods(objects):
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False and security["readOnlyRootFilesystem"] is True
            assert security["capabilities"]["drop"] == ["ALL"]
            added = security["capabilities"].get("add", [])
            may_bind = pod.get("hostNetwork") and container["name"] == "serve"
            assert added == (["NET_BIND_SERVICE"] if may_bind else [])


def test_listening_options_name_an_address(objects):
    seen = [arg for pod in pods(objects) for container in pod["containers"] for arg in container["args"]
            if arg.startswith(("--http=", "--https=", "--probe-address=", "--listen="))]
    assert seen and not [arg for arg in seen if "=:" in arg]


def test_selectors_find_the_pods(objects):
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in objects if one["kind"] in ("Deployment", "DaemonSet")]
    for one in objects:
        if one["kind"] == "Service":
            assert any(one["spec"]["selector"].items() <= have.items() for have in labels), one["metadata"]["name"]


def test_named_namespaces_get_a_role_each(helm):
    objects = [one for one in yaml.safe_load_all(run(helm, *SECRETS).stdout) if one]
    roles = [one for one in objects if one["kind"] == "Role" and any("secrets" in r["resources"] for r in one["rules"])]
    assert sorted(one["metadata"]["namespace"] for one in roles) == ["blog", "shop"]


def test_one_value_opens_the_whole_cluster(helm):
    objects = [one for one in yaml.safe_load_all(run(helm, "--set", "rbac.secrets.clusterWide=true").stdout) if one]
    assert [rule for kind, rule in rules(objects) if kind == "ClusterRole" and "secrets" in rule["resources"]]


@pytest.mark.parametrize("given, said", [
    ("terminationGracePeriodSeconds=40", "terminationGracePeriodSeconds must be more"),
    ("tunnelDrainTimeoutSeconds=50", "terminationGracePeriodSeconds must be more"),
    ("service.type=None", "needs hostNetwork"),
    ("mode=deployments", "never without mutual TLS"),
    ("kind=DaemonSet,autoscaling.enabled=true", "no meaning for a DaemonSet"),
    ("rbac.secrets.clusterWide=true,rbac.secrets.namespaces={a}", "exclude each other"),
    ("mode=pods", "mode"),
    ("ports.http=80", "http"),
    ("rbac.secrets.namespaces={*}", "namespaces"),
    ("replica=3", "replica"),
])
def test_values_that_are_refused(helm, given, said):
    done = run(helm, "--set", given)
    assert done.returncode != 0
    assert said in done.stderr


def test_lint_finds_nothing(helm):
    done = subprocess.run([helm, "lint", "--strict", DEPLOY / "helm/proxyd"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_manifests_are_what_the_chart_gives(helm):
    done = subprocess.run([DEPLOY / "render.sh", "--check"], capture_output=True, text=True, env={**os.environ, "HELM": helm})
    assert done.returncode == 0, done.stdout + done.stderr
