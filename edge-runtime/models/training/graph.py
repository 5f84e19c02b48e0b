"""ONNX graphs by hand: a small builder, and what a graph costs."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

OPSET = 17
IR_VERSION = 8


class Graph:
    """Nodes in the order in which they are added, each named after its result."""

    def __init__(self, name: str):
        self.name = name
        self.nodes, self.initialisers, self.inputs, self.outputs = [], [], [], []

    def input(self, name: str, dtype: int, shape: list[int]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, dtype: int, shape: list[int]):
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], result: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [result], name=f"{result}_node", **attributes))
        return result

    def cast(self, value: str, result: str, to: int = TensorProto.FLOAT) -> str:
        return self.node("Cast", [value], result, to=to)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initialisers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sidelight")
        model.ir_version = IR_VERSION
        return model


@dataclass
class Costs:
    macs: int
    parameters: int
    peak_bytes: int


def costs(model: onnx.ModelProto) -> Costs:
    """Multiplications of the matrix operators, and the most bytes that are alive at once: all weights, and the values that a later node still needs."""
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in inferred.initializer}
    shapes = {name: array.shape for name, array in weights.items()}
    sizes = {}
    for info in [*inferred.input, *inferred.value_info, *inferred.output]:
        kind = info.type.tensor_type
        shape = tuple(dim.dim_value for dim in kind.shape.dim)
        shapes[info.name] = shape
        sizes[info.name] = int(np.prod(shape, dtype=np.int64)) * helper.tensor_dtype_to_np_dtype(kind.elem_type).itemsize
    macs = sum(node_macs(node, shapes) for node in inferred.node)
    last_use = {name: at for at, node in enumerate(inferred.node) for name in node.input}
    last_use |= {info.name: len(inferred.node) for info in inferred.output}
    alive = sum(sizes[info.name] for info in inferred.input)
    peak = alive
    for at, node in enumerate(inferred.node):
        alive += sum(sizes[name] for name in node.output)
        peak = max(peak, alive)
        alive -= sum(sizes[name] for name in set(node.input) if name in sizes and last_use[name] == at)
    return Costs(
        macs=macs,
        parameters=sum(array.size for array in weights.values()),
        peak_bytes=peak + sum(array.nbytes for array in weights.values()),
    )


def node_macs(node: onnx.NodeProto, shapes: dict) -> int:
    if node.op_type in ("MatMul", "MatMulInteger", "Gemm"):
        return int(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][-1]
    if node.op_type in ("Conv", "ConvInteger"):
        return int(np.prod(shapes[node.output[0]])) * int(np.prod(shapes[node.input[1]][1:]))
    return 0
