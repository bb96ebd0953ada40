"""The ladder's logic, with rungs and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.board.recovery.ladder import Ladder, State
from harness.errors import BoardError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Fake:
    """A rung that does what it was told, and takes its time."""

    clock: Clock
    name: str
    result: str
    takes: float = 1.0
    seconds: float = 10.0
    climbed: int = 0

    def climb(self):
        self.climbed += 1
        self.clock.now += self.takes
        if self.result == "error":
            raise BoardError(f"{self.name} broke")
        return self.result


RESULTS = st.sampled_from(["helped", "failed", "absent", "error"])


@given(st.lists(st.tuples(RESULTS, st.floats(0, 10)), max_size=8))
def test_a_climb_stops_at_the_first_rung_that_helps(plan):
    clock = Clock()
    rungs = [Fake(clock, f"r{n}", result, takes) for n, (result, takes) in enumerate(plan)]
    ladder = Ladder(rungs, clock)
    state = ladder.climb()
    results = [result for result, _ in plan]
    at = results.index("helped") if "helped" in results else len(plan)
    assert [rung.climbed for rung in rungs] == [int(n <= at) for n in range(len(plan))]
    assert state is (State.RECOVERED if at < len(plan) else State.EXHAUSTED)
    assert ladder.helped == (f"r{at}" if at < len(plan) else None)
    assert clock.now - 100.0 <= ladder.limit
    assert abs(sum(step.seconds for step in ladder.steps) - (clock.now - 100.0)) < 1e-6


@given(st.lists(RESULTS, min_size=1, max_size=6))
def test_an_error_is_a_failed_rung_that_says_why(results):
    clock = Clock()
    told = []
    ladder = Ladder([Fake(clock, f"r{n}", r) for n, r in enumerate(results)], clock, told.append)
    ladder.climb()
    assert told == ladder.steps
    for step, result in zip(ladder.steps, results, strict=False):
        assert step.result == ("failed" if result == "error" else result)
        assert step.said == (f"{step.rung} broke" if result == "error" else "")


class Climb(RuleBasedStateMachine):
    """Steps one by one, in any number, also after the end."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.results: list[str] = []
        self.rungs: list[Fake] = []
        self.ladder = None

    @precondition(lambda self: self.ladder is None)
    @rule(result=RESULTS)
    def add_rung(self, result):
        self.rungs.append(Fake(self.clock, f"r{len(self.rungs)}", result))
        self.results.append(result)

    @precondition(lambda self: self.ladder is None)
    @rule()
    def start(self):
        self.ladder = Ladder(self.rungs, self.clock)
        assert self.ladder.state is State.SILENT

    @precondition(lambda self: self.ladder is not None)
    @rule()
    def step(self):
        ended = self.ladder.state in (State.RECOVERED, State.EXHAUSTED)
        before = len(self.ladder.steps)
        state = self.ladder.step()
        assert len(self.ladder.steps) - before == int(not ended and bool(self.rungs))
        assert state is self.ladder.state

    @invariant()
    def state_is_what_the_steps_say(self):
        if self.ladder is None or self.ladder.state is State.SILENT:
            return
        done = self.results[: len(self.ladder.steps)]
        assert "helped" not in done[:-1]
        if done and done[-1] == "helped":
            assert self.ladder.state is State.RECOVERED
        elif len(done) == len(self.results):
            assert self.ladder.state is State.EXHAUSTED
        else:
            assert self.ladder.state is State.CLIMBING


TestClimb = Climb.TestCase
