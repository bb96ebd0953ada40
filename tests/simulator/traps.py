"""Mistakes that a simulator of this chip is easily made with, and the tests that see each.

The numbers are those of the notes that the project started from: 20 traps, most of which somebody
fell into. A mistake is a change of the source; `tests/simulator/test_traps.py` makes it in a copy
and expects the tests to fail.
"""

from __future__ import annotations

from typing import NamedTuple

KPU = "harness/simulator/kpu"
CPU = "harness/simulator/operations"
LAYER = "tests/simulator/test_kpu_layer.py"
GOLDEN = "tests/simulator/test_goldens.py"
OWN = "tests/simulator/test_traps.py"
ANY_LAYER = f"{LAYER}::test_any_layer_is_that_of_python_integers"
POOLING = f"{LAYER}::test_each_pooling_on_odd_sizes"
ROUNDING = f"{LAYER}::test_rounding_is_the_vendors_and_not_the_mathematicians"
SINGLE = f"{GOLDEN}::test_single_layers"


class Trap(NamedTuple):
    """One mistake."""

    number: int
    mistake: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


def operation(index: int) -> str:
    return f"{GOLDEN}::test_single_operations[{index}]"


TRAPS = (
    Trap(
        1,
        "halves of negative products go to even, as mathematicians have it",
        f"{KPU}/chain.py",
        "sign = 1 - 2 * (value < 0).to(torch.int64)",
        "sign = torch.ones_like(value)",
        (ROUNDING, ANY_LAYER),
    ),
    Trap(
        2,
        "a segment begins with its start under both rule sets",
        f"{KPU}/chain.py",
        'right=self.rules == "nncase-0.1"',
        "right=True",
        (f"{LAYER}::test_the_rule_sets_disagree_at_a_start", "tests/simulator/test_rules_probe.py"),
    ),
    Trap(
        2,
        "halves go up under both rule sets",
        f"{KPU}/chain.py",
        "up = (rest > half) | ((rest == half) & ((floor & 1) == 1))",
        "up = rest >= half",
        (ROUNDING, "tests/simulator/test_rules_probe.py"),
    ),
    Trap(
        3,
        "arg_add is added once",
        f"{KPU}/sums.py",
        "registers.arg_add * weights.shape[1]",
        "registers.arg_add",
        (ANY_LAYER,),
    ),
    Trap(
        4,
        "the border is 0, in the general form",
        f"{KPU}/sums.py",
        "value=self.pad_value",
        "value=0",
        (ANY_LAYER,),
    ),
    Trap(
        4,
        "the border is 0, in the fast form",
        f"{KPU}/fused.py",
        "value=sums.pad_value",
        "value=0",
        (POOLING,),
    ),
    Trap(
        4,
        "the border does not count in the sum of the inputs",
        f"{KPU}/sums.py",
        "sums += (self.arg_x * self._sum_of_inputs(windows, stride)) >> self.shift_x",
        "bare = functional.pad(x[:, :, self.pick[0] :, self.pick[1] :], (self.pad,) * 4)\n"
        "            bare = bare.to(windows.dtype)\n"
        "            sums += (self.arg_x * self._sum_of_inputs(bare, stride)) >> self.shift_x",
        (ANY_LAYER,),
    ),
    Trap(
        5,
        "the shift of the sum of the inputs cuts off towards 0",
        f"{KPU}/sums.py",
        "sums += (self.arg_x * self._sum_of_inputs(windows, stride)) >> self.shift_x",
        "product = self.arg_x * self._sum_of_inputs(windows, stride)\n"
        '            sums += torch.div(product, 1 << self.shift_x, rounding_mode="trunc")',
        (ANY_LAYER,),
    ),
    Trap(
        5,
        "the shift of the sum of the weights is forgotten",
        f"{KPU}/sums.py",
        "(registers.arg_w * weights.sum((1, 2, 3))) >> registers.shift_w",
        "registers.arg_w * weights.sum((1, 2, 3))",
        (ANY_LAYER,),
    ),
    Trap(
        5,
        "the shift of the batch norm cuts off towards 0",
        f"{KPU}/chain.py",
        "((sums * self.multiplier) >> self.shift)",
        'torch.div(sums * self.multiplier, 1 << self.shift, rounding_mode="trunc")',
        (ANY_LAYER,),
    ),
    Trap(
        6,
        "means are rounded",
        f"{KPU}/pooling.py",
        "(blocks.sum((-3, -1), dtype=torch.int32) >> shift)",
        "((blocks.sum((-3, -1), dtype=torch.int32) + (1 << shift >> 1)) >> shift)",
        (POOLING,),
    ),
    Trap(
        6,
        "pooling 8 has zeros outside",
        f"{KPU}/pooling.py",
        "padded = torch.cat([x, x[..., -1:]], -1)",
        "padded = torch.cat([x, 0 * x[..., -1:]], -1)",
        (POOLING,),
    ),
    Trap(
        6,
        "pooling 6 takes the corner below",
        f"{KPU}/pooling.py",
        "Pooling.RIGHT_TOP_2_STRIDE_2: (0, 1)",
        "Pooling.RIGHT_TOP_2_STRIDE_2: (1, 0)",
        (POOLING,),
    ),
    Trap(
        6,
        "odd sizes keep the remainder's place: the last element moves",
        f"{KPU}/pooling.py",
        "blocks = torch.unflatten(x[..., : height * size, : width * size], -1, (width, size))",
        "x = x.roll(-(x.shape[-1] % size), -1)[..., : height * size, : width * size]\n"
        "    blocks = torch.unflatten(x, -1, (width, size))",
        (POOLING,),
    ),
    Trap(
        7,
        "of equal starts the lowest index wins",
        f"{KPU}/chain.py",
        "return start[order], np.concatenate([[0], np.maximum.accumulate(order)])",
        "order = np.lexsort((-np.arange(len(start)), start))\n"
        "    return start[order], np.concatenate([[0], order])",
        (f"{LAYER}::test_of_equal_starts_the_highest_index_wins", ANY_LAYER),
    ),
    Trap(
        7,
        "results are cut off before the bias is added",
        f"{KPU}/chain.py",
        "(rounded + self.segment_bias[segment]).clamp_(0, 255)",
        "((rounded.clamp(0, 255) + self.segment_bias[segment]) & 255)",
        (ANY_LAYER,),
    ),
    Trap(
        8,
        "half is computed in 32 bits",
        f"{KPU}/chain.py",
        "half = (torch.ones_like(shift) << shift) >> 1",
        "half = ((torch.ones_like(shift) << shift) & 0xFFFFFFFF) >> 1",
        (ROUNDING, ANY_LAYER),
    ),
    Trap(
        8,
        "sums are kept in 32 bits",
        f"{KPU}/sums.py",
        "return sums + self.constant[:, None, None]",
        "return (sums + self.constant[:, None, None]).to(torch.int32).to(torch.int64)",
        (f"{LAYER}::test_sums_past_32_bits",),
    ),
    Trap(
        9,
        "quantize of version 4 rounds halves to even",
        f"{CPU}/quantization.py",
        "to_byte(half_away(x * single(operation.scale, x) + operation.zero_point))",
        "to_byte(torch.round(x * single(operation.scale, x) + operation.zero_point))",
        (operation(14),),
    ),
    Trap(
        9,
        "dequantize of version 4 is that of version 5",
        f"{CPU}/quantization.py",
        "(x.float() - operation.zero_point) * (1 / single(operation.scale, x))",
        "x.float() * (1 / single(operation.scale, x))"
        " + -operation.zero_point * (1 / single(operation.scale, x))",
        (f"{OWN}::test_dequantize_subtracts_before_it_multiplies",),
    ),
    Trap(
        9,
        "floats past 32 bits become 255",
        f"{CPU}/quantization.py",
        "torch.where(fits, x, 0).clamp(0, 255)",
        "x.clamp(0, 255)",
        (f"{OWN}::test_floats_past_32_bits_become_0",),
    ),
    Trap(
        10,
        "matrix products add the bias last",
        f"{CPU}/windows.py",
        "running_product(a, b, bias.reshape(1, 1, -1))",
        "running_product(a, b, torch.zeros(())) + bias.reshape(1, 1, -1)",
        (f"{OWN}::test_matrix_products_begin_with_the_bias_and_full_connections_end_with_it",),
    ),
    Trap(
        10,
        "full connections of version 3 begin with the bias",
        f"{CPU}/windows.py",
        "torch.zeros((), device=x.device))\n    result = products + bias.reshape(1, 1, -1)",
        "bias.reshape(1, 1, -1))\n    result = products",
        (f"{OWN}::test_matrix_products_begin_with_the_bias_and_full_connections_end_with_it",),
    ),
    Trap(
        11,
        "transposed convolutions of version 4 add their bias",
        f"{CPU}/windows.py",
        "result = clamped(_cropped(operation, result), operation.clamp)",
        "result = _cropped(operation, result) + _bias.flatten()[:, None, None]\n"
        "    result = clamped(result, operation.clamp)",
        (operation(50),),
    ),
    Trap(
        12,
        "quantised operations of version 4 round as the KPU does",
        f"{CPU}/quantization.py",
        "return (value + ((1 << shift) >> 1)) >> shift",
        'return shift_right(value, torch.tensor(shift), "nncase-0.2")',
        (operation(42), operation(43), operation(46)),
    ),
    Trap(
        12,
        "the quantised addition of version 3 rounds as nncase 0.2 does",
        f"{CPU}/quantization.py",
        'shift, "nncase-0.1")',
        'shift, "nncase-0.2")',
        (f"{OWN}::test_the_quantised_addition_of_version_3_has_rules_of_its_own",),
    ),
    Trap(
        12,
        "the quantised addition of version 3 rounds what it adds",
        f"{CPU}/quantization.py",
        "_scaled(x, q) >> q.shift for",
        "carry_shift(operation, _scaled(x, q), q.shift) for",
        (f"{OWN}::test_the_quantised_addition_of_version_3_has_rules_of_its_own",),
    ),
    Trap(
        13,
        "pieces of a concatenation are taken as elements",
        "harness/kmodel/v4/placement.py",
        "pieces=tuple(inner * size for size in sizes)",
        "pieces=tuple(inner * size // 4 for size in sizes)",
        (operation(6),),
    ),
    Trap(
        13,
        "negative pads are taken as none",
        f"{CPU}/placement.py",
        "sizes = [n for padding in reversed(operation.paddings) for n in padding[:2]]\n"
        "        return functional.pad(x, sizes, value=operation.value)",
        "sizes = [max(n, 0) for padding in reversed(operation.paddings) for n in padding[:2]]\n"
        "        return functional.pad(x, sizes, value=operation.value)",
        (operation(13),),
    ),
    Trap(
        14,
        "a last body of version 4 that claims too much is refused",
        "harness/kmodel/v4/container.py",
        "if size > reader.left + OVERRUN:",
        "if size > reader.left:",
        ("tests/kmodel/test_v4.py::test_a_last_body_may_claim_four_bytes_more_than_there_are",),
    ),
    Trap(
        14,
        "a last body of version 3 that claims too much is refused",
        "harness/kmodel/v3/container.py",
        "if size > reader.left + OVERRUN:",
        "if size > reader.left:",
        (f"{OWN}::test_a_last_body_of_version_3_may_claim_four_bytes_more",),
    ),
    Trap(
        15,
        "maps of 16 columns share rows by twos",
        "harness/kmodel/layout.py",
        "if width <= 16:",
        "if width < 16:",
        (f"{OWN}::test_rows_of_kpu_memory",),
    ),
    Trap(
        15,
        "a widened value fills the whole map that it gets",
        f"{CPU}/placement.py",
        "return functional.pad(x, (0, 3, 0, 3))",
        "return x.expand(*x.shape[:-2], 4, 4)",
        (f"{OWN}::test_a_widened_value_stands_in_the_corner_of_its_map",),
    ),
    Trap(
        16,
        "every layer of version 3 sends a copy to main memory",
        "harness/kmodel/v3/kpu.py",
        "wanted = flags & ALSO_TO_MAIN",
        "wanted = True",
        (f"{OWN}::test_a_copy_in_main_memory_is_there_where_the_file_asks_for_it",),
    ),
    Trap(
        16,
        "a copy in main memory is not what is in KPU memory",
        "harness/simulator/simulator.py",
        "values[operation.name, index] = result[index] if several else result",
        "values[operation.name, index] = result[index] if several else result ^ index",
        (f"{OWN}::test_a_copy_in_main_memory_is_there_where_the_file_asks_for_it",),
    ),
    Trap(
        17,
        "floats behind the last layer are computed with fused instructions",
        f"{CPU}/quantization.py",
        "return x.float() * single(operation.scale, x) + single(operation.bias, x)",
        "exact = x.double() * single(operation.scale, x).double()\n"
        "    return (exact + single(operation.bias, x).double()).float()",
        (f"{GOLDEN}::test_graphs_of_nncase_1_9",),
    ),
    Trap(
        18,
        "two results in one buffer come in the wrong order",
        "harness/simulator/dataflow.py",
        "return torch.cat(parts, 1)",
        "return torch.cat(parts[::-1], 1)",
        ("tests/simulator/test_differential.py::test_small_graphs[concat]",),
    ),
    Trap(
        19,
        "weights of 16 bits are computed as if they had 8",
        f"{KPU}/layer.py",
        "if layer.weights.dtype.itemsize != DType.U8.itemsize:",
        "if False:",
        (f"{LAYER}::test_what_is_not_known_is_refused_by_name",),
    ),
    Trap(
        20,
        "the second half of the biases is the first",
        "harness/kmodel/tables.py",
        "data[8 * SEGMENTS : ACTIVATION_BYTES])",
        "np.tile(data[8 * SEGMENTS : 8 * SEGMENTS + 8], 2))",
        (SINGLE,),
    ),
)
