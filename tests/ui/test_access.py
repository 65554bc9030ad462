"""Who has the token, on the page itself and by the name of this machine, is answered; no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flowbackup.ui.access import names_of, refusal
from flowbackup.ui.app import make_app
from flowbackup.ui.settings import Settings, new_token
from tests.ui.conftest import ADDRESS, Page

HOST = "127.0.0.1:8370"
GOOD = {"host": HOST, "authorization": "Bearer secret", "content-type": "application/json"}
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def verdict(method: str = "GET", path: str = "/api/state", **headers: str | None) -> int:
    """The status of a refusal, 200 for none.  headers: beside good ones, None to leave one out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {name: value for name, value in (GOOD | named).items() if value is not None}
    found = refusal(method, path, said, NAMES, "secret")
    return 200 if found is None else found.status_code


@pytest.mark.parametrize(
    "host", [HOST, "localhost:8370", "LOCALHOST", "127.0.0.1", "[::1]:8370", "127.0.0.1:9"]
)
def test_this_machine_is_asked_for_by_its_names_through_any_tunnel(host: str) -> None:
    assert verdict(host=host) == 200
    assert verdict("GET", "/", host=host, authorization=None) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8370", "127.0.0.1.evil.example", "localhost.evil.example:8370",
     "", None, "127.0.0.1:8370, evil.example", "127.0.0.1:x", "user@127.0.0.1", "127.0.0.1:123456",
     "0.0.0.0:8370", "[::1", "127.0.0.2", " 127.0.0.1"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/download/once/x"])
def test_another_name_is_a_rebound_one(host: str | None, path: str) -> None:
    assert verdict(path=path, host=host) == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8370.evil.example"},
        {"origin": "http://localhost:8370"},
        {"origin": ""},
        {"origin": f"http://{HOST}, http://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
    ids=str,
)
def test_another_page_may_not_ask_even_with_the_token(
    method: str, headers: dict[str, str]
) -> None:  # fmt: skip
    assert verdict(method, **headers) == 403


def test_the_page_itself_may() -> None:
    assert verdict("POST", origin=f"http://{HOST}", sec_fetch_site="same-origin") == 200
    assert verdict("POST", origin=f"https://{HOST}") == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer secret ", "Bearer secre",
     "Basic secret", "bearer secret", "Bearer sécret", "Bearer secret, Bearer secret"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
def test_nothing_is_answered_without_the_token(method: str, authorization: str | None) -> None:
    assert verdict(method, authorization=authorization) == 401


def test_the_token_alone_is_enough_without_the_word_bearer() -> None:
    """Who has it, has it."""
    assert verdict(authorization="secret") == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a_form_of_another_page_is_not_understood(kind: str | None) -> None:
    assert verdict("POST", content_type=kind, content_length="2") == 415


def test_other_methods_are_none() -> None:
    for method in ("TRACE", "CONNECT", "PATCH", "OPTIONS", "PROPFIND"):
        assert verdict(method) == 405
    assert verdict("POST", "/") == 405


def test_only_a_get_fetches_a_download_without_the_token() -> None:
    once = "/api/download/once/x"
    assert verdict("GET", once, authorization=None) == 200
    assert verdict("POST", once, authorization=None) == 401
    assert verdict("GET", "/api/download/ticket", authorization=None) == 401
    assert verdict("GET", "/api/download/once/x", origin="http://evil.example") == 403


def test_a_host_that_was_asked_for_is_one_of_the_names(settings: Settings) -> None:
    assert names_of(replace(settings, host="Backup.Example")) == NAMES | {"backup.example"}
    assert names_of(replace(settings, host="fe80::1")) == NAMES | {"[fe80::1]"}


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43
    assert "secret" not in repr(Settings(roots=(), state=Path(), token="secret"))


def routes(page: Page) -> list[tuple[str, str]]:
    """Method and path of each route of the api."""
    described = page.client.app.openapi()["paths"]  # type: ignore[attr-defined]
    return [(method.upper(), path) for path, ways in described.items() for method in ways]


def test_every_route_stands_behind_the_guard(page: Page) -> None:
    found = routes(page)
    assert len(found) > 30
    stranger = TestClient(page.client.app, base_url=ADDRESS)
    for method, path in found:
        if "/once/" in path:
            continue
        assert path.startswith("/api/"), path
        answer = stranger.request(method, path.replace("{", "").replace("}", ""), json={})
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["kind"] == "token"


def test_headers_stand_on_every_answer(page: Page) -> None:
    for path in ("/", "/api/state", "/api/nothing", "/nothing"):
        for client in (page.client, TestClient(page.client.app, base_url=ADDRESS)):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in headers
            assert "set-cookie" not in headers


def test_no_get_changes_anything(page: Page) -> None:
    """Whoever asks all of them leaves no file behind."""
    for method, path in routes(page):
        if method == "GET" and not path.endswith("/events"):
            page.client.get(path.replace("{", "").replace("}", ""))
    assert list(page.root.iterdir()) == []
    assert not page.settings.state.exists()
    assert page.settings.catalog is not None and not page.settings.catalog.exists()


def test_a_body_has_an_end(page: Page) -> None:
    answer = page.client.post("/api/design/check", json={"text": "#" * (5 << 20)})
    assert answer.status_code == 413


def test_a_fault_of_ours_says_no_more_than_its_kind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the passphrase is 1234")

    monkeypatch.setattr("flowbackup.ui.designing.design_of", broken)
    client = TestClient(
        make_app(settings), base_url=ADDRESS, headers={"authorization": "Bearer secret"},
        raise_server_exceptions=False,
    )  # fmt: skip
    answer = client.post("/api/design/check", json={"text": ""})
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "unexpected RuntimeError"
    assert "1234" not in answer.text
    assert answer.headers["content-security-policy"]


def test_a_page_that_is_not_built_says_so(settings: Settings, tmp_path: Path) -> None:
    client = TestClient(make_app(settings, tmp_path / "nothing"), base_url=ADDRESS)
    answer = client.get("/")
    assert (answer.status_code, answer.text) == (503, "the page is not built: run make page\n")


def test_a_built_page_is_shown_without_the_token_and_nothing_beside_it(
    settings: Settings, tmp_path: Path
) -> None:
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<p>here")
    (built / "assets" / "a.js").write_text("1")
    (tmp_path / "beside.txt").write_text("secret")
    (built / "link.txt").symlink_to(tmp_path / "beside.txt")
    client = TestClient(make_app(settings, built), base_url=ADDRESS)
    assert client.get("/").text == "<p>here"
    assert client.get("/assets/a.js").text == "1"
    for path in ("/../beside.txt", "/%2e%2e/beside.txt", "/..%2fbeside.txt", "/link.txt",
                 "/assets/..%2f..%2fbeside.txt", "//etc/passwd", "/%00"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code >= 400, path
        assert "secret" not in answer.text
