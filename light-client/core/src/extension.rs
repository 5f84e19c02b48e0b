//! The record behind a header's `extra_data`. `docs/wire-format.md` section 1, "Extension".
//!
//! ```text
//! header.extra_data == keccak([version, accounts_root, frames_root, rules_hash, next_signer])
//! ```

use crate::{
    limits::MAX_EXTENSION_BYTES,
    rlp::{DecodeError, Reader, check_size, write_list},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_rlp::Encodable;

/// What a header commits to beyond Ethereum's fields. Untrusted until [`crate::header::verify_header`] has seen it beside its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Format version; [`Extension::VERSION`] is the only one known.
    pub version: u64,
    /// Merkle root over the block access list's entries, see [`crate::merkle`].
    pub accounts_root: B256,
    /// Zero until frames exist.
    pub frames_root: B256,
    /// Hash of the chain's rules.
    pub rules_hash: B256,
    /// The address that must sign the next block.
    pub next_signer: Address,
}

impl Extension {
    /// The version that this client speaks.
    pub const VERSION: u64 = 1;

    /// The hash that stands in `extra_data`.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// The canonical RLP.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.version.encode(out);
            self.accounts_root.encode(out);
            self.frames_root.encode(out);
            self.rules_hash.encode(out);
            self.next_signer.encode(out);
        });
    }

    /// Reads an extension of any version whose fields are these; the version is checked with the header.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("extension", MAX_EXTENSION_BYTES, bytes.len())?;
        let mut reader = Reader::open("extension", bytes)?;
        let extension = Self {
            version: reader.value("extension.version")?,
            accounts_root: reader.value("extension.accounts_root")?,
            frames_root: reader.value("extension.frames_root")?,
            rules_hash: reader.value("extension.rules_hash")?,
            next_signer: reader.value("extension.next_signer")?,
        };
        reader.finish()?;
        Ok(extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_extensions_are_refused_or_are_other_extensions() {
        let extension = Extension {
            version: 1,
            accounts_root: B256::repeat_byte(1),
            frames_root: B256::ZERO,
            rules_hash: B256::repeat_byte(2),
            next_signer: Address::repeat_byte(3),
        };
        assert_eq!(
            Extension::decode(&extension.encode()),
            Ok(extension.clone())
        );
        crate::tests::check_decoder(&extension.encode(), |bytes| {
            Extension::decode(bytes).map(|extension| extension.encode())
        });
    }
}
