"""`takeback serve`: pages of runs to this machine and nobody else."""

import http.client
import threading
from functools import partial
from http.server import ThreadingHTTPServer

import pytest

from csp.errors import BadInput
from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.serve import ADDRESS, Pages, Serve, main, runs_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("serve")
    ceiling(Ceiling(count=2, decoders=("dsatur",), out=root / "results" / "a <run>", workers=1))
    (root / "secret.txt").write_text("not for anybody")
    return root / "results"


@pytest.fixture(scope="module")
def ask(folder):
    server = ThreadingHTTPServer((ADDRESS, 0), partial(Pages, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]

    def request(path, method="GET", host=None):
        connection = http.client.HTTPConnection(ADDRESS, port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"{ADDRESS}:{port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    yield request
    server.shutdown()
    server.server_close()


def test_it_lists_runs_and_shows_them(ask, folder):
    status, headers, text = ask("/")
    assert status == 200 and "a &lt;run&gt;" in text and "<run>" not in text
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    status, _, text = ask("/run/a%20%3Crun%3E")
    assert status == 200 and 'id="payload"' in text and "Content-Security-Policy" in text
    assert ask("/story")[0] == 200 and ask("/", host="localhost:1")[0] == 200
    assert list(runs_in(folder)) == ["a <run>"] and list(runs_in(folder / "a <run>")) == ["a <run>"]


def test_a_head_has_no_body(ask):
    status, headers, text = ask("/", method="HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 100 and text == ""


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt",
        "/run/../secret.txt",
        "/run/%2e%2e/secret.txt",
        "/run//etc/passwd",
        "/run/",
        "/a%20%3Crun%3E/run.json",
    ],
)
def test_nothing_else_is_given_out(ask, path):
    status, _, text = ask(path)
    assert status == 404 and "not for anybody" not in text and "root:" not in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_foreign_name_is_refused(ask, host):
    assert ask("/", host=host or " ")[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reading_is_answered(ask, method):
    assert ask("/", method=method)[0] == 501


def test_it_listens_on_the_loopback_address_alone(folder, tmp_path):
    assert ADDRESS == "127.0.0.1"
    with pytest.raises(BadInput, match="holds no finished run"):
        main(Serve(tmp_path))
    with pytest.raises(BadInput, match="a port is from"):
        main(Serve(folder, port=70000))
    busy = ThreadingHTTPServer((ADDRESS, 0), partial(Pages, folder))
    with busy, pytest.raises(BadInput, match="choose another --port"):
        main(Serve(folder, port=busy.server_address[1]))
