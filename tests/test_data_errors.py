"""Any error becomes one line: the outermost one that was written for a person, with the file and what to do."""

import errno
import itertools
import os
import re

import pytest

from data.errors import InputError, NotFiniteError, explain


def chained(*errors: BaseException) -> BaseException:
    """Return the first error, caused by the second, and so on."""
    for outer, inner in itertools.pairwise(errors):
        outer.__cause__ = inner
    return errors[0]


def test_the_outermost_error_for_a_person_is_told_and_not_its_cause(tmp_path):
    error = chained(
        RuntimeError("error occurred while executing op"),
        InputError("model: process 7 is making\nthis asset already; wait for it"),
        InputError("a detail"),
        BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    )
    assert explain(error, tmp_path / "errors.log") == "model: process 7 is making this asset already; wait for it"
    assert not (tmp_path / "errors.log").exists(), "nothing to look up"
    assert explain(chained(ValueError("x"), NotFiniteError("the loss is NaN; lower it"))) == "the loss is NaN; lower it"


def raised(work) -> BaseException:
    """Return the exception that a function raises."""
    with pytest.raises(Exception) as found:  # noqa: PT011
        work()
    return found.value


def test_what_was_being_handled_counts_unless_it_is_hidden():
    def work():
        try:
            raise InputError("a.wav: cut off")
        except InputError:
            {}["missing"]

    error = raised(work)
    assert explain(error) == "a.wav: cut off"
    error.__suppress_context__ = True
    assert explain(error) == "unexpected KeyError: 'missing'"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left on device; free space"),
        (errno.EACCES, "permission denied; give this user the permission"),
        (errno.ELOOP, "too many levels of symbolic links; remove the link"),
        (errno.EFBIG, "file too large; .*ulimit -f"),
    ],
)
def test_an_error_of_the_system_names_the_file_and_the_remedy(number, said):
    error = chained(RuntimeError("a step failed"), OSError(number, os.strerror(number), "/data/x.wav"))
    assert re.match(f"/data/x.wav: {said}", explain(error), re.IGNORECASE)


def test_a_rename_names_both_files():
    error = OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b")
    assert explain(error) == "/a to /b: invalid cross-device link"


def test_other_errors_leave_their_traceback_in_a_log_that_is_named(tmp_path):
    log = tmp_path / "home" / "errors.log"
    line = explain(raised(lambda: {}["missing"]), log)
    assert line == f"unexpected KeyError: 'missing' (traceback in {log})"
    assert "in raised" in log.read_text()
    assert explain(MemoryError(), log).startswith("the memory is full; end other programs")
    assert log.read_text().count("Error") >= 2


def test_a_log_that_cannot_be_written_is_not_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert explain(ValueError("x"), tmp_path / "file" / "errors.log") == "unexpected ValueError: x"
