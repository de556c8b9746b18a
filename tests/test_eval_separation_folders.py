"""Anybody's folders: paired by name whatever the names, and refused by name where they do not fit."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.errors import InputError
from data.files.audio import UnreadableAudio
from eval.metrics.sdr import score_track
from eval.metrics.speaker import SpeakerEncoder
from eval.separation.folders import score_folders

RATE = 2000
STEMS = ("bass", "drums", "other", "vocals")


def sound(seed: int, length: int = 2100, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, (length, channels)).astype(np.float32)


def write(folder: Path, **sources: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, wave in sources.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")
    return folder


@pytest.fixture
def folders(tmp_path):
    """One song of four stems, and an estimate of its vocals."""
    write(tmp_path / "true" / "A - One", **{name: sound(one) for one, name in enumerate(STEMS)}, mixture=sound(9))
    write(tmp_path / "made" / "A - One", vocals=sound(3) + 0.1 * sound(5))
    return tmp_path / "true", tmp_path / "made"


def values(scores, sources: str) -> dict[tuple[str, str], float]:
    rows = scores.summary[scores.summary["sources"] == sources]
    return dict(zip(zip(rows["source"], rows["metric"], strict=True), rows["value"], strict=True))


def test_names_pair_whatever_they_are(tmp_path):
    names = [
        "M.E.R.C. Music - Knockout",
        "Jokers, Jacks & Kings - Sea",
        "It's - 'Mine'",
        "Sigur Rós - Söngur",
        " x  y ",
    ]
    for number, name in enumerate(names):
        write(tmp_path / "true" / unicodedata.normalize("NFC", name), **{"vocals": sound(number), "gítar": sound(20)})
    for number, name in reversed(list(enumerate(names))):  # made in another order, decomposed, as macOS lists them
        decomposed = unicodedata.normalize("NFD", "gítar")
        write(tmp_path / "made" / unicodedata.normalize("NFD", name), vocals=sound(number), **{decomposed: sound(20)})
    assert len(list((tmp_path / "made").iterdir())) == len(names)
    found = score_folders(tmp_path / "true", tmp_path / "made").summary
    assert set(found["track"]) == set(names)
    assert (found.loc[found["metric"] == "SI-SDR", "value"] > 250).all()
    assert set(found["sources"]) == {"gítar+vocals"}


def test_vocals_alone_are_judged_beside_the_accompaniment(folders):
    found = score_folders(*folders)
    rest, vocals, made = sum(sound(one) for one in range(3)), sound(3), sound(3) + 0.1 * sound(5)
    references = {"vocals": vocals, "accompaniment": rest}
    expected = score_track(references, {"vocals": made, "accompaniment": rest + vocals - made}, RATE)
    for key, value in values(expected, "accompaniment+vocals").items():
        assert values(found, "accompaniment+vocals")[key] == pytest.approx(value, abs=1e-3), key
    assert set(found.summary["sources"]) == {"accompaniment+vocals"}


def test_an_accompaniment_that_is_there_is_taken_instead_of_a_sum(folders):
    write(folders[0] / "A - One", accompaniment=2 * sound(7))
    write(folders[1] / "A - One", accompaniment=sound(7))
    found = values(score_folders(*folders), "accompaniment+vocals")
    assert found["accompaniment", "uSDR"] == pytest.approx(20 * np.log10(2), abs=1e-3)


def test_stems_are_one_set_and_an_accompaniment_beside_them_makes_two(folders):
    write(folders[1] / "A - One", **{name: sound(one) / 2 for one, name in enumerate(STEMS)})
    found = score_folders(*folders)
    assert set(found.summary["sources"]) == {"bass+drums+other+vocals"}
    assert values(found, "bass+drums+other+vocals")["drums", "cSDR"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    write(folders[1] / "A - One", accompaniment=sum(sound(one) for one in range(3)) / 2)
    found = score_folders(*folders)
    assert set(found.summary["sources"]) == {"bass+drums+other+vocals", "accompaniment+vocals"}
    assert values(found, "accompaniment+vocals")["accompaniment", "uSDR"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert (found.summary["reciprocal_condition"] > 1e-9).all()


def test_vocals_without_any_other_reference_have_no_interference(tmp_path):
    write(tmp_path / "true" / "A", vocals=sound(0), mixture=sound(8), linear_mixture=sound(9))
    write(tmp_path / "made" / "A", vocals=sound(1))
    encoder = SpeakerEncoder("level", lambda wave: np.array([np.abs(wave).mean(), 1.0]))
    found = values(score_folders(tmp_path / "true", tmp_path / "made", voice=encoder), "vocals")
    assert np.isnan(found["vocals", "cSIR"])
    assert np.isfinite(found["vocals", "cSAR"])
    assert 0.9 < found["vocals", "voice similarity"] <= 1


def test_floating_point_is_neither_rounded_nor_clipped(tmp_path):
    loud, quiet = 10 * sound(0), 1e-6 * sound(1)
    write(tmp_path / "true" / "A", loud=loud, quiet=quiet)
    write(tmp_path / "made" / "A", loud=loud / 2, quiet=quiet / 2)
    found = values(score_folders(tmp_path / "true", tmp_path / "made"), "loud+quiet")
    for source in ("loud", "quiet"):
        assert found[source, "cSDR"] == pytest.approx(20 * np.log10(2), abs=1e-3)


def test_a_source_that_is_silent_all_along_is_counted(folders):
    write(folders[0] / "A - One", vocals=sound(0) * 0)
    rows = score_folders(*folders).summary.set_index(["source", "metric"])
    assert rows.loc["vocals", "value"].isna().all()
    assert rows.loc[("vocals", "cSDR"), ["frames", "undefined"]].tolist() == [1, 1]
    assert np.isfinite(rows.loc[("accompaniment", "uSDR"), "value"])


@pytest.mark.parametrize(
    ("wave", "rate", "said"),
    [
        (sound(0, 2099), RATE, "2099, 1, 2000"),
        (sound(0, 2100, 2), RATE, "2100, 2, 2000"),
        (sound(0), RATE + 1, "2100, 1, 2001"),
    ],
)
def test_sound_that_does_not_fit_is_named_before_anything_is_judged(folders, wave, rate, said):
    write(folders[0] / "B", vocals=sound(0), bass=sound(1))
    (folders[1] / "B").mkdir()
    soundfile.write(folders[1] / "B" / "vocals.wav", wave, rate)
    told = []
    expected = rf"made/B/vocals.wav: .* is \({said}\), but \(2100, 1, 2000\) in .*true/B/bass.wav; make it fit"
    with pytest.raises(InputError, match=expected):
        score_folders(*folders, told.append)
    assert not told


def test_tracks_without_a_partner_are_named(folders):
    write(folders[0] / "B", vocals=sound(0))
    with pytest.raises(InputError, match=r"made: no estimates of 1 tracks \(B\) among those of A - One; add them"):
        score_folders(*folders)
    write(folders[1] / "B", vocals=sound(0))
    write(folders[1] / "C", vocals=sound(0))
    with pytest.raises(InputError, match=r"true: no references of 1 tracks \(C\); add them"):
        score_folders(*folders)


def test_sources_must_be_those_of_the_references_and_the_same_everywhere(folders):
    write(folders[1] / "A - One", piano=sound(0))
    with pytest.raises(InputError, match=r"piano.wav: there is no reference of piano, only of bass, drums"):
        score_folders(*folders)
    (folders[1] / "A - One" / "piano.wav").unlink()
    write(folders[0] / "B", vocals=sound(0), bass=sound(1))
    write(folders[1] / "B", vocals=sound(0), bass=sound(1))
    with pytest.raises(InputError, match=r"B would be judged as bass\+vocals, A - One as accompaniment\+vocals"):
        score_folders(*folders)


def test_an_accompaniment_has_no_reference_where_only_the_vocals_have(tmp_path):
    write(tmp_path / "true" / "A", vocals=sound(0))
    write(tmp_path / "made" / "A", vocals=sound(0), accompaniment=sound(1))
    with pytest.raises(InputError, match="there is no reference of accompaniment, only of vocals"):
        score_folders(tmp_path / "true", tmp_path / "made")


def test_two_files_of_one_name_are_refused_and_hidden_ones_passed_over(folders):
    (folders[1] / "A - One" / "._vocals.wav").write_bytes(b"left by a file manager")
    (folders[1] / ".cache").mkdir()
    score_folders(*folders)
    soundfile.write(folders[1] / "A - One" / "vocals.flac", sound(0), RATE)
    with pytest.raises(InputError, match=r"vocals\.flac is the vocals of A - One too; remove one"):
        score_folders(*folders)


def test_damaged_and_missing_sound_says_so(tmp_path, folders):
    path = folders[1] / "A - One" / "vocals.wav"
    broken = sound(3)
    broken[7] = np.nan
    soundfile.write(path, broken, RATE, subtype="FLOAT")
    with pytest.raises(UnreadableAudio, match=r"vocals.wav: 1 samples are NaN or infinite"):
        score_folders(*folders)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UnreadableAudio, match=r"vocals.wav: .*truncated"):
        score_folders(*folders)
    path.unlink()
    with pytest.raises(InputError, match=r"made: no tracks inside; expected <track>"):
        score_folders(*folders)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        score_folders(tmp_path / "nowhere", folders[1])


def test_a_track_too_short_to_judge_is_named(tmp_path):
    for folder in ("true", "made"):
        write(tmp_path / folder / "Jingle", vocals=sound(0, 900))
    with pytest.raises(InputError, match="Jingle: cannot be judged: waveforms of 900 samples; at least 1025"):
        score_folders(tmp_path / "true", tmp_path / "made")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"vocals": "A - One/vocals", "accompaniment": "A - One/no_vocals"}, "no_vocals is taken for accompaniment"),
        ({"vocals": "A - One/vocals", "accompaniment": "A - One/instrumental"}, "instrumental is taken for"),
        (
            {"vocals": "htdemucs/A - One/vocals", "accompaniment": "htdemucs/A - One/no_vocals"},
            "the tracks are those below htdemucs",
        ),
        (
            {"vocals": "1_A - One_(Vocals)", "accompaniment": "1_A - One_(Instrumental)"},
            "1_A - One is taken for A - One",
        ),
        (
            {"vocals": "A - One_(Vocals)_model_x", "accompaniment": "A - One_(Instrumental)_model_x"},
            "Instrumental is taken for accompaniment",
        ),
        ({"vocals": "A - One_vocals", "accompaniment": "A - One_instrumental"}, "instrumental is taken for"),
    ],
)
def test_layouts_of_separators_are_understood_and_told(folders, tmp_path, names, told):
    made = {"vocals": sound(3) + 0.1 * sound(5), "accompaniment": sound(7)}
    plain = score_folders(folders[0], write(tmp_path / "plain" / "A - One", **made).parent)
    for source, name in names.items():
        path = tmp_path / "other" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, made[source], RATE, subtype="FLOAT")
    said: list[str] = []
    found = score_folders(folders[0], tmp_path / "other", tell=said.append)
    assert any(told in one for one in said)
    assert found.summary.equals(plain.summary)


def test_what_to_call_the_files_is_told(folders, tmp_path):
    for model in ("htdemucs", "mdx"):
        write(tmp_path / "several" / model / "A - One", vocals=sound(3))
    with pytest.raises(InputError, match=r"no tracks inside \(or one of its folders: htdemucs, mdx\); expected"):
        score_folders(folders[0], tmp_path / "several")
    write(folders[1] / "A - One", no_vocals=sound(1), instrumental=sound(2))
    with pytest.raises(InputError, match=r"is the accompaniment of A - One too; remove one"):
        score_folders(*folders)


def test_a_reference_from_a_pipe_is_compared_by_its_true_length(folders):
    path = folders[0] / "A - One" / "bass.wav"
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = b"\xff" * 4
    before = score_folders(*folders)
    path.write_bytes(content)
    assert score_folders(*folders).summary.equals(before.summary)
