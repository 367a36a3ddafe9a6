"""Environment variables that are set for a while."""

import os

import pytest

from core import environment


def test_variables_are_what_they_were_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTALK_TEST_OLD", "before")
    monkeypatch.delenv("REALTALK_TEST_NEW", raising=False)
    wanted = {"REALTALK_TEST_OLD": "now", "REALTALK_TEST_NEW": "now"}
    with pytest.raises(KeyError), environment.changed(wanted):
        assert {name: os.environ[name] for name in wanted} == wanted
        raise KeyError
    assert os.environ["REALTALK_TEST_OLD"] == "before"
    assert "REALTALK_TEST_NEW" not in os.environ


def test_a_copy_leaves_the_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTALK_TEST_OLD", "before")
    assert environment.copied(REALTALK_TEST_OLD="now")["REALTALK_TEST_OLD"] == "now"
    assert os.environ["REALTALK_TEST_OLD"] == "before"
