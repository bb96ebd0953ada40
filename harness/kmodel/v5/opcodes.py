"""Numbers of the stack machine's instructions and of the KPU's records.

Source: nncase v1.9.0 `include/nncase/runtime/stackvm/opcode.h` and
`modules/k210/include/nncase/runtime/k210/runtime_types.h`, the same in all releases.
"""

from __future__ import annotations

NOP, LOAD_NULL, LOAD_INT, LOAD_0, LOAD_1, LOAD_FLOAT = range(6)
LOAD_ADDRESS = 0x17
DUPLICATE, DROP, STORE_SHAPE, STORE_PADDINGS = range(0x2F, 0x33)
RETURN, TENSOR = 0x59, 0x5E

UPLOAD, DOWNLOAD, CONVOLUTION, COPY = range(4)
