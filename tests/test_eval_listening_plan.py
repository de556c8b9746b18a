"""Planning of listening tests: what is played, in which order, under which names."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import yaml
from scipy.signal import welch
from scipy.stats import binom, binomtest
from tiny_listening import QUALITY, RATE, items, plan_of, small, written_test

from data.errors import InputError
from data.files.audio import read
from eval.listening.design import Item
from eval.listening.kinds import ANCHORS, KINDS, RECORDING
from eval.listening.plan import NoTest, plan_test
from eval.listening.power import ASSUMED, Assumption, choices_needed, listeners_for, listeners_needed, more_ratings
from eval.listening.stimuli import anchors, damaged, equally_loud, faded
from eval.listening.webmushra import SUPPORTED, write_webmushra
from eval.listening.write import KEY, PAGE, read_plan, write_test
from eval.report.excerpts import level_of

EVERY = pytest.mark.parametrize("kind", KINDS)
TRIALS = {"mos": 16, "nmos": 16, "smos": 12, "ab": 12, "abx": 12, "mushra": 4}  # of four items, three systems


@EVERY
def test_every_system_of_every_item_is_rated_once_in_every_form(kind):
    plan, _ = plan_of(kind)
    checks = 0 if kind == "mushra" else 2
    for form in plan.forms:
        assert len(form) == len({name for name, _ in form}) == TRIALS[kind] + checks
        for name, order in form:
            assert sorted(order) == sorted(plan.trials[name].sounds)


@EVERY
def test_over_a_pair_of_forms_every_trial_stands_in_the_middle_and_every_sound_is_first_as_often_as_last(kind):
    plan, _ = plan_of(kind)
    for one, two in zip(plan.forms[::2], plan.forms[1::2], strict=True):
        assert [(name, order[::-1]) for name, order in reversed(one)] == two
    assert len({json.dumps(form) for form in plan.forms}) == len(plan.forms)


def test_two_sounds_of_an_item_never_follow_each_other():
    plan, _ = plan_of("mos")
    for form in plan.forms:
        rated = [plan.sounds[order[0]] for _, order in form]
        assert all(one.item != two.item for one, two in pairwise(one for one in rated if one.role == "system"))


def test_many_trials_are_shared_out_by_items_and_each_listener_rates_every_system_as_often():
    plan, _ = plan_of("mos", 6, most_trials=12, checks=1)
    seen = Counter(name for form in plan.forms for name, _ in form)
    assert {len(form) for form in plan.forms} == {13}
    assert len({count for name, count in seen.items() if plan.trials[name].check is None}) == 1
    for form in plan.forms:
        systems = Counter(plan.sounds[order[0]].system for name, order in form if plan.trials[name].check is None)
        assert set(systems.values()) == {3}


@EVERY
def test_ids_tell_nothing_and_are_the_same_again(kind):
    plan, waves = plan_of(kind)
    again, same = plan_of(kind)
    assert plan == again
    assert all(np.array_equal(wave, same[name]) for name, wave in waves.items())
    told = " ".join([plan.test, *plan.sounds, *plan.trials])
    assert not any(word in told for word in ("item", RECORDING, *QUALITY))
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in (*plan.sounds, *plan.trials))


def test_other_sounds_have_other_ids():
    changed = items()
    changed[0].sounds["bad"][100] += 1e-4  # type: ignore[index]
    plan, _ = plan_test(changed, small("mos"), RATE, "separation", {})
    assert not set(plan.sounds) & set(plan_of("mos")[0].sounds)


def test_what_is_compared_is_equally_loud_and_never_clips():
    for kind in KINDS:
        plan, waves = plan_of(kind)
        for item in {one.item for one in plan.sounds.values()}:
            mine = [waves[name] for name, one in plan.sounds.items() if one.item == item and one.role != "check"]
            levels = [level_of(one, RATE) for one in mine]
            assert max(levels) - min(levels) < 0.05
            assert max(np.abs(one).max() for one in mine) < 0.892


def test_loudness_is_limited_by_full_scale_and_by_the_largest_gain():
    time = np.arange(RATE)[:, None] / RATE
    tone = np.sin(2 * np.pi * 997 * time).astype(np.float32)
    click = np.float32(0.05) * tone
    click[RATE // 2] = 1.0
    found = equally_loud({"tone": 0.1 * tone, "click": click, "silence": 0 * tone}, RATE)
    assert np.abs(found["click"].wave).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    assert level_of(found["tone"].wave, RATE) == pytest.approx(level_of(found["click"].wave, RATE), abs=0.01)
    assert not found["silence"].wave.any()
    assert equally_loud({"faint": np.float32(1e-3) * tone}, RATE)["faint"].gain == 20


def test_fades_begin_and_end_in_silence_and_keep_the_middle():
    wave = np.ones((1600, 1), np.float32)
    shaped = faded(wave, RATE)[:, 0]
    assert shaped[0] < 1e-4
    assert shaped[-1] < 1e-4
    assert (shaped[160:-160] == 1).all()
    assert (np.diff(shaped[:160]) > 0).all()
    assert faded(np.ones((3, 1), np.float32), RATE).shape == (3, 1)


@pytest.mark.parametrize(("rate", "there"), [(44_100, 2), (16_000, 2), (14_000, 1), (8_000, 1), (7_000, 0)])
def test_anchors_pass_what_is_below_their_cut_off_and_nothing_half_a_kilohertz_above(rate, there):
    noise = np.random.default_rng(0).standard_normal((4 * rate, 1)).astype(np.float32)
    made = anchors(noise, rate)
    assert list(made) == list(ANCHORS)[:there]
    for name, wave in made.items():
        at, power = welch(wave[:, 0], rate, nperseg=1024)
        level = 10 * np.log10(power / welch(noise[:, 0], rate, nperseg=1024)[1])
        assert np.abs(level[(at > 50) & (at < ANCHORS[name] - 100)]).max() < 0.2
        assert level[at > ANCHORS[name] + 600].max(initial=-99) < -50


def test_noise_of_a_check_follows_the_sound():
    wave = np.concatenate([np.zeros((500, 1)), np.ones((500, 1))]).astype(np.float32)
    noisy = damaged(wave, 0.0, seed=1)
    assert not noisy[:500].any()
    assert np.std(noisy[500:] - 1) == pytest.approx(1, rel=0.1)


def test_a_reference_of_another_length_does_not_decide_where_the_systems_are_cut():
    time = np.arange(4 * RATE)[:, None] / RATE
    source = (0.1 * np.sin(2 * np.pi * 220 * time) * (time < 1)).astype(np.float32)  # sings in its first second
    target = np.zeros((10 * RATE, 1), np.float32)
    target[8 * RATE : 9 * RATE] = source[:RATE]
    plan, waves = plan_test(
        [Item("a", {"copy_source": source, "x": 0.5 * source}, target)], small("smos"), RATE, "c", {}
    )
    assert all(np.abs(waves[name]).max() > 0.01 for name in plan.sounds)


def test_one_item_of_many_trials_is_heard_whole_by_everybody():
    plan, _ = plan_of("mos", 1, most_trials=2)
    assert {len(form) for form in plan.forms} == {5}


def test_too_many_systems_for_one_page_are_refused():
    first = items(1)[0]
    many = Item("a", {f"system {number}": first.reference for number in range(13)}, first.reference)
    with pytest.raises(NoTest, match="of 13 systems"):
        plan_test([many], small("mushra"), RATE, "separation", {})


def test_a_test_without_anything_to_compare_is_refused():
    alone = [one.__class__(one.name, {RECORDING: one.reference}, one.reference) for one in items()]
    for kind in ("smos", "ab", "mushra"):
        with pytest.raises(ValueError, match="of 0 systems"):
            plan_test(alone, small(kind), RATE, "separation", {})
    with pytest.raises(ValueError, match="0 items"):
        plan_test([], small("mos"), RATE, "separation", {})


@EVERY
def test_the_key_is_read_as_it_was_written_and_no_page_tells_it(tmp_path, kind):
    plan = written_test(tmp_path, kind)
    assert read_plan(tmp_path / KEY) == plan
    public = "".join(one.read_text(errors="ignore") for one in (tmp_path / "public").rglob("*") if one.is_file())
    assert not any(word in public for word in ("item 0", "noisy", "clean", "anchor 3.5", "damaged", "0123456789ab"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda key: key.pop("forms"),
        lambda key: key.update(schema=9),
        lambda key: key.update(kind="taste"),
        lambda key: key["trials"].popitem(),
        lambda key: key["sounds"].popitem(),
        lambda key: key.update(forms=[[1, 2]]),
    ],
)
def test_a_damaged_key_is_named(tmp_path, damage):
    written_test(tmp_path, "mos")
    key = json.loads((tmp_path / KEY).read_text())
    del key["checksum"]  # as a key of an earlier version, or one that was written by hand
    damage(key)
    (tmp_path / KEY).write_text(json.dumps(key))
    with pytest.raises(InputError, match=r"key\.json: no key of a listening test"):
        read_plan(tmp_path / KEY)


@pytest.mark.parametrize("kind", SUPPORTED)
def test_webmushra_has_every_trial_and_every_file(tmp_path, kind):
    plan, waves = plan_of(kind)
    made = yaml.safe_load(write_webmushra(tmp_path, plan, waves).read_text())
    assert made["testId"] == f"tessitura-{plan.test}"
    start, *pages = made["pages"][1]
    assert start == "random"
    assert [one["id"] for one in pages] == list(plan.trials)
    for page in pages:
        named = [*page["stimuli"].values(), *([page["reference"]] if "reference" in page else [])]
        assert all(read(tmp_path / one).sample_rate == RATE for one in named)
        assert "reference" not in page or page["reference"] not in page["stimuli"].values()


def test_webmushra_gets_no_rate_at_which_it_crashes(tmp_path):
    plan, waves = plan_test(items(2, rate=96_000), small("mos"), 96_000, "separation", {})
    write_webmushra(tmp_path, plan, waves)
    assert {read(one).sample_rate for one in tmp_path.rglob("*.wav")} == {48_000}


def test_proposed_listeners_decide_the_difference_in_eight_of_ten_simulated_tests():
    assumed, draw, found = Assumption(0.3, 0.4, 0.8), np.random.default_rng(0), []
    count = listeners_needed(assumed, 20)
    for _ in range(1000):
        differences = 0.3 + 0.4 * draw.standard_normal(count) + 0.8 * (2 / 20) ** 0.5 * draw.standard_normal(count)
        found.append(abs(differences.mean()) > 1.96 * differences.std(ddof=1) / count**0.5)
    assert 0.77 < np.mean(found) < 0.86


def test_choices_needed_by_an_exact_binomial_test():
    count = choices_needed(0.6)
    rejected = [one for one in range(count + 1) if binomtest(one, count, 0.5).pvalue <= 0.05]
    assert 0.8 <= binom.pmf(rejected, count, 0.6).sum() < 0.85
    assert choices_needed(0.9) < choices_needed(0.7) < count


@EVERY
def test_the_instructions_tell_how_many_listeners(tmp_path, kind):
    plan, waves = plan_of(kind)
    made = write_test(tmp_path, plan, waves)
    told = (tmp_path / "README.txt").read_text()
    assert made.listeners == listeners_for(plan).listeners >= 2
    assert f"{made.listeners} listeners decide" in told
    assert made.decided in told
    assert made.trials == len(plan.forms[0])
    assert (tmp_path / PAGE).stat().st_size == pytest.approx(made.megabytes * 1e6, abs=5001)


def test_more_items_need_fewer_listeners():
    assert listeners_needed(ASSUMED["mos"], 5) > listeners_needed(ASSUMED["mos"], 50)


def test_more_ratings_until_a_difference_is_decided():
    assert more_ratings(0.2, -0.2, 0.5, 100) == 300
    assert more_ratings(-0.2, -0.3, 0.2, 100) == 300
    assert more_ratings(-0.2, -0.3, -0.1, 100) == 0
    assert more_ratings(0.3, -0.01, 0.5, 10) > 0  # a lopsided interval that holds 0 is not decided
    assert more_ratings(0.0, -0.1, 0.1, 100) == np.inf
    assert np.isnan(more_ratings(0.1, np.nan, np.nan, 100))
