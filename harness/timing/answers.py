"""Answers to several questions: each alone, and all together."""

from __future__ import annotations

from dataclasses import dataclass

from harness.timing.prediction import Prediction, predict
from harness.timing.subject import Subject
from harness.timing.whatif import asked

TOGETHER = "all together"


@dataclass(frozen=True)
class Answer:
    """What one question changes.

    Attributes:
        question: As it was asked, or that all were.
        prediction: The times of the changed network.
    """

    question: str
    prediction: Prediction


def answers(subject: Subject, questions: tuple[str, ...], now: Prediction) -> tuple[Answer, ...]:
    """Return an answer a question, and one for all of them if there are several.

    Raises:
        UsageError: A question cannot be read, or does not fit the network.
    """
    found = [Answer(one, _again(asked(subject, one), now)) for one in questions]
    if len(questions) > 1:
        for one in questions:
            subject = asked(subject, one)
        found.append(Answer(TOGETHER, _again(subject, now)))
    return tuple(found)


def _again(subject: Subject, now: Prediction) -> Prediction:
    return predict(subject.network, now.clocks, now.board, now.law)
