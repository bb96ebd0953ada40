"""PyTorch, ONNX or TFLite in; a kmodel, its contract and the placement of every operation out."""
