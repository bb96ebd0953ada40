"""A method behind the interface of all methods."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

from harness.method import Method, Shipping, get


class InterfaceBattery:
    """What every method keeps to.

    Attributes:
        method: What is tested.
        settings: The class of its options.
        paper: Part of the paper's address.
        shape: Of the default input.
        ships: Whether it comes with weights for its own data.
    """

    method: ClassVar[Method]
    settings: ClassVar[Any]
    paper: ClassVar[str]
    shape: ClassVar[tuple[int, int, int]]
    ships: ClassVar[bool] = True

    def test_it_is_a_registered_method_with_weights(self):
        assert get(self.method.info().name) is self.method
        assert isinstance(self.method, Method)
        assert isinstance(self.method, Shipping) == self.ships

    def test_saying_what_it_is_needs_no_pytorch(self):
        package = f"reference.{self.method.info().name}"
        heavy = ("torch", "matplotlib", "PIL", "sklearn", "scipy", "av")
        code = (
            f"import sys; from {package} import METHOD; METHOD.info();"
            f"sys.exit(any(name in sys.modules for name in {heavy}))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_info_describes_the_paper_and_the_input(self):
        info = self.method.info()
        assert self.method.__module__ == f"reference.{info.name}.method"
        assert info.input.shape == self.shape
        assert self.paper in info.paper

    def test_every_default_is_within_its_own_limits(self):
        texts = {name: str(default) for name, (default, _) in self.method.info().options.items()}
        assert self.settings.parse(texts) == self.settings()
