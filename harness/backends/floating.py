"""Backend `float`: the PyTorch module itself, in float32."""

from __future__ import annotations

import time

import numpy as np

from harness.backends.base import Backend, BackendResult, Images, Subject, check_inputs
from harness.errors import UsageError
from harness.method import InputContract
from harness.progress import SILENT, Progress


class FloatBackend(Backend):
    """Runs the module item by item, so that latency means the same as on the other backends."""

    name = "float"
    needs_kmodel = False

    def run(self, subject: Subject, inputs: Images, progress: Progress = SILENT) -> BackendResult:
        """See `Backend.run`. PyTorch is imported here, not before it is needed."""
        import torch

        from harness.compiler.export import as_tuple

        check_inputs(subject.contract, inputs)
        if subject.module is None:
            raise UsageError("backend float needs a PyTorch module, and there is only a kmodel")
        module = subject.module.eval()
        collected: list[list[np.ndarray]] = [[] for _ in subject.outputs]
        latency = np.zeros(len(inputs))
        with torch.inference_mode(), progress.task(self.name, len(inputs)) as task:
            for index, image in enumerate(inputs):
                batch = torch.from_numpy(to_float(image[None], subject.contract))
                started = time.perf_counter()
                results = module(batch)
                latency[index] = (time.perf_counter() - started) * 1e3
                for store, tensor in zip(collected, as_tuple(results), strict=True):
                    store.append(tensor.float().cpu().numpy())
                task.advance()
        outputs = {
            name: np.concatenate(parts) if parts else np.zeros((0,), np.float32)
            for name, parts in zip(subject.outputs, collected, strict=True)
        }
        environment = {"torch": torch.__version__, "threads": str(torch.get_num_threads())}
        return BackendResult(self.name, outputs, latency, environment)


def to_float(images: Images, contract: InputContract) -> np.ndarray:
    """Do to bytes what the compiled model does inside: scale to the range, then normalise.

    Args:
        images: uint8 [N, C, H, W].
        contract: Says how.

    Returns:
        float32 [N, C, H, W].
    """
    low, high = contract.range
    scaled = low + images.astype(np.float32) * np.float32((high - low) / 255)
    mean = np.asarray(contract.mean, np.float32)[:, None, None]
    std = np.asarray(contract.std, np.float32)[:, None, None]
    return ((scaled - mean) / std).astype(np.float32)
