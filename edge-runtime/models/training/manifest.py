"""Manifests: what a device must know of a model before it runs it."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from . import graph
from .graph_root import graph_root

FOLDER = Path(__file__).resolve().parent.parent

# Names of the Open Inference Protocol.
DTYPES = {1: "FP32", 2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 9: "BOOL"}


class Artefacts:
    """The files of one run."""

    def __init__(self):
        self.files: dict[str, bytes] = {}

    def data(self, name: str, array: np.ndarray):
        """Rows for tests, as raw little-endian bytes."""
        self.files[f"data/{name}"] = np.ascontiguousarray(array).tobytes()

    def model(self, name: str, model: onnx.ModelProto, *, title, labels, preprocess, postprocess, data, licence, metrics):
        onnx.checker.check_model(model, full_check=True)
        file = model.SerializeToString(deterministic=True)
        costs = graph.costs(model)
        self.files[f"{name}.onnx"] = file
        manifest = {
            "schema": "sidelight-model/1",
            "id": name,
            "title": title,
            "file": f"{name}.onnx",
            "sha256": hashlib.sha256(file).hexdigest(),
            "bytes": len(file),
            "format": "onnx",
            "opset": model.opset_import[0].version,
            "graphRoot": graph_root(model),
            "inputs": [port(info) for info in model.graph.input],
            "outputs": [port(info) for info in model.graph.output],
            "operators": sorted({node.op_type for node in model.graph.node}),
            "macs": costs.macs,
            "parameters": costs.parameters,
            "peakBytes": costs.peak_bytes,
            "labels": labels,
            "preprocess": preprocess,
            "postprocess": postprocess,
            "licence": licence,
            "data": data,
            "metrics": metrics,
        }
        self.files[f"{name}.json"] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
        shown = ", ".join(f"{key} {value}" for key, value in metrics.items())
        print(f"{name:<16} {len(file):>8} bytes  {costs.macs:>10} MACs  {shown}")

    def write(self):
        for name, content in self.files.items():
            path = FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def compare(self) -> int:
        """Which files differ from those that are there."""
        different = [name for name, content in self.files.items() if not (FOLDER / name).is_file() or (FOLDER / name).read_bytes() != content]
        known = {path.relative_to(FOLDER).as_posix() for pattern in ("*.onnx", "*.json", "data/*") for path in FOLDER.glob(pattern)}
        different += sorted(known - set(self.files))
        for name in different:
            print(f"{name}: this run made other bytes")
        return 1 if different else 0


def port(info: onnx.ValueInfoProto) -> dict:
    kind = info.type.tensor_type
    return {"name": info.name, "dtype": DTYPES[kind.elem_type], "shape": [dim.dim_value for dim in kind.shape.dim]}


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """ONNX Runtime, for checks."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def expect(name: str, value: float, at_least: float) -> float:
    """A check that fails the run."""
    if not value >= at_least:
        raise SystemExit(f"{name}: expected at least {at_least}, got {value:.4f}")
    return round(float(value), 4)
