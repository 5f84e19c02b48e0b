"""How unusual each transfer of a window is: an autoencoder over 16 transfers with 4 features each.

No public set of labelled transfers ships with scikit-learn, so the windows are simulated here by stated rules: what the model knows is how these accounts behave. The features are those
that a client can verify from an account's history:

    log10(1 + amount in gwei), log10(1 + seconds since the transfer before), +1 in or -1 out, hour of the day / 24
"""

import numpy as np
from onnx import TensorProto
from sklearn.metrics import roc_auc_score

from .graph import Graph
from .manifest import expect, session
from .network import Dense, Relu, forward, train

WINDOW, FEATURES = 16, 4
SOURCE = "Simulated: accounts with a usual amount, pace, direction and time of day; see training/anomaly.py"


def build(artefacts):
    rng = np.random.default_rng(4)
    usual = np.stack([account(rng) for _ in range(6000)])
    mean, deviation = usual.mean((0, 1)), usual.std((0, 1))
    flat = ((usual - mean) / deviation).reshape(len(usual), -1).astype(np.float32)
    layers = [Dense(64, 48, rng), Relu(), Dense(48, 12, rng), Relu(), Dense(12, 48, rng), Relu(), Dense(48, 64, rng)]
    train(layers, flat, flat, lambda got, wanted: 8 * (got - wanted) / len(got), rng, epochs=60, rate=3e-3)
    errors = ((forward(layers, flat) - flat) ** 2).reshape(-1, WINDOW, FEATURES).mean(2)
    # A score of 1 is what one usual transfer in a hundred exceeds.
    model = export(layers, mean, deviation, np.quantile(errors, 0.99))

    run = session(model)
    fresh = np.stack([account(rng) for _ in range(1000)])
    odd, where = zip(*[tampered(account(rng), rng) for _ in range(1000)])
    scores = lambda windows: np.array([run.run(None, {"transfers": window[None]})[0][0] for window in windows])
    of_usual, of_odd = scores(fresh), scores(odd)
    marked = of_odd[np.arange(1000), where]
    truth = np.r_[np.zeros(of_usual.size), np.ones(1000)]
    metrics = {
        "testAuc": expect("AUC of anomaly", roc_auc_score(truth, np.r_[of_usual.ravel(), marked]), 0.95),
        "falseAlarms": round(float(np.mean(of_usual > 1)), 4),
        "found": expect("share of odd transfers that anomaly finds", np.mean(marked > 1), 0.7),
        "testWindows": 2000,
    }
    artefacts.data("anomaly-windows.f32", np.r_[fresh[:64], np.stack(odd)[:64]].astype(np.float32))
    artefacts.model(
        "anomaly-f32", model, title="Unusual transfers of an account", labels=[f"transfer {at}" for at in range(WINDOW)],
        preprocess="transfers-16x4/1", postprocess="threshold-1/1", data=SOURCE, licence="MIT OR Apache-2.0", metrics=metrics,
    )


def account(rng) -> np.ndarray:
    """Sixteen transfers of an account that does what it always does."""
    amount = rng.normal(rng.uniform(5, 10), 0.35, WINDOW)
    pause = rng.normal(rng.uniform(2.5, 5), 0.4, WINDOW)
    outgoing = rng.choice([0.1, 0.9])
    direction = np.where(rng.random(WINDOW) < outgoing, -1.0, 1.0)
    hour = (rng.uniform(6, 18) / 24 + rng.normal(0, 0.05, WINDOW)) % 1
    return np.stack([np.clip(amount, 0, 14), np.clip(pause, 0, 7), direction, hour], axis=1).astype(np.float32)


def tampered(window: np.ndarray, rng) -> tuple[np.ndarray, int]:
    """One transfer becomes a drain, dust, or a burst at an odd hour."""
    window, at = window.copy(), int(rng.integers(4, WINDOW))
    kind = rng.integers(3)
    if kind == 0:
        window[at, 0] = min(window[at, 0] + rng.uniform(2.5, 4), 14)
        window[at, 2] = -1
    elif kind == 1:
        window[at, 0] = rng.uniform(0, 1.5)
        window[at, 1] = rng.uniform(0, 1)
    else:
        window[at, 1] = 0
        window[at, 3] = (window[at, 3] + 0.5) % 1
        window[at, 0] += 1.5
    return window, at


def export(layers, mean, deviation, bar):
    g = Graph("anomaly")
    x = g.input("transfers", TensorProto.FLOAT, [1, WINDOW, FEATURES])
    x = g.node("Sub", [x, g.constant("mean", mean.astype(np.float32))], "centred")
    standard = g.node("Div", [x, g.constant("deviation", deviation.astype(np.float32))], "standard")
    x = g.node("Reshape", [standard, g.constant("row", np.array([1, WINDOW * FEATURES], np.int64))], "flat")
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    for at, layer in enumerate(dense):
        x = g.node("Gemm", [x, g.constant(f"w{at}", layer.weight), g.constant(f"b{at}", layer.bias)], f"dense{at}")
        if at + 1 < len(dense):
            x = g.node("Relu", [x], f"active{at}")
    x = g.node("Reshape", [x, g.constant("window", np.array([1, WINDOW, FEATURES], np.int64))], "expected")
    x = g.node("Sub", [x, standard], "surprise")
    x = g.node("Mul", [x, x], "squares")
    x = g.node("ReduceMean", [x], "errors", axes=[2], keepdims=0)
    g.node("Div", [x, g.constant("bar", np.float32(bar))], "scores")
    g.output("scores", TensorProto.FLOAT, [1, WINDOW])
    return g.model()
