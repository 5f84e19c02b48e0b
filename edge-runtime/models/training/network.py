"""A small trainer in numpy: dense and convolution layers, cross entropy or squared error, Adam."""

import numpy as np


class Dense:
    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator):
        self.weight = (rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, gradient):
        self.gradients = [self.x.T @ gradient, gradient.sum(0)]
        return gradient @ self.weight.T

    def parameters(self):
        return [self.weight, self.bias]


class Conv3x3:
    """Padding 1, stride 1; weights as ONNX has them: [out, in, 3, 3]."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator):
        self.weight = (rng.standard_normal((outputs, inputs, 3, 3)) * np.sqrt(2 / (inputs * 9))).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        self.columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)
        out = self.columns @ self.weight.reshape(len(self.weight), -1).T + self.bias
        return out.reshape(n, h, w, -1).transpose(0, 3, 1, 2)

    def backward(self, gradient):
        n, c, h, w = self.shape
        flat = gradient.transpose(0, 2, 3, 1).reshape(n * h * w, -1)
        self.gradients = [(flat.T @ self.columns).reshape(self.weight.shape), flat.sum(0)]
        columns = (flat @ self.weight.reshape(len(self.weight), -1)).reshape(n, h, w, c, 3, 3)
        padded = np.zeros((n, c, h + 2, w + 2), np.float32)
        for dy in range(3):
            for dx in range(3):
                padded[:, :, dy : dy + h, dx : dx + w] += columns[:, :, :, :, dy, dx].transpose(0, 3, 1, 2)
        return padded[:, :, 1:-1, 1:-1]

    def parameters(self):
        return [self.weight, self.bias]


class Relu:
    gradients = []

    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, gradient):
        return gradient * self.mask

    def parameters(self):
        return []


class MaxPool2(Relu):
    def forward(self, x):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        best = blocks.max(axis=(3, 5))
        self.mask = blocks == best[:, :, :, None, :, None]
        # Of equal values the first takes the gradient.
        flat = self.mask.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
        flat = (np.cumsum(flat, axis=-1) == 1) & flat
        self.mask = flat.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        return best

    def backward(self, gradient):
        spread = self.mask * gradient[:, :, :, None, :, None]
        n, c, h, _, w, _ = spread.shape
        return spread.reshape(n, c, h * 2, w * 2).astype(np.float32)


class Flatten(Relu):
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradient):
        return gradient.reshape(self.shape)


def forward(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def softmax_loss(logits, labels):
    """Gradient of the mean cross entropy."""
    exp = np.exp(logits - logits.max(1, keepdims=True))
    gradient = exp / exp.sum(1, keepdims=True)
    gradient[np.arange(len(labels)), labels] -= 1
    return (gradient / len(labels)).astype(np.float32)


def squared_loss(prediction, target):
    return ((prediction - target) * (2 / prediction.size)).astype(np.float32)


def train(layers, x, y, loss, rng, *, epochs, batch=64, rate=2e-3, decay=1e-4, augment=None):
    """Adam with a cosine schedule and decoupled weight decay."""
    parameters = [p for layer in layers for p in layer.parameters()]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    steps = epochs * (len(x) // batch)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            pick = order[start : start + batch]
            inputs = augment(x[pick], rng) if augment else x[pick]
            gradient = loss(forward(layers, inputs), y[pick])
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            step += 1
            now = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            gradients = [g for layer in layers for g in layer.gradients]
            for p, g, m, v in zip(parameters, gradients, first, second):
                m += (g - m) * 0.1
                v += (g * g - v) * 0.001
                update = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                p -= (now * (update + decay * p)).astype(np.float32)
