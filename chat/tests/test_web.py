"""The web client's files, and the page for every address within it."""

import gzip

import pytest

from chat.tests.people import Town
from windsock_chat.http.web import WebClient


async def test_the_page_is_served_for_every_address_of_the_client(served: Town) -> None:
    browser = served.browser()
    root = await browser.get(f"{served.server.url}/")
    assert root.status_code == 200
    assert root.headers["content-type"] == "text/html; charset=utf-8"
    assert root.headers["cache-control"] == "no-cache"
    for path in ("/log-in", "/rooms/0b0c7c1e-6a0f-4c44-9f2a-0a8d3a8b5c11", "/people/ada_l-ovelace/", "/index.html"):
        response = await browser.get(f"{served.server.url}{path}")
        assert response.status_code == 200, path
        assert response.content == root.content


async def test_a_hashed_file_may_be_kept_for_ever(served: Town) -> None:
    response = await served.browser().get(f"{served.server.url}/assets/app-3f2a.js")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.text.startswith("export const chat")

    plain = await served.browser(**{"Accept-Encoding": "identity"}).get(f"{served.server.url}/assets/app-3f2a.js")
    assert "content-encoding" not in plain.headers
    assert plain.text == response.text


async def test_what_has_not_changed_is_not_sent_again(served: Town) -> None:
    browser = served.browser()
    first = await browser.get(f"{served.server.url}/")
    again = await browser.get(f"{served.server.url}/", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = await browser.get(f"{served.server.url}/", headers={"If-None-Match": 'W/"other"'})
    assert other.status_code == 200


async def test_head_answers_as_get_does_without_the_body(served: Town) -> None:
    browser = served.browser()
    got, head = await browser.get(f"{served.server.url}/"), await browser.head(f"{served.server.url}/")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/users", "/api/", "/assets/gone-1234.js", "/robots.txt"])
async def test_what_is_not_there_is_told_as_an_error(served: Town, path: str) -> None:
    response = await served.browser().get(f"{served.server.url}{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


async def test_another_method_is_told_which_there_are(served: Town) -> None:
    response = await served.browser().post(f"{served.server.url}/")
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    response = await served.browser().delete("/users/me")
    assert response.status_code == 405


async def test_every_file_can_be_had_and_nothing_else(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("web")
    (folder / "index.html").write_text("page")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "a b.css").write_text("x" * 5000)
    web = WebClient(folder)
    file = web.find("deep/er/a b.css")
    assert file is not None
    assert file.content == b"x" * 5000
    assert file.compressed is not None
    assert gzip.decompress(file.compressed) == file.content
    assert web.find("deep/er/../er/a b.css") is None
    assert web.find("api/v1/x") is None
    empty = WebClient(folder / "missing")
    assert not empty.is_built
    assert empty.find("") is None
