"""Writes ONNX's own test cases as files that need no Python to run.

    OUT/<case>/model.onnx
    OUT/<case>/<n>.inputs, <n>.outputs     messages of tensors: docs/decision-format.md, section 2
    OUT/cases.json                         name, kind, tolerances, how many data sets, or why there are none
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

# TensorProto.DataType of what CTE-1 encodes.
TYPES = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16}


class NotATensor(Exception):
    """The case has values that are no tensors, or of types without a canonical encoding."""


def encode(name: str, value) -> tuple[bytes, bytes]:
    if isinstance(value, onnx.TensorProto):
        code, array = value.data_type, numpy_helper.to_array(value)
    elif isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind in "USO":
            raise NotATensor("strings")
        try:
            code = helper.np_dtype_to_tensor_dtype(array.dtype)
        except (KeyError, ValueError) as error:
            raise NotATensor(str(array.dtype)) from error
    else:
        raise NotATensor(type(value).__name__)
    if code not in TYPES:
        raise NotATensor(onnx.TensorProto.DataType.Name(code).lower())
    data = np.ascontiguousarray(array).tobytes()
    key = name.encode()
    head = struct.pack("<H", len(key)) + key + struct.pack("<BB", code, array.ndim)
    sizes = b"".join(struct.pack("<Q", size) for size in array.shape)
    return key, head + sizes + struct.pack("<Q", len(data)) + data


def message(names: list[str], values) -> bytes:
    """Optional inputs that are left out have no name."""
    pairs = [encode(name, value) for name, value in zip(names, values) if name]
    pairs.sort()
    return struct.pack("<I", len(pairs)) + b"".join(body for _, body in pairs)


def write(folder: Path, model: onnx.ModelProto, data_sets) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    for number, (given, expected) in enumerate(data_sets):
        (folder / f"{number}.inputs").write_bytes(message(inputs, given))
        (folder / f"{number}.outputs").write_bytes(message(outputs, expected))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return len(data_sets)


def node_cases(out: Path) -> list[dict]:
    cases = []
    for case in sorted(collect_testcases(None), key=lambda case: case.name):
        entry = {"name": case.name, "kind": "node", "rtol": case.rtol, "atol": case.atol}
        entry["operators"] = sorted({node.op_type for node in case.model.graph.node})
        try:
            entry["sets"] = write(out / case.name, case.model, case.data_sets)
        except NotATensor as reason:
            entry["left_out"] = str(reason)
        cases.append(entry)
    return cases


def light_cases(out: Path) -> list[dict]:
    """Networks whose weights are made by operators; the expected outputs come with ONNX."""
    cases = []
    folder = Path(onnx.__file__).parent / "backend/test/data/light"
    for path in sorted(folder.glob("light_*.onnx")):
        model = onnx.load(path)
        known = {value.name for value in model.graph.initializer}
        given = []
        for value in model.graph.input:
            if value.name in known:
                continue
            shape = [size.dim_value for size in value.type.tensor_type.shape.dim]
            count = int(np.prod(shape))
            # What ONNX's own runner feeds them.
            given.append((np.arange(count).reshape(shape) / count).astype(np.float32))
        expected = onnx.TensorProto()
        expected.ParseFromString((folder / f"{path.stem}_output_0.pb").read_bytes())
        names = [value.name for value in model.graph.input if value.name not in known]
        case = out / path.stem
        case.mkdir(parents=True, exist_ok=True)
        (case / "0.inputs").write_bytes(message(names, given))
        (case / "0.outputs").write_bytes(message([model.graph.output[0].name], [expected]))
        (case / "model.onnx").write_bytes(path.read_bytes())
        operators = sorted({node.op_type for node in model.graph.node})
        cases.append({"name": path.stem, "kind": "light", "rtol": 1e-3, "atol": 1e-5, "operators": operators, "sets": 1})
    return cases


def main() -> None:
    out = Path(sys.argv[1])
    cases = node_cases(out) + light_cases(out)
    (out / "cases.json").write_text(json.dumps({"onnx": onnx.__version__, "cases": cases}, indent=1))
    left_out = sum("left_out" in case for case in cases)
    print(f"{len(cases)} cases, {left_out} of them without tensors of CTE-1")


main()
