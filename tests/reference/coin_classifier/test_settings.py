"""Options given as text."""

from __future__ import annotations

import pytest

from harness.errors import MethodError
from reference.coin_classifier.settings import Settings


def test_values_are_read_as_the_defaults_types():
    settings = Settings.parse({"width": "0.5", "size": "96", "patience": "12", "lr": "1e-3"})
    assert (settings.width, settings.size, settings.patience, settings.lr) == (0.5, 96, 12, 0.001)
    assert isinstance(settings.size, int)


def test_what_is_not_given_keeps_its_default():
    assert Settings.parse({}) == Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("width", "0.3"),
        ("width", "wide"),
        ("size", "100"),
        ("size", "128.5"),
        ("batch", "1"),
        ("lr", "0"),
        ("lr", "nan"),
        ("lr", "inf"),
        ("dropout", "-0.1"),
        ("patience", "-1"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_do(name, text):
    with pytest.raises(MethodError) as caught:
        Settings.parse({name: text})
    assert f"{name}={text}" in caught.value.cause
    assert name in caught.value.remedy


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(MethodError, match="no option 'widht'") as caught:
        Settings.parse({"widht": "0.5"})
    assert "width" in caught.value.remedy


def test_every_default_is_within_its_own_limits():
    texts = {name: str(default) for name, (default, _) in Settings.described().items()}
    assert Settings.parse(texts) == Settings()
