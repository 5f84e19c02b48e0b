"""The root over a model's operators and weights: docs/decision-format.md section 6."""

import onnx
from Crypto.Hash import keccak

CHUNK = 1024


def graph_root(model: onnx.ModelProto) -> str:
    graph = model.graph
    weights = {tensor.name: bytes_root(tensor) for tensor in graph.initializer}
    read = {name for node in graph.node for name in node.input}
    leaves = [[bytes_root(node), *(weights[name] for name in node.input if name in weights)] for node in graph.node]
    unread = [root for name, root in weights.items() if name not in read]
    if graph.sparse_initializer:
        raise SystemExit("sparse weights: none of these models has any")
    if unread:
        leaves.append(unread)
    return "0x" + tree([leaf(at, b"".join(roots)) for at, roots in enumerate(leaves)]).hex()


def bytes_root(message) -> bytes:
    """Of the bytes that `SerializeToString` of the whole model has for this part of it."""
    data = message.SerializeToString(deterministic=True)
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)] or [b""]
    return tree([leaf(at, chunk) for at, chunk in enumerate(chunks)])


def tree(level: list[bytes]) -> bytes:
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [hashed(b"\1" + b"".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def leaf(at: int, content: bytes) -> bytes:
    return hashed(b"\0" + at.to_bytes(4, "big") + content)


def hashed(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()
