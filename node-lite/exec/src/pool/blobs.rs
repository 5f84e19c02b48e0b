//! Blob transactions as they are gossiped ([EIP-4844](https://eips.ethereum.org/EIPS/eip-4844), [EIP-7594](https://eips.ethereum.org/EIPS/eip-7594)): the sidecar must be the one that the
//! transaction commits to. It is checked and then dropped: nobody takes blobs out of this pool.
//!
//! ```text
//!   versioned hash = 1 || sha256(commitment)[1..]      commitment <-- proof(s) --> blob
//! ```

use alloy_consensus::{Signed, TxEip4844Variant};
use alloy_eips::{
    eip4844::VERSIONED_HASH_VERSION_KZG,
    eip7594::{BlobTransactionSidecarVariant, CELLS_PER_EXT_BLOB},
    eip7840::BlobParams,
};
use alloy_primitives::B256;
use c_kzg::{Blob, Bytes48, KzgSettings, ethereum_kzg_settings};
use revm::primitives::hardfork::SpecId;

use crate::error::PoolError;

/// Checks the blobs of a transaction and returns it without them.
pub(super) fn verify(
    signed: Signed<TxEip4844Variant>,
    params: &BlobParams,
    spec: SpecId,
) -> Result<Signed<TxEip4844Variant>, PoolError> {
    let (transaction, signature, hash) = signed.into_parts();
    let (transaction, sidecar) = transaction.strip_sidecar();
    let hashes = &transaction.tx().blob_versioned_hashes;
    let (got, limit) = (hashes.len() as u64, params.max_blobs_per_tx);
    if got == 0 {
        return Err(PoolError::Blobs("blobless blob transaction".to_owned()));
    }
    if got > limit {
        let text = format!("too many blobs in transaction: have {got}, permitted {limit}");
        return Err(PoolError::Blobs(text));
    }
    let Some(sidecar) = sidecar else {
        return Err(PoolError::Blobs(
            "missing sidecar in blob transaction".to_owned(),
        ));
    };
    verify_sidecar(hashes, &sidecar, spec)?;
    Ok(Signed::new_unchecked(transaction, signature, hash))
}

fn verify_sidecar(
    hashes: &[B256],
    sidecar: &BlobTransactionSidecarVariant,
    spec: SpecId,
) -> Result<(), PoolError> {
    let refuse = |text: &str| Err(PoolError::Blobs(text.to_owned()));
    let (blobs, commitments) = (sidecar.blobs(), sidecar.commitments());
    if blobs.len() != hashes.len() || commitments.len() != hashes.len() {
        return refuse("invalid number of blobs or commitments in sidecar");
    }
    if hashes
        .iter()
        .any(|hash| hash.first() != Some(&VERSIONED_HASH_VERSION_KZG))
    {
        return refuse("blob hash has an unknown version");
    }
    if !sidecar.versioned_hashes().eq(hashes.iter().copied()) {
        return refuse("blob commitments do not match the versioned hashes");
    }
    let settings = ethereum_kzg_settings(0);
    let blobs: Vec<Blob> = blobs.iter().map(|blob| Blob::new(blob.0)).collect();
    let words = |list: &[alloy_eips::eip4844::Bytes48]| -> Vec<Bytes48> {
        list.iter().map(|word| Bytes48::new(word.0)).collect()
    };
    let commitments = words(commitments);
    let verified = match sidecar {
        BlobTransactionSidecarVariant::Eip7594(sidecar) => {
            if !spec.is_enabled_in(SpecId::OSAKA) {
                return refuse("cell proofs are not known before Osaka");
            }
            verify_cells(settings, &blobs, &commitments, &words(&sidecar.cell_proofs))
        }
        BlobTransactionSidecarVariant::Eip4844(sidecar) => {
            if spec.is_enabled_in(SpecId::OSAKA) {
                return refuse("blob proofs have been replaced by cell proofs in Osaka");
            }
            settings.verify_blob_kzg_proof_batch(&blobs, &commitments, &words(&sidecar.proofs))
        }
    };
    match verified {
        Ok(true) => Ok(()),
        Ok(false) => refuse("invalid blob proof"),
        Err(error) => Err(PoolError::Blobs(format!("invalid blob proof: {error}"))),
    }
}

fn verify_cells(
    settings: &KzgSettings,
    blobs: &[Blob],
    commitments: &[Bytes48],
    proofs: &[Bytes48],
) -> Result<bool, c_kzg::Error> {
    let expected = blobs.len().saturating_mul(CELLS_PER_EXT_BLOB);
    if proofs.len() != expected {
        let got = proofs.len();
        let text = format!("expected {expected} cell proofs, got {got}");
        return Err(c_kzg::Error::MismatchLength(text));
    }
    let (mut cells, mut committed, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for (blob, commitment) in blobs.iter().zip(commitments) {
        cells.extend_from_slice(settings.compute_cells(blob)?.as_slice());
        committed.extend([*commitment; CELLS_PER_EXT_BLOB]);
        indices.extend(0..CELLS_PER_EXT_BLOB as u64);
    }
    settings.verify_cell_kzg_proof_batch(&committed, &indices, &cells, proofs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloy_eips::{
        eip4844::{self, kzg_to_versioned_hash},
        eip7594::BlobTransactionSidecarEip7594,
    };

    use super::*;

    /// A blob with its commitment and cell proofs, and the hash of the commitment.
    fn blob(value: u8) -> (BlobTransactionSidecarEip7594, B256) {
        let settings = ethereum_kzg_settings(0);
        let mut bytes = [0; c_kzg::BYTES_PER_BLOB];
        bytes[31] = value;
        let blob = Blob::new(bytes);
        let commitment = settings.blob_to_kzg_commitment(&blob).unwrap().to_bytes();
        let (_, proofs) = settings.compute_cells_and_kzg_proofs(&blob).unwrap();
        let word = |word: Bytes48| eip4844::Bytes48::from(word.into_inner());
        let sidecar = BlobTransactionSidecarEip7594 {
            blobs: vec![eip4844::Blob::from(bytes)],
            commitments: vec![word(commitment)],
            cell_proofs: proofs.iter().map(|proof| word(proof.to_bytes())).collect(),
        };
        (sidecar, kzg_to_versioned_hash(commitment.as_slice()))
    }

    fn check(sidecar: BlobTransactionSidecarEip7594, hash: B256, spec: SpecId) -> String {
        match verify_sidecar(&[hash], &sidecar.into(), spec) {
            Ok(()) => "taken".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_sidecar_is_taken_only_if_it_is_what_the_transaction_commits_to() {
        let ((good, hash), (other, other_hash)) = (blob(1), blob(2));
        assert_eq!(check(good.clone(), hash, SpecId::OSAKA), "taken");
        assert!(check(good.clone(), hash, SpecId::PRAGUE).contains("not known before Osaka"));
        assert!(check(good.clone(), other_hash, SpecId::OSAKA).contains("do not match"));
        assert!(check(good.clone(), B256::ZERO, SpecId::OSAKA).contains("unknown version"));
        let mut mixed = good.clone();
        mixed.blobs = other.blobs;
        assert_eq!(check(mixed, hash, SpecId::OSAKA), "invalid blob proof");
        let mut foreign = good.clone();
        foreign.commitments = other.commitments;
        assert_eq!(
            check(foreign, other_hash, SpecId::OSAKA),
            "invalid blob proof"
        );
        let mut short = good.clone();
        short.cell_proofs.pop();
        assert!(check(short, hash, SpecId::OSAKA).contains("expected 128 cell proofs, got 127"));
        let mut empty = good;
        empty.blobs.clear();
        assert!(check(empty, hash, SpecId::OSAKA).contains("invalid number of blobs"));
    }
}
