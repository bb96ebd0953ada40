"""Checkpoints: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import safetensors.torch
import torch

from harness.errors import MethodError
from harness.method import Method
from reference import weights_file


class CheckpointBattery:
    """What every checkpoint keeps to.

    Attributes:
        method: What is tested.
        read: The method's `read_checkpoint`.
        build: Makes a checkpoint's networks.
        misread: Words of `trained` that are changed, so that its weights no longer fit.
    """

    method: ClassVar[Method]
    read: ClassVar[Any]
    build: ClassVar[Any]
    misread: ClassVar[list[dict[str, Any]]]

    def pytest_generate_tests(self, metafunc):
        if "wrong" in metafunc.fixturenames:
            metafunc.parametrize("wrong", self.misread, ids=str)

    @property
    def name(self):
        return self.method.info().name

    def test_what_is_read_is_written_again_to_the_byte(self, trained, tmp_path):
        self.read(trained).save(tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == trained.read_bytes()

    @pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
    def test_a_file_that_is_no_checkpoint_is_refused(self, tmp_path, content):
        path = tmp_path / "c.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(MethodError, match=r"c\.safetensors cannot be read as a checkpoint"):
            self.method.deployable(path)

    @pytest.mark.parametrize("words", [None, {"another": "{}"}])
    def test_a_checkpoint_of_another_method_is_refused(self, tmp_path, words):
        path = tmp_path / "c.safetensors"
        safetensors.torch.save_file({"a": torch.zeros(1)}, path, words)
        with pytest.raises(MethodError, match=f"is no checkpoint of {self.name}"):
            self.method.deployable(path)

    def test_weights_of_another_size_than_the_words_say_are_refused(self, trained, tmp_path, wrong):
        weights, words = weights_file.read(trained, self.name)
        weights_file.write(tmp_path / "c", self.name, weights, changed(words, wrong))
        with pytest.raises(MethodError, match="are not those of") as raised:
            self.build(self.read(tmp_path / "c"))
        assert "damaged or was put together by hand" in raised.value.remedy


def changed(words, change):
    """Return words with some changed, however deep they lie."""
    if not isinstance(change, dict):
        return change
    return words | {name: changed(words[name], value) for name, value in change.items()}
