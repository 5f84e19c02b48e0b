"""Static int8 with integer operators only where it matters: u8 activations, 7-bit weights, i32 sums.

    u8 --MatMulInteger/ConvInteger--> i32 --+ bias--> i32 --Cast--> f32 --QuantizeLinear--> u8

A sum is exact in every engine, an i32 below 2^24 is exact in f32, and QuantizeLinear is one division and one rounding: the answer is the same bit for bit wherever IEEE 754 holds. Zero is
the zero point, so that saturation at 0 is the ReLU. Weights have 7 bits because 8-bit kernels of old x86 processors saturate their sums of two products at 16 bits.
"""

from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

from .graph import Graph

WEIGHT_LIMIT = 63
EXACT_IN_F32 = 2**24


@dataclass
class Layer:
    weight: np.ndarray
    bias: np.ndarray
    input_scale: np.float32
    integers: np.ndarray = field(init=False)
    offsets: np.ndarray = field(init=False)
    scale: np.float32 = field(init=False)

    def __post_init__(self):
        weight_scale = np.abs(self.weight).max() / WEIGHT_LIMIT
        self.integers = np.rint(self.weight / weight_scale).astype(np.int8)
        self.scale = np.float32(weight_scale * self.input_scale)
        self.offsets = np.rint(self.bias / self.scale).astype(np.int32)
        # Of a matrix the inputs are its rows, of a convolution everything but the first axis.
        axes = 0 if self.weight.ndim == 2 else (1, 2, 3)
        largest = np.abs(self.integers.astype(np.int64)).sum(axis=axes) * 255 + np.abs(self.offsets)
        if largest.max() >= EXACT_IN_F32:
            raise SystemExit(f"a sum may reach {largest.max()}, which f32 does not hold exactly")


def activation_scale(values: np.ndarray) -> np.float32:
    """255 is what all but one in ten thousand values stay below."""
    return np.float32(np.quantile(values, 0.9999) / 255)


def matmul(g: Graph, x: str, layer: Layer, name: str) -> str:
    x = g.node("MatMulInteger", [x, g.constant(f"{name}_w", layer.integers)], f"{name}_products")
    return g.node("Add", [x, g.constant(f"{name}_b", layer.offsets)], f"{name}_sums")


def conv(g: Graph, x: str, layer: Layer, name: str) -> str:
    x = g.node("ConvInteger", [x, g.constant(f"{name}_w", layer.integers)], f"{name}_products", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    return g.node("Add", [x, g.constant(f"{name}_b", layer.offsets.reshape(1, -1, 1, 1))], f"{name}_sums")


def requantise(g: Graph, x: str, layer: Layer, scale: np.float32, name: str, pool: bool = False) -> str:
    x = g.cast(x, f"{name}_f32")
    if pool:
        x = g.node("MaxPool", [x], f"{name}_max", kernel_shape=[2, 2], strides=[2, 2])
    zero = g.constant(f"{name}_zero", np.uint8(0))
    return g.node("QuantizeLinear", [x, g.constant(f"{name}_scale", np.float32(scale / layer.scale)), zero], name)


def dequantise(g: Graph, x: str, layer: Layer, name: str) -> str:
    return g.node("Mul", [g.cast(x, f"{name}_f32"), g.constant(f"{name}_scale", layer.scale)], name)
