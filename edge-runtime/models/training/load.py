"""What measures an engine: a network with 22 million multiplications on a 96 x 96 picture, with random weights, which recognises nothing; and two products of matrices that show how fast a device is."""

import numpy as np
from onnx import TensorProto

from .graph import Graph


def build(artefacts):
    rng = np.random.default_rng(5)
    g = Graph("load")
    x = g.input("picture", TensorProto.FLOAT, [1, 3, 96, 96])
    for at, (inputs, outputs, stride) in enumerate([(3, 16, 2), (16, 32, 1), (32, 64, 2)]):
        # Integers over a power of two: exact, and the same whatever draws them.
        weight = (rng.integers(-128, 128, (outputs, inputs, 3, 3)) / 1024).astype(np.float32)
        bias = (rng.integers(-128, 128, outputs) / 1024).astype(np.float32)
        weights = [g.constant(f"w{at}", weight), g.constant(f"b{at}", bias)]
        x = g.node("Conv", [x, *weights], f"conv{at}", pads=[1, 1, 1, 1], kernel_shape=[3, 3], strides=[stride, stride])
        x = g.node("Relu", [x], f"active{at}")
    x = g.node("GlobalAveragePool", [x], "pooled")
    x = g.node("Flatten", [x], "flat", axis=1)
    weight = (rng.integers(-128, 128, (64, 10)) / 1024).astype(np.float32)
    x = g.node("MatMul", [x, g.constant("w", weight)], "answer")
    g.node("Softmax", [x], "shares", axis=1)
    g.output("shares", TensorProto.FLOAT, [1, 10])
    artefacts.model(
        "load-f32", g.model(), title="Load test, 22 million multiplications", labels=[], preprocess="none/1", postprocess="none/1",
        data="none: random weights", licence="MIT OR Apache-2.0", metrics={},
    )
    for name, kinds, operator, sums in (
        ("f32", (TensorProto.FLOAT, TensorProto.FLOAT), "MatMul", TensorProto.FLOAT),
        ("int8", (TensorProto.UINT8, TensorProto.INT8), "MatMulInteger", TensorProto.INT32),
    ):
        probe = Graph("probe")
        factors = [probe.input(factor, kind, [256, 256]) for factor, kind in zip("ab", kinds)]
        probe.node(operator, factors, "product")
        probe.output("product", sums, [256, 256])
        artefacts.model(
            f"probe-{name}", probe.model(), title=f"Speed probe, a product of matrices, {name}", labels=[], preprocess="none/1",
            postprocess="none/1", data="none", licence="MIT OR Apache-2.0", metrics={},
        )
