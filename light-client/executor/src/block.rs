//! A block from its RLP.

use alloy_consensus::{Block, TxEnvelope};
use alloy_primitives::B256;

use crate::{
    error::{BlockError, TransactionError},
    wide,
};

/// A block that decoded; nothing else is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedBlock {
    /// Header and body.
    pub block: Block<TxEnvelope>,
    /// Keccak of the header's bytes.
    pub hash: B256,
    /// Bytes of the RLP.
    pub size: usize,
}

/// Decodes a block and refuses bytes after it, and any encoding that is not the canonical one.
pub fn decode_block(rlp: &[u8]) -> Result<DecodedBlock, BlockError> {
    let mut rest = rlp;
    let (block, hash) = Block::<TxEnvelope>::decode_sealed(&mut rest)
        .map_err(|error| match wide::find_in_block(rlp) {
            Some(index) => BlockError::Transaction {
                index,
                error: TransactionError::FeeTooHigh,
            },
            None => BlockError::Decode(error),
        })?
        .into_parts();
    if !rest.is_empty() {
        return Err(BlockError::Decode(alloy_rlp::Error::UnexpectedLength));
    }
    if alloy_rlp::encode(&block) != rlp {
        return Err(BlockError::Decode(alloy_rlp::Error::Custom(
            "not the canonical encoding",
        )));
    }
    Ok(DecodedBlock {
        block,
        hash,
        size: rlp.len(),
    })
}
