"""OCSP stapling: responders are asked, clients see the answers of `openssl ocsp`, and nothing else is connected to."""

import base64
import json
import signal

import pytest

from support.backend import ok
from support.config_file import secured, single
from support.manifests import endpoint_slice, ingress, path, secret, service, with_tls
from support.ocsp import Responder, shown_status
from support.waiting import eventually

STAPLING = ("--ocsp-stapling", "--allow-private-responders")


@pytest.fixture
def responder(authority, tmp_path):
    made = Responder(authority, tmp_path / "responder")
    yield made
    made.close()


@pytest.fixture
def serve_hosts(start, manifests, make_backend):
    """serve_hosts({host: certificate}, *args): proxyd with an Ingress and a Secret for each."""
    def run(hosts, *args):
        manifests.write("web.yaml", service("web"), endpoint_slice("web", [make_backend(ok())]))
        for host, made in hosts.items():
            name = host.replace(".", "-")
            manifests.write(f"{name}.yaml", with_tls(ingress(name, host, [path("/", "web")]), name, host),
                            secret(name, made))
        return start("--https", "127.0.0.1:0", *args).wait_ready()

    return run


def status(proxy, name="a.test", *options):
    return shown_status(proxy.address("https-0"), name, *options)


def wait_status(proxy, expected, name="a.test"):
    eventually(lambda: status(proxy, name) == expected, f"{name} to be shown as {expected}")


def wait_problem(proxy, *parts):
    return eventually(lambda: [p for p in proxy.problems() if all(part in p["why"] for part in parts)],
                      f"a problem with {parts}")[0]


def test_clients_see_what_the_responder_says(serve_hosts, responder):
    proxy = serve_hosts({"a.test": responder.make("a.test")}, *STAPLING)
    wait_status(proxy, "good")
    for version in ("-tls1_2", "-tls1_3"):
        assert status(proxy, "a.test", version) == "good"
    proxy.wait_metric('proxyd_ocsp_certificates{response="valid"}', 1)
    proxy.wait_metric('proxyd_ocsp_fetches_total{outcome="ok"}', 1)
    assert proxy.problems() == []
    assert responder.questions == 1


def test_nobody_is_asked_without_the_option(serve_hosts, responder):
    proxy = serve_hosts({"a.test": responder.make("a.test")})
    assert status(proxy) is None
    assert proxy.metric('proxyd_ocsp_certificates{response="valid"}') is None
    assert responder.questions == 0


def test_private_addresses_are_not_connected_to(serve_hosts, responder):
    proxy = serve_hosts({"a.test": responder.make("a.test")}, "--ocsp-stapling")
    problem = wait_problem(proxy, "not one of the public internet: 127.0.0.1")
    assert problem["severity"] == "warning" and problem["object"]["name"] == "a-test"
    assert status(proxy) is None
    assert responder.questions == 0


def test_the_last_answer_outlives_its_responder_and_is_renewed(serve_hosts, responder):
    proxy = serve_hosts({"a.test": responder.make("a.test")}, *STAPLING)
    wait_status(proxy, "good")
    responder.close()
    proxy.signal(signal.SIGHUP)  # all are asked again
    wait_problem(proxy, "the last answer is used until")
    assert status(proxy) == "good"
    responder.open()
    proxy.signal(signal.SIGHUP)
    eventually(lambda: proxy.problems() == [], "the problem to go")
    assert responder.questions == 2
    assert status(proxy) == "good"


def test_a_revoked_certificate_is_served_without_an_answer(serve_hosts, responder):
    made = responder.make("a.test")
    proxy = serve_hosts({"a.test": made}, *STAPLING)
    wait_status(proxy, "good")
    responder.revoke(made)
    proxy.signal(signal.SIGHUP)
    wait_status(proxy, None)
    wait_problem(proxy, "the certificate is revoked", "clients get none")


def test_one_without_a_responder_holds_up_no_other(serve_hosts, responder, authority):
    gone = Responder(authority, responder.folder / "gone")
    made = gone.make("b.test")
    gone.close()
    proxy = serve_hosts({"a.test": responder.make("a.test"), "b.test": made}, *STAPLING)
    wait_status(proxy, "good")
    wait_problem(proxy, gone.url)
    assert status(proxy, "b.test") is None
    assert status(proxy) == "good"


def test_a_new_certificate_is_asked_about(serve_hosts, responder, manifests):
    proxy = serve_hosts({"a.test": responder.make("a.test")}, *STAPLING)
    wait_status(proxy, "good")
    made = responder.make("b.test")
    manifests.write("b.yaml", with_tls(ingress("b", "b.test", [path("/", "web")]), "b", "b.test"), secret("b", made))
    eventually(lambda: responder.questions == 2, "the new certificate to be asked about")
    wait_status(proxy, "good", "b.test")
    assert status(proxy) == "good"


def test_a_certificate_that_must_have_an_answer_is_told_of_without_stapling(serve_hosts, responder):
    hosts = {"a.test": responder.make("a.test", more="tlsfeature=status_request")}
    wait_problem(serve_hosts(hosts), "the certificate asks its servers for an OCSP response")
    proxy = serve_hosts(hosts, *STAPLING)
    wait_status(proxy, "good")
    eventually(lambda: proxy.problems() == [], "no problem to be left")


def test_an_answer_in_the_configuration_is_verified_and_shown(serve, start, make_backend, responder, tmp_path):
    made = responder.make("a.test")
    leaf, root = tmp_path / "leaf.pem", responder.authority.root_file
    leaf.write_text(made.chain, encoding="ascii")
    responder.openssl("ocsp", "-issuer", root, "-cert", str(leaf), "-no_nonce", "-reqout", "question.der")
    answer = responder.answer((responder.folder / "question.der").read_bytes())
    entry = {**made.config("a", "a.test"), "ocsp_response": base64.b64encode(answer).decode()}
    value = secured(single(make_backend(ok())), [entry])
    proxy = serve(value)
    listener = value["listeners"][0]["name"]
    assert shown_status(proxy.address(listener), "a.test") == "good"
    assert proxy.problems() == []
    entry["ocsp_response"] = base64.b64encode(answer[:-1]).decode()
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    proxy = start("--config", str(file)).wait_ready()
    assert shown_status(proxy.address(listener), "a.test") is None
    wait_problem(proxy, "clients are not told that the certificate is good")
