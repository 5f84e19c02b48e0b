//! Commitments to inputs and outputs: `hashStruct(IoCommit)` over the tensors' hashes and a salt.
//!
//! A hash hides nothing that can be guessed: a digit, a yes or an amount is found by trying them all. So there is a salt unless the caller says that the values are public.

use alloy_primitives::B256;
use alloy_sol_types::SolStruct;
use sidelight_tensor::{Tensor, TensorError, sort_by_name};

use crate::typed;

/// Which side of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// What went in.
    Input = 1,
    /// What came out.
    Output = 2,
}

/// What hides the committed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Salt {
    /// 32 random bytes, told to whoever may check. Drawn anew for each commitment: two commitments to the same values must not look alike.
    Private(B256),
    /// None: the values are public anyway.
    Public,
}

impl Salt {
    /// The field of the commitment.
    pub const fn to_b256(self) -> B256 {
        match self {
            Self::Private(salt) => salt,
            Self::Public => B256::ZERO,
        }
    }
}

/// `hashStruct(Tensor)`.
pub fn hash_tensor(tensor: &Tensor) -> B256 {
    let header = typed::Tensor {
        name: tensor.name().into(),
        dtype: tensor.dtype().code(),
        shape: tensor.shape().to_vec(),
        byteLength: u64::try_from(tensor.bytes().len()).unwrap_or(u64::MAX),
        root: B256::from(tensor.root()),
    };
    header.eip712_hash_struct()
}

/// `hashStruct(IoCommit)` over these tensors, in whatever order they come. Two of one name are refused.
#[allow(clippy::as_conversions, reason = "the discriminant of a u8 enum")]
pub fn compute_commitment(role: Role, salt: Salt, tensors: &[Tensor]) -> Result<B256, TensorError> {
    let sorted = sort_by_name(tensors)?;
    let commit = typed::IoCommit {
        role: role as u8,
        salt: salt.to_b256(),
        tensors: sorted.into_iter().map(hash_tensor).collect(),
    };
    Ok(commit.eip712_hash_struct())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_role_order_and_every_element_decide() {
        let a = Tensor::f32("a", &[2], &[1.0, 2.0]).unwrap();
        let b = Tensor::f32("b", &[], &[3.0]).unwrap();
        let commit =
            |role, salt, tensors: &[Tensor]| compute_commitment(role, salt, tensors).unwrap();
        let base = commit(Role::Input, Salt::Public, &[a.clone(), b.clone()]);
        assert_eq!(
            commit(Role::Input, Salt::Public, &[b.clone(), a.clone()]),
            base
        );
        assert_ne!(
            commit(Role::Output, Salt::Public, &[a.clone(), b.clone()]),
            base
        );
        assert_ne!(
            commit(
                Role::Input,
                Salt::Private(B256::repeat_byte(1)),
                &[a.clone(), b.clone()]
            ),
            base
        );
        assert_ne!(
            commit(Role::Input, Salt::Public, core::slice::from_ref(&a)),
            base
        );
        let other = Tensor::f32("a", &[2], &[1.0, -2.0]).unwrap();
        assert_ne!(commit(Role::Input, Salt::Public, &[other, b]), base);
        assert!(compute_commitment(Role::Input, Salt::Public, &[a.clone(), a]).is_err());
    }
}
