"""The rules file: what is right is read as it is meant, what is wrong is told with its line."""

import json
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.alerting.rules import Change, Rules
from pipeline.alerting.rules_file import MOST_TOLD, read_rules, rules_schema
from pipeline.errors import InputError
from schemas import FOLDER

DEFAULT = Path(str(files("pipeline") / "alerting" / "default_rules.yaml"))
WRONG = yaml.safe_load(Path(__file__).with_name("wrong_rules.yaml").read_text(encoding="utf-8"))
KNOWN = Draft202012Validator(rules_schema())


def rules(tmp_path: Path, text: str) -> Rules:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    return read_rules(tmp_path / "rules.yaml")


def test_the_default_rules_are_rules_to_the_program_and_to_editors():
    found = read_rules(DEFAULT)
    assert {each.kind for each in found.rules} == {"change", "drop", "silence", "quality"}
    assert all(each.annotations["summary"] for each in found.rules)
    KNOWN.validate(yaml.safe_load(DEFAULT.read_text(encoding="utf-8")))


def test_the_schema_for_editors_is_that_of_the_program():
    assert json.loads((FOLDER / "alert-rules.schema.json").read_text(encoding="utf-8")) == rules_schema()


def test_every_word_of_a_rule_is_read(tmp_path):
    found = rules(
        tmp_path,
        """
rules:
  - name: waits
    kind: change
    metric: service_level
    by: channel
    members: [phone, chat]
    false_alarm_every: 90d
    fall: {to: 0.7}
    severity: info
    labels: {team: cx}
    annotations: {runbook: https://wiki.example/waits}
    for: 5m
    keep_firing_for: 1h
    notify: [log, ops]
  - {name: low, kind: threshold, metric: effort, span: 24h, below: 4.5}
  - {name: worse, kind: drop, metric: fcr_settled, span: 24h, by_more_than: 0.1}
  - {name: nobody, kind: silence, by: source, after: 2h}
  - {name: doubtful, kind: quality, suites: [metrics]}
notifiers:
  ops:
    kind: webhook
    url_env: OPS_URL
    secret_env: OPS_SECRET
    group_by: [rule, member]
    repeat_interval: 1d
    quiet_hours: {begin: "22:00", end: "06:30", zone: Europe/Berlin}
""",
    )
    waits = found.rules[0]
    assert isinstance(waits, Change)
    assert (waits.hold, waits.keep_firing_for, waits.members) == ("5m", "1h", ["phone", "chat"])
    assert (waits.fall.to, waits.fall.odds, waits.labels) == (0.7, None, {"team": "cx"})
    assert [each.kind for each in found.rules] == ["change", "threshold", "drop", "silence", "quality"]
    assert found.notifiers["ops"].quiet_hours.zone == "Europe/Berlin"


@pytest.mark.parametrize("wrong", WRONG, ids=[each["told"] for each in WRONG])
def test_a_mistake_is_told_in_one_line_with_the_line_that_it_is_in(tmp_path, wrong):
    with pytest.raises(InputError) as refused:
        rules(tmp_path, wrong["text"])
    told = str(refused.value)
    assert wrong["told"] in told
    assert told.startswith(str(tmp_path / "rules.yaml"))
    assert "\n" not in told


@pytest.mark.parametrize("wrong", WRONG, ids=[each["told"] for each in WRONG])
def test_editors_know_mistakes_that_take_one_field_to_see(wrong):
    with suppress(yaml.YAMLError):
        assert KNOWN.is_valid(yaml.safe_load(wrong["text"])) == (not wrong["editors"] and wrong["text"] != "")


def test_many_mistakes_are_told_at_once_and_not_all_of_hundreds(tmp_path):
    with pytest.raises(InputError, match=rf"line 2: .*line {MOST_TOLD + 1}: .*; and 95 more"):
        rules(tmp_path, "rules:\n" + "- {kind: silence}\n" * 100)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match="name a rules file"):
        read_rules(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"rules: [] # \xe9")
    with pytest.raises(InputError, match="is not in UTF-8"):
        read_rules(tmp_path / "latin.yaml")
