"""Bilinear resizing by half pixels → the name of it that nncase 1.9 knows.

ONNX has two names for centres at half a pixel, which differ for results of one line or column
only. PyTorch exports `half_pixel` today; nncase knows `pytorch_half_pixel` and takes the other
for `asymmetric`: the picture comes out shifted by up to half a pixel.
"""

from __future__ import annotations

import onnx
from onnx import helper

from harness.compiler.legalise.graph import attribute
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

_PLACES = "coordinate_transformation_mode"


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    after = context.graph.shape(node.output[0])
    if attribute(node, "mode", "nearest") != "linear" or len(after) != 4 or min(after[2:]) == 1:
        return None
    if attribute(node, _PLACES, "half_pixel") != "half_pixel":
        return None
    kept = [one for one in node.attribute if one.name != _PLACES]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(_PLACES, "pytorch_half_pixel")])
    return Change(
        becomes="the same under the name pytorch_half_pixel",
        why="nncase 1.9 takes half_pixel for asymmetric, and shifts the picture",
    )


BILINEAR = Rewrite(
    name="bilinear",
    op_types=frozenset({"Resize"}),
    title="bilinear resizing",
    modes={"rename": "under the name that nncase knows", OFF: "as it is; nncase errs"},
    default="rename",
    apply=_rewrite,
)
