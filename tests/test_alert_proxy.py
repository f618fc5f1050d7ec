"""Notifiers behind a proxy: HTTP_PROXY, HTTPS_PROXY and NO_PROXY mean what they mean to curl."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from alerted import Written, alerted

from tests.little_proxy import LittleProxy
from tests.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWAY = "http://alerts.invalid/hook"
"""A name that no resolver knows: only a proxy can be asked for it."""


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with alerted(tmp_path / "w.duckdb") as found:
        yield found


def test_a_message_goes_by_the_proxy_that_the_environment_names(written, monkeypatch):
    with LittleProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
        courier = written.courier(AWAY)
        written.flip("a", "firing")
        courier.step()
    assert proxy.asked == [f"POST {AWAY}"]
    assert json.loads(proxy.bodies[0])["alerts"][0]["alert"] == "a"
    assert written.rows("select stage from internal.deliveries") == [("told",)]


def test_for_what_no_proxy_names_the_proxy_is_passed_by(written, monkeypatch):
    with LittleProxy() as proxy, Receiver() as receiver:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
        courier = written.courier(receiver.url)
        written.flip("a", "firing")
        courier.step()
        assert (proxy.asked, receiver.states()) == ([], [("a", "firing")])


def test_an_address_of_https_is_asked_for_by_a_tunnel_and_a_proxy_that_refuses_is_named(written, monkeypatch):
    with LittleProxy(answer=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        courier = written.courier("https://alerts.invalid/hook")
        written.flip("a", "firing")
        courier.step()
    assert proxy.asked == ["CONNECT alerts.invalid:443"]
    (said,) = written.said
    assert said.startswith(
        "notifier hook cannot be reached by its proxy (HTTP 407); what it is to be told is kept"
    )


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy.invalid:1080", "http://", "http://[x", "http://p:99999999"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_address_and_the_message_is_kept(
    written, monkeypatch, proxy
):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    courier = written.courier(AWAY)
    written.flip("a", "firing")
    courier.step()
    (said,) = written.said
    assert said.startswith(
        "notifier hook cannot be reached (HTTP_PROXY is no address of an HTTP proxy: write "
    )
    assert written.rows("select stage from internal.deliveries") == [("waiting",)]


def test_apprise_goes_by_it_too(written, monkeypatch):
    with LittleProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        courier = written.courier("json://alerts.invalid/hook", kind="apprise", secret_env=None)
        written.flip("a", "firing")
        courier.step()
    assert [each.split("?")[0].rstrip("/") for each in proxy.asked] == [f"POST {AWAY}"]
