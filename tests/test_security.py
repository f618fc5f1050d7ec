"""The settings for a secured cluster: what contradicts itself is refused, and no secret shows."""

import os
import pickle
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import InputError
from pipeline.security import OPEN, Security
from pipeline.settings import Settings
from tests.certificates import Authority
from tests.command import firsthand, one_line

SECRET = "never-to-be-seen"  # noqa: S105 - a test's own
LOGIN = {"mechanism": "PLAIN", "username": "ann", "password": SecretStr(SECRET)}


@pytest.mark.parametrize(
    ("protocol", "options", "named"),
    [
        ("PLAINTEXT", LOGIN, "FIRSTHAND_KAFKA_SASL_MECHANISM is set"),
        ("SSL", {"username": "ann"}, "FIRSTHAND_KAFKA_USERNAME is set"),
        ("PLAINTEXT", {"ca_file": Path("ca.pem")}, "FIRSTHAND_KAFKA_CA_FILE is set"),
        ("SASL_SSL", LOGIN | {"password": None}, "FIRSTHAND_KAFKA_PASSWORD is not set"),
        ("SASL_PLAINTEXT", LOGIN | {"mechanism": None}, "FIRSTHAND_KAFKA_SASL_MECHANISM is not set"),
        ("SSL", {"key_file": Path("key.pem")}, "FIRSTHAND_KAFKA_CERTIFICATE_FILE is not set"),
    ],
)
def test_what_contradicts_itself_is_refused_by_the_name_of_its_setting(protocol, options, named):
    with pytest.raises(InputError, match=named):
        Security(protocol, **options)


def test_by_default_there_is_nothing_to_say():
    assert Settings().security == OPEN
    assert OPEN.options == {"security_protocol": "PLAINTEXT"}


def test_secrets_show_neither_in_the_settings_nor_in_what_is_made_of_them(monkeypatch):
    monkeypatch.setenv("FIRSTHAND_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("FIRSTHAND_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("FIRSTHAND_KAFKA_USERNAME", "ann")
    monkeypatch.setenv("FIRSTHAND_KAFKA_PASSWORD", SECRET)
    at = Settings()
    assert SECRET not in f"{at!r} {at} {at.security!r} {at.security} {at.model_dump_json()}"
    assert at.security.options["sasl_plain_password"] == SECRET
    assert pickle.loads(pickle.dumps(at.security)) == at.security  # noqa: S301 - our own


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for authority in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(InputError, match=r"FIRSTHAND_KAFKA_CA_FILE: .* cannot be used"):
            _ = Security("SSL", ca_file=authority).context


@pytest.mark.parametrize("password", [None, SecretStr("wrong")])
def test_a_locked_key_without_its_password_is_refused_and_nobody_is_asked_for_it(tmp_path, password):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("client", password=SECRET)
    locked = Security("SSL", authority.file, certificate, key, password)
    with pytest.raises(InputError, match="FIRSTHAND_KAFKA_KEY_FILE cannot be used"):
        _ = locked.context


def test_a_wrong_setting_is_one_line_of_the_command(tmp_path):
    env = os.environ | {"FIRSTHAND_KAFKA_SECURITY_PROTOCOL": "TLS", "FIRSTHAND_KAFKA_PASSWORD": SECRET}
    words = ("simulate", "--events", 1, "--seed", 1, "--kafka", "127.0.0.1:1")
    said = one_line(firsthand(*words, cwd=tmp_path, env=env))
    assert said.startswith("FIRSTHAND_KAFKA_SECURITY_PROTOCOL: ")
    assert SECRET not in said
