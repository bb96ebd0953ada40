"""kmodel version 4, of nncase 0.2. Source: nncase v0.2.0-beta4 `src/common/include/runtime`."""
