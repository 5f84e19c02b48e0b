"""A tabular risk score: the probability that a tumour is malignant, from 30 measurements.

Standardisation, network and calibration are one graph. The calibration (Platt's: a logistic curve over the network's score) is fitted on rows that the network has not seen.
"""

import numpy as np
from onnx import TensorProto
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from .graph import Graph
from .manifest import expect, session
from .network import Dense, Relu, forward, train

SOURCE = "Breast Cancer Wisconsin (Diagnostic) (UCI), as shipped in scikit-learn, CC BY 4.0"


def build(artefacts):
    data = load_breast_cancer()
    rows = data.data.astype(np.float32)
    malignant = (data.target == 0).astype(np.int64)
    artefacts.data("risk-rows.f32", rows)
    artefacts.data("risk-labels.u8", malignant.astype(np.uint8))
    # 60 % for the network, 20 % for the calibration, 20 % to measure.
    rest, test, y_rest, y_test = train_test_split(rows, malignant, test_size=0.2, random_state=7, stratify=malignant)
    fit, hold, y_fit, y_hold = train_test_split(rest, y_rest, test_size=0.25, random_state=7, stratify=y_rest)

    mean, deviation = fit.mean(0), fit.std(0)
    rng = np.random.default_rng(3)
    layers = [Dense(30, 16, rng), Relu(), Dense(16, 1, rng)]
    train(layers, (fit - mean) / deviation, y_fit[:, None].astype(np.float32), logistic_loss, rng, epochs=60, batch=32, decay=1e-2)
    scores = forward(layers, (hold - mean) / deviation)
    curve = LogisticRegression(C=10).fit(scores, y_hold)

    model = export(layers, mean, deviation, curve.coef_.astype(np.float32), curve.intercept_.astype(np.float32))
    run = session(model)
    probabilities = np.array([run.run(None, {"measurements": row[None]})[0][0, 0] for row in test])
    metrics = {
        "testAuc": expect("AUC of risk", roc_auc_score(y_test, probabilities), 0.98),
        "testAccuracy": expect("accuracy of risk", np.mean((probabilities > 0.5) == y_test), 0.94),
        "testBrier": round(float(brier_score_loss(y_test, probabilities)), 4),
        "testRows": len(test),
    }
    expect("1 - Brier score of risk", 1 - metrics["testBrier"], 0.95)
    artefacts.model(
        "risk-f32", model, title="Risk score, calibrated probability", labels=["malignant"], preprocess="breast-cancer-30/1",
        postprocess="probability/1", data=SOURCE, licence="MIT OR Apache-2.0", metrics=metrics,
    )


def logistic_loss(score, target):
    return ((1 / (1 + np.exp(-score)) - target) / len(target)).astype(np.float32)


def export(layers, mean, deviation, slope, offset):
    g = Graph("risk")
    x = g.input("measurements", TensorProto.FLOAT, [1, 30])
    x = g.node("Sub", [x, g.constant("mean", mean[None])], "centred")
    x = g.node("Div", [x, g.constant("deviation", deviation[None])], "standard")
    x = g.node("Gemm", [x, g.constant("w1", layers[0].weight), g.constant("b1", layers[0].bias)], "hidden")
    x = g.node("Relu", [x], "active")
    x = g.node("Gemm", [x, g.constant("w2", layers[2].weight), g.constant("b2", layers[2].bias)], "score")
    x = g.node("Mul", [x, g.constant("slope", slope)], "stretched")
    x = g.node("Add", [x, g.constant("offset", offset)], "log_odds")
    g.node("Sigmoid", [x], "probability")
    g.output("probability", TensorProto.FLOAT, [1, 1])
    return g.model()
