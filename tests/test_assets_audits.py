"""A check that fails says what is wrong in one line: the commonest reason, an item that has it, and what to change."""

from assets.audits import few_rejected

SETTING = "TESSITURA_MOST_BAD_TRACKS"


def test_the_commonest_reason_is_told_with_an_item_and_the_variable():
    said = "sources of different lengths"
    rejected = [(f"song-{number}", f"Song {number}: {said} (bass {number})") for number in range(9)]
    finding = few_rejected([("other", "Other: no bass.wav"), *rejected], 10, 0.1, SETTING)
    assert not finding.passed
    assert finding.advice == (
        "10 of 20 are in quarantine, 9 of them for a reason such as: song-0: Song 0: sources of different lengths "
        "(bass 0) (and 1 other kind of reason: metadata of the asset); mend them, or if that is acceptable, raise "
        f"{SETTING} from 0.1 to 0.5"
    )
    assert few_rejected(rejected[:1], 10, 0.1, SETTING).passed


def test_nothing_at_all_does_not_pass():
    assert not few_rejected([], 0, 0.1, SETTING).passed
    assert few_rejected([], 1, 0.1, SETTING).passed
