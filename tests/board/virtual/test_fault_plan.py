"""Faults by a seed: where they strike, and that this is always the same."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.board.virtual.fault_plan import ANY, KINDS, KPU_CODES, Fault, Schedule, parse
from harness.board.virtual.troubles import Troubles
from harness.errors import UsageError

FAULTS = st.builds(
    Fault,
    kind=st.sampled_from(("lose", "garble")),
    seed=st.integers(0, 1000),
    every=st.integers(1, 300),
    most=st.integers(0, 5),
)


def cut(data: bytes, sizes: list[int]):
    """Yield data in pieces of these sizes, in turn."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


@given(FAULTS, st.binary(max_size=2000), st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_damage_does_not_depend_on_how_bytes_are_cut(fault, data, sizes):
    whole = Troubles([fault]).passing("in", data) if data else b""
    pieces = Troubles([fault])
    assert b"".join(pieces.passing("in", piece) for piece in cut(data, sizes)) == whole


@given(FAULTS, st.integers(0, 4000))
def test_one_strike_falls_into_each_stretch(fault, length):
    strikes = Schedule(fault, "in").due(0, length)
    whole = length // fault.every
    most = fault.most or length + 1
    assert min(whole, most) <= len(strikes) <= min(whole + 1, most)
    assert [strike.at // fault.every for strike in strikes] == list(range(len(strikes)))


@given(FAULTS, st.binary(min_size=1, max_size=2000))
def test_the_same_seed_gives_the_same_faults(fault, data):
    assert Troubles([fault]).passing("out", data) == Troubles([fault]).passing("out", data)


@given(st.integers(1, 100), st.binary(min_size=1, max_size=1000))
def test_lost_bytes_are_missing_and_garbled_ones_are_others(every, data):
    lost = Troubles([Fault("lose", every=every)]).passing("in", data)
    assert len(data) - len(lost) == len(
        Schedule(Fault("lose", every=every), "in").due(0, len(data))
    )
    garbled = Troubles([Fault("garble", every=every)]).passing("in", data)
    changed = sum(old != new for old, new in zip(data, garbled, strict=True))
    assert changed == len(Schedule(Fault("garble", every=every), "in").due(0, len(data)))


def test_seeds_and_directions_differ():
    data = bytes(5000)
    damaged = {
        Troubles([Fault("garble", seed=seed)]).passing(way, data)
        for seed in range(4)
        for way in ("in", "out")
    }
    assert len(damaged) == 8


@given(st.integers(0, 10_000))
def test_any_draws_what_a_run_survives(seed):
    strikes = Schedule(Fault("any", seed=seed, every=10, unit="runs"), "runs").due(0, 200)
    assert len(strikes) == 20
    assert {strike.kind for strike in strikes} <= set(ANY)
    assert {strike.code for strike in strikes} <= set(KPU_CODES)


@given(
    st.builds(
        Fault,
        kind=st.sampled_from(KINDS),
        seed=st.integers(0, 10**6),
        every=st.integers(1, 10**6),
        unit=st.just("runs"),
        after=st.integers(0, 10**6),
        most=st.integers(0, 100),
        seconds=st.integers(0, 600).map(float),
        code=st.sampled_from((0, *KPU_CODES)),
        system=st.sampled_from(("sd", "flash")),
        free=st.integers(0, 10**6),
    )
)
def test_a_fault_reads_back_from_its_own_text(fault):
    assert parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fire", "no fault 'fire'"),
        ("lose:colour=red", "no option 'colour'"),
        ("lose:every=often", "is no number"),
        ("lose:every=0", "every=0"),
        ("stall:seconds=1e9", "seconds"),
        ("kpu:code=1999", "code=1999"),
        ("kpu:unit=bytes", "unit=bytes"),
        ("full:system=ram", "system=ram"),
        ("reset:unit=days", "unit=days"),
    ],
)
def test_what_is_no_fault_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        parse(text)
