//! Limits on what comes from outside, with their reasons.

/// Largest model file: half the engine's memory, which holds the file and what is read from it at once.
pub const MAX_MODEL_BYTES: u64 = 256 << 20;
/// Largest manifest as JSON; those of the models here have about 1 kB.
pub const MAX_MANIFEST_BYTES: usize = 64 << 10;
/// Most labels of a model: ImageNet-21k has 21,843.
pub const MAX_LABELS: usize = 32_768;
/// Longest text in a manifest.
pub const MAX_TEXT: usize = 512;
/// Most decisions in a batch; a proof then has 20 siblings.
pub const MAX_BATCH: usize = 1 << 20;
/// Most siblings of a path in a batch.
pub const MAX_BATCH_SIBLINGS: usize = 20;
/// Most values of a trace: nodes of the largest of ONNX's light networks, twentyfold.
pub const MAX_TRACE: usize = 16_384;
/// Most operators of a graph, and most weights: thirtyfold those of the largest of ONNX's light networks.
pub const MAX_NODES: usize = 32_768;
/// Most weights of a graph.
pub const MAX_WEIGHTS: usize = 32_768;
/// Largest file of a decision: opened tensors are hexadecimal in it, and those of the models here have some kilobytes.
pub const MAX_RECORD_BYTES: usize = 4 << 20;
/// Longest signature that a contract is asked about: a wallet of 100 owners takes 6,500.
pub const MAX_SIGNATURE: usize = 8_192;
/// Gas for a contract's answer: a hundred signatures of its owners take a tenth.
pub const ACCOUNT_GAS: u64 = 10_000_000;
