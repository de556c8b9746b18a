"""Places where Dagster's database cannot lie are refused in one line."""

import pytest

from data.errors import InputError
from pipelines.settings import Settings


def test_a_question_mark_in_the_home_is_refused(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "what?"))
    with pytest.raises(InputError, match=r'DAGSTER_HOME=.*a folder with "\?" in its name; name another'):
        _ = settings.dagster_home
    monkeypatch.setenv("TESSITURA_HOME", str(tmp_path / "what?"))
    with pytest.raises(InputError, match=r'TESSITURA_HOME=.*a folder with "\?" in its name; name another'):
        Settings.read()
