"""All rewrites, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.compiler.legalise.activation import ACTIVATION
from harness.compiler.legalise.bilinear import BILINEAR
from harness.compiler.legalise.crop import CROP
from harness.compiler.legalise.grouped import GROUPED
from harness.compiler.legalise.normalisation import NORMALISATION
from harness.compiler.legalise.pooling import POOLING
from harness.compiler.legalise.prelu import PRELU
from harness.compiler.legalise.rewrite import Rewrite
from harness.compiler.legalise.transposed import TRANSPOSED
from harness.compiler.legalise.wide import WIDE
from harness.errors import UsageError

# Normalisations come first: folded ones look at calibration images by the names of tensors as
# they came. What was grouped may be wide. Activations come behind what makes shuffles and crops,
# and crops last.
REWRITES: tuple[Rewrite, ...] = (
    NORMALISATION,
    TRANSPOSED,
    GROUPED,
    WIDE,
    BILINEAR,
    PRELU,
    POOLING,
    ACTIVATION,
    CROP,
)


def modes_of(requests: Mapping[str, str]) -> dict[str, str]:
    """Return the mode of every rewrite: as requested, else its default.

    Raises:
        UsageError: There is no such rewrite, or it has no such mode.
    """
    known = {rewrite.name: rewrite for rewrite in REWRITES}
    for name, mode in requests.items():
        if name not in known:
            raise UsageError(f"there is no rewrite {name!r}", f"choose from: {', '.join(known)}")
        if mode not in known[name].modes:
            raise UsageError(
                f"rewrite {name} has no mode {mode!r}",
                f"choose from: {', '.join(known[name].modes)}",
            )
    return {rewrite.name: requests.get(rewrite.name, rewrite.default) for rewrite in REWRITES}


def parse_requests(texts: Sequence[str]) -> dict[str, str]:
    """Turn `["norm=fold"]` into `{"norm": "fold"}`, checked.

    Raises:
        UsageError: A text has no `=`, or names what does not exist.
    """
    for text in texts:
        if "=" not in text:
            raise UsageError(f"--legalise {text!r} has no mode", "write it as NAME=MODE")
    requests = dict(text.split("=", 1) for text in texts)
    modes_of(requests)
    return requests
