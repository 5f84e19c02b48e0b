"""Handwritten digits, 8 x 8 pixels with 17 shades: an MLP and a CNN, in f32 and in static int8.

All four take the pixels as they are (UINT8, 0 to 16): scaling is part of the model, so that no caller can get it wrong.
"""

import numpy as np
from onnx import TensorProto
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from . import quantise
from .graph import Graph
from .manifest import expect, session
from .network import Conv3x3, Dense, Flatten, MaxPool2, Relu, forward, softmax_loss, train

LABELS = [str(digit) for digit in range(10)]
SOURCE = "Optical Recognition of Handwritten Digits (UCI), as shipped in scikit-learn, CC BY 4.0"
INK = np.float32(1 / 16)


def build(artefacts):
    images, labels = load_digits(return_X_y=True)
    images, labels = images.astype(np.uint8), labels.astype(np.int64)
    artefacts.data("digits-images.u8", images)
    artefacts.data("digits-labels.u8", labels.astype(np.uint8))
    split = train_test_split(images, labels, test_size=0.2, random_state=7, stratify=labels)

    mlp = fit_mlp(split)
    cnn = fit_cnn(split)
    models = [
        ("digits-mlp-f32", "Handwritten digit, MLP, f32", mlp_f32(mlp), (1, 64), 0.97),
        ("digits-mlp-int8", "Handwritten digit, MLP, int8", mlp_int8(mlp, split[0]), (1, 64), 0.97),
        ("digits-cnn-f32", "Handwritten digit, CNN, f32", cnn_f32(cnn), (1, 1, 8, 8), 0.98),
        ("digits-cnn-int8", "Handwritten digit, CNN, int8", cnn_int8(cnn, split[0]), (1, 1, 8, 8), 0.98),
    ]
    for name, title, model, shape, bar in models:
        accuracy = expect(f"accuracy of {name}", measure(model, split[1], split[3], shape), bar)
        artefacts.model(
            name, model, title=title, labels=LABELS, preprocess="digits-8x8-17/1", postprocess="argmax/1",
            data=SOURCE, licence="MIT OR Apache-2.0", metrics={"testAccuracy": accuracy, "testRows": len(split[1])},
        )


def fit_mlp(split):
    rng = np.random.default_rng(1)
    layers = [Dense(64, 64, rng), Relu(), Dense(64, 10, rng)]
    train(layers, split[0] * INK, split[2], softmax_loss, rng, epochs=60, augment=lambda x, rng: shift(x.reshape(-1, 1, 8, 8), rng).reshape(len(x), 64))
    return layers


def fit_cnn(split):
    rng = np.random.default_rng(2)
    layers = [Conv3x3(1, 16, rng), Relu(), Conv3x3(16, 32, rng), Relu(), MaxPool2(), Flatten(), Dense(512, 10, rng)]
    train(layers, (split[0] * INK).reshape(-1, 1, 8, 8), split[2], softmax_loss, rng, epochs=30, augment=shift)
    return layers


def shift(images, rng):
    """Moves a third of the images by one pixel."""
    out = images.copy()
    for at in np.flatnonzero(rng.random(len(images)) < 1 / 3):
        out[at] = np.roll(images[at], (rng.integers(-1, 2), rng.integers(-1, 2)), axis=(1, 2))
    return out


def mlp_f32(layers):
    g = Graph("digits-mlp")
    x = g.node("Mul", [g.cast(g.input("image", TensorProto.UINT8, [1, 64]), "ink"), g.constant("shade", INK)], "pixels")
    h = g.node("Gemm", [x, g.constant("w1", layers[0].weight), g.constant("b1", layers[0].bias)], "hidden")
    h = g.node("Relu", [h], "active")
    g.node("Gemm", [h, g.constant("w2", layers[2].weight), g.constant("b2", layers[2].bias)], "logits")
    g.output("logits", TensorProto.FLOAT, [1, 10])
    return g.model()


def mlp_int8(layers, images):
    g = Graph("digits-mlp-int8")
    hidden = forward(layers[:2], images * INK)
    first = quantise.Layer(layers[0].weight, layers[0].bias, input_scale=INK)
    second = quantise.Layer(layers[2].weight, layers[2].bias, input_scale=quantise.activation_scale(hidden))
    x = g.input("image", TensorProto.UINT8, [1, 64])
    x = quantise.matmul(g, x, first, "first")
    x = quantise.requantise(g, x, first, second.input_scale, "hidden")
    x = quantise.matmul(g, x, second, "second")
    quantise.dequantise(g, x, second, "logits")
    g.output("logits", TensorProto.FLOAT, [1, 10])
    return g.model()


def cnn_f32(layers):
    g = Graph("digits-cnn")
    x = g.node("Mul", [g.cast(g.input("image", TensorProto.UINT8, [1, 1, 8, 8]), "ink"), g.constant("shade", INK)], "pixels")
    for name, layer in (("first", layers[0]), ("second", layers[2])):
        weights = [g.constant(f"{name}_w", layer.weight), g.constant(f"{name}_b", layer.bias)]
        x = g.node("Conv", [x, *weights], name, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        x = g.node("Relu", [x], f"{name}_active")
    x = g.node("MaxPool", [x], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", [x], "flat", axis=1)
    g.node("Gemm", [x, g.constant("w", layers[6].weight), g.constant("b", layers[6].bias)], "logits")
    g.output("logits", TensorProto.FLOAT, [1, 10])
    return g.model()


def cnn_int8(layers, images):
    g = Graph("digits-cnn-int8")
    pixels = (images * INK).reshape(-1, 1, 8, 8)
    after_first = forward(layers[:2], pixels)
    after_second = forward(layers[2:5], after_first)
    first = quantise.Layer(layers[0].weight, layers[0].bias, input_scale=INK)
    second = quantise.Layer(layers[2].weight, layers[2].bias, input_scale=quantise.activation_scale(after_first))
    last = quantise.Layer(layers[6].weight, layers[6].bias, input_scale=quantise.activation_scale(after_second))
    x = g.input("image", TensorProto.UINT8, [1, 1, 8, 8])
    x = quantise.conv(g, x, first, "first")
    x = quantise.requantise(g, x, first, second.input_scale, "hidden")
    x = quantise.conv(g, x, second, "second")
    x = quantise.requantise(g, x, second, last.input_scale, "pooled", pool=True)
    x = g.node("Flatten", [x], "flat", axis=1)
    x = quantise.matmul(g, x, last, "last")
    quantise.dequantise(g, x, last, "logits")
    g.output("logits", TensorProto.FLOAT, [1, 10])
    return g.model()


def measure(model, images, labels, shape) -> float:
    run = session(model)
    answers = [run.run(None, {"image": row.reshape(shape)})[0].argmax() for row in images]
    return float(np.mean(np.array(answers) == labels))
