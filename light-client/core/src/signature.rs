//! The sequencer's signature over a header: digest and signer recovery (secp256k1, low s as in [EIP-2](https://eips.ethereum.org/EIPS/eip-2)).
//!
//! ```text
//! digest    = keccak( keccak("sidelight header v1") || u256be(chain_id) || rules_hash || u256be(number) || header_hash )
//! signature = r || s || v          65 bytes, v = 27 or 28
//! ```
//!
//! The digest names chain, rules and height, so that a signature cannot be replayed elsewhere and two signatures at one height are evidence without either header. A contract
//! recovers the same signer with `ecrecover`.

use alloy_primitives::{Address, B256, B512, U256, keccak256};
use k256::{
    AffinePoint, ProjectivePoint, Scalar,
    elliptic_curve::{
        ff::PrimeField,
        ops::{Invert, LinearCombination, Reduce},
        point::DecompressPoint,
        scalar::IsHigh,
        sec1::ToEncodedPoint,
    },
};
use thiserror::Error;

/// `r || s || v`.
pub type SignatureBytes = [u8; 65];

/// What separates this digest from every other use of the signer's key.
const DOMAIN: &[u8] = b"sidelight header v1";

/// Why no signer could be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// `v` is neither 27 nor 28.
    #[error("recovery byte: expected 27 or 28, got {got}")]
    RecoveryByte {
        /// The byte that came.
        got: u8,
    },
    /// `s` is in the upper half: the same signature exists with a low `s`, and only one of the two may be valid.
    #[error("s is in the upper half of the group order")]
    HighS,
    /// `r` or `s` is zero or not below the group order.
    #[error("r or s is out of range")]
    OutOfRange,
    /// No public key fits.
    #[error("no public key fits the signature")]
    Unrecoverable,
}

impl SignatureError {
    /// The error as a short fixed text.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::RecoveryByte { .. } => "v is neither 27 nor 28",
            Self::HighS => "s is in the upper half of the group order",
            Self::OutOfRange => "r or s is out of range",
            Self::Unrecoverable => "no public key fits the signature",
        }
    }
}

/// What the signer of `header_hash` at `number` signs.
pub fn compute_signing_digest(
    chain_id: u64,
    rules_hash: B256,
    number: u64,
    header_hash: B256,
) -> B256 {
    let mut message = [0_u8; 160];
    let words = [
        keccak256(DOMAIN),
        U256::from(chain_id).into(),
        rules_hash,
        U256::from(number).into(),
        header_hash,
    ];
    for (chunk, word) in message.chunks_exact_mut(32).zip(words) {
        chunk.copy_from_slice(word.as_slice());
    }
    keccak256(message)
}

/// Which values of `s` are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SRange {
    /// The lower half of the group order: everywhere since EIP-2.
    Low,
    /// All: transactions before Homestead.
    Any,
}

/// The address whose key made `signature` over `digest`, with a low `s`.
pub fn recover_signer(digest: B256, signature: &SignatureBytes) -> Result<Address, SignatureError> {
    let [rs @ .., v] = signature;
    let y_is_odd = match v {
        27 => false,
        28 => true,
        &got => return Err(SignatureError::RecoveryByte { got }),
    };
    let (r, s) = rs.split_at(32);
    recover_from_parts(digest, r, s, y_is_odd, SRange::Low)
}

/// The address whose key made the signature `r`, `s` (big-endian, 32 bytes each) over `digest` ([SEC 1](https://www.secg.org/sec1-v2.pdf), 4.1.6): the key `(s R - z G) / r`, where
/// `R` is the point that `r` and the parity of its y name.
///
/// The signature is not verified again with this key: that is the same equation solved for `R`.
pub fn recover_from_parts(
    digest: B256,
    r: &[u8],
    s: &[u8],
    y_is_odd: bool,
    range: SRange,
) -> Result<Address, SignatureError> {
    let r = read_scalar(r).ok_or(SignatureError::OutOfRange)?;
    let s = read_scalar(s).ok_or(SignatureError::OutOfRange)?;
    if range == SRange::Low && s.is_high().into() {
        return Err(SignatureError::HighS);
    }
    // v = 29 and 30, an x above the group order, do not exist here: the point's x is r itself.
    let point: Option<AffinePoint> =
        AffinePoint::decompress(&r.to_bytes(), u8::from(y_is_odd).into()).into();
    // Nothing here is secret.
    let inverse: Option<Scalar> = r.invert_vartime().into();
    let (Some(point), Some(inverse)) = (point, inverse) else {
        return Err(SignatureError::Unrecoverable);
    };
    let z = <Scalar as Reduce<k256::U256>>::reduce_bytes(&digest.0.into());
    let key = ProjectivePoint::lincomb(
        &ProjectivePoint::GENERATOR,
        &inverse.mul(&z).negate(),
        &point.into(),
        &inverse.mul(&s),
    );
    let key = key.to_affine().to_encoded_point(false);
    // The point at infinity, which is no key, is one byte long.
    let (_, coordinates) = key
        .as_bytes()
        .split_first()
        .ok_or(SignatureError::Unrecoverable)?;
    let coordinates = B512::try_from(coordinates).map_err(|_| SignatureError::Unrecoverable)?;
    Ok(Address::from_raw_public_key(coordinates.as_slice()))
}

/// A number from 1 to below the group order.
fn read_scalar(bytes: &[u8]) -> Option<Scalar> {
    let bytes: [u8; 32] = bytes.try_into().ok()?;
    let scalar: Option<Scalar> = Scalar::from_repr(bytes.into()).into();
    scalar.filter(|scalar| !bool::from(scalar.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{address_of, key, sign};

    #[test]
    fn recovers_the_signer() {
        for seed in 1..20 {
            let digest = keccak256([seed]);
            let signature = sign(&key(seed), digest);
            assert_eq!(
                recover_signer(digest, &signature),
                Ok(address_of(&key(seed)))
            );
        }
    }

    #[test]
    fn agrees_with_a_recovery_that_verifies_afterwards() {
        use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
        let model = |digest: B256, signature: &SignatureBytes| {
            let rs = Signature::from_slice(&signature[..64]).ok()?;
            let rs = rs.normalize_s().map_or(Some(rs), |_| None)?;
            let id = RecoveryId::new(signature[64] == 28, false);
            let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &rs, id).ok()?;
            Some(Address::from_raw_public_key(
                &key.to_encoded_point(false).as_bytes()[1..],
            ))
        };
        let mut recovered = 0;
        for seed in 0..64_u8 {
            // About half of all numbers are the x of a point.
            let (r, mut s) = (keccak256([seed, 1]), keccak256([seed, 2]));
            s[0] >>= 1;
            let mut signature = [27 + seed % 2; 65];
            signature[..32].copy_from_slice(r.as_slice());
            signature[32..64].copy_from_slice(s.as_slice());
            for digest in [B256::ZERO, B256::repeat_byte(0xff), keccak256([seed])] {
                let got = recover_signer(digest, &signature).ok();
                assert_eq!(got, model(digest, &signature), "seed {seed}");
                recovered += usize::from(got.is_some());
            }
        }
        assert!((50..150).contains(&recovered), "{recovered}");
    }

    #[test]
    fn a_signature_whose_key_is_infinity_is_refused() {
        // With R = G, s = z and r = x(G), the key (s G - z G) / r is no point.
        let r = alloy_primitives::b256!(
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        );
        let digest = B256::with_last_byte(7);
        let mut signature = [27; 65];
        signature[..32].copy_from_slice(r.as_slice());
        signature[32..64].copy_from_slice(digest.as_slice());
        assert_eq!(
            recover_signer(digest, &signature),
            Err(SignatureError::Unrecoverable)
        );
    }

    #[test]
    fn every_part_of_the_digest_matters() {
        let base = compute_signing_digest(1, B256::ZERO, 2, B256::repeat_byte(3));
        assert_ne!(
            base,
            compute_signing_digest(2, B256::ZERO, 2, B256::repeat_byte(3))
        );
        assert_ne!(
            base,
            compute_signing_digest(1, B256::repeat_byte(1), 2, B256::repeat_byte(3))
        );
        assert_ne!(
            base,
            compute_signing_digest(1, B256::ZERO, 3, B256::repeat_byte(3))
        );
        assert_ne!(
            base,
            compute_signing_digest(1, B256::ZERO, 2, B256::repeat_byte(4))
        );
    }

    #[test]
    fn rejects_the_malleable_twin_and_foreign_recovery_bytes() {
        let digest = keccak256(b"x");
        let good = sign(&key(1), digest);
        let order = k256::Secp256k1::ORDER_BYTES;
        let s = U256::from_be_slice(&good[32..64]);
        let mut twin = good;
        twin[32..64].copy_from_slice(&(U256::from_be_bytes(order) - s).to_be_bytes::<32>());
        twin[64] = 55 - good[64];
        assert_eq!(recover_signer(digest, &twin), Err(SignatureError::HighS));
        for v in [0, 1, 26, 29, 35, 255] {
            let mut other = good;
            other[64] = v;
            assert_eq!(
                recover_signer(digest, &other),
                Err(SignatureError::RecoveryByte { got: v })
            );
        }
        let mut zero = good;
        zero[..32].fill(0);
        assert_eq!(
            recover_signer(digest, &zero),
            Err(SignatureError::OutOfRange)
        );
        let mut full = good;
        full[..32].fill(0xff);
        assert_eq!(
            recover_signer(digest, &full),
            Err(SignatureError::OutOfRange)
        );
    }

    #[test]
    fn a_flipped_bit_never_recovers_the_same_signer() {
        let digest = keccak256(b"x");
        let good = sign(&key(1), digest);
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(
                recover_signer(digest, &bad),
                Ok(address_of(&key(1))),
                "bit {bit}"
            );
        }
    }

    trait Order {
        const ORDER_BYTES: [u8; 32];
    }

    impl Order for k256::Secp256k1 {
        const ORDER_BYTES: [u8; 32] = alloy_primitives::hex!(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        );
    }
}
