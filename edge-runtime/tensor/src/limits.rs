//! Every limit on tensors from outside, with its reason. Checked before anything is allocated.

/// Longest name in bytes. Exporters write paths of modules; the longest in ONNX's own test models has 90.
pub const MAX_NAME: usize = 256;
/// Most dimensions. ONNX sets no limit; no model in use has more than six.
pub const MAX_RANK: usize = 8;
/// Most bytes of one tensor: a quarter of the engine's memory, which holds the input, a copy of it, and the activations.
pub const MAX_TENSOR_BYTES: u64 = 256 << 20;
/// Most tensors in a message: a model with more inputs or outputs is refused.
pub const MAX_TENSORS: usize = 64;
