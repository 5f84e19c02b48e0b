//! Several tensors as bytes: how they enter and leave the engine.
//!
//! ```text
//! message = u32 count || count times { u16 name length || name || u8 dtype || u8 rank || u64 size, rank times || u64 byte length || bytes }
//! ```
//! Little-endian; names rise strictly, bytewise, so that a set of tensors has one message.

use alloc::{borrow::ToOwned, vec::Vec};

use crate::{
    dtype::DType,
    limits::{MAX_NAME, MAX_RANK, MAX_TENSORS},
    tensor::{Tensor, TensorError, expected_bytes},
};

/// The order of messages, commitments and comparisons. Two of one name are refused.
pub fn sort_by_name(tensors: &[Tensor]) -> Result<Vec<&Tensor>, TensorError> {
    let mut sorted: Vec<&Tensor> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| tensor.name());
    check_order(&sorted)?;
    Ok(sorted)
}

/// The message of these tensors, which are sorted first. Two of one name are refused.
pub fn encode_message(tensors: &[Tensor]) -> Result<Vec<u8>, TensorError> {
    let sorted = sort_by_name(tensors)?;
    let count =
        u32::try_from(sorted.len()).map_err(|_| TensorError::Count { got: sorted.len() })?;
    let mut out = Vec::with_capacity(
        sorted
            .iter()
            .map(|tensor| tensor.bytes().len().saturating_add(64))
            .sum(),
    );
    out.extend_from_slice(&count.to_le_bytes());
    for tensor in sorted {
        let (name, shape) = (tensor.name(), tensor.shape());
        let length =
            u16::try_from(name.len()).map_err(|_| TensorError::Name { got: name.len() })?;
        let rank = u8::try_from(shape.len()).map_err(|_| TensorError::Rank { got: shape.len() })?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&[tensor.dtype().code(), rank]);
        shape
            .iter()
            .for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
        let size = u64::try_from(tensor.bytes().len()).map_err(|_| TensorError::TooLarge)?;
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(tensor.bytes());
    }
    Ok(out)
}

/// The tensors of a message. Every byte is accounted for.
pub fn decode_message(bytes: &[u8]) -> Result<Vec<Tensor>, TensorError> {
    let mut reader = Reader(bytes);
    let count = usize::try_from(u32::from_le_bytes(reader.array()?)).unwrap_or(usize::MAX);
    if count > MAX_TENSORS {
        return Err(TensorError::Count { got: count });
    }
    let mut tensors: Vec<Tensor> = Vec::with_capacity(count);
    for _ in 0..count {
        tensors.push(decode_tensor(&mut reader)?);
    }
    check_order(&tensors.iter().collect::<Vec<_>>())?;
    match reader.0.len() {
        0 => Ok(tensors),
        got => Err(TensorError::Trailing { got }),
    }
}

fn decode_tensor(reader: &mut Reader<'_>) -> Result<Tensor, TensorError> {
    let length = usize::from(u16::from_le_bytes(reader.array()?));
    if length > MAX_NAME {
        return Err(TensorError::Name { got: length });
    }
    let name = core::str::from_utf8(reader.take(length)?)
        .map_err(|_| TensorError::Name { got: length })?;
    let [code, rank] = reader.array()?;
    let dtype = DType::from_code(code).ok_or(TensorError::DType { got: code })?;
    let rank = usize::from(rank);
    if rank > MAX_RANK {
        return Err(TensorError::Rank { got: rank });
    }
    let mut shape = Vec::with_capacity(rank);
    for _ in 0..rank {
        shape.push(u64::from_le_bytes(reader.array()?));
    }
    let got = u64::from_le_bytes(reader.array()?);
    match expected_bytes(dtype, &shape)? {
        Some(expected) if expected != got => {
            return Err(TensorError::Length {
                name: name.to_owned(),
                expected,
                got,
            });
        }
        _ => {}
    }
    let size = usize::try_from(got).map_err(|_| TensorError::TooLarge)?;
    // Taken from what is there before it is copied, so that an announced length alone costs nothing.
    let data = reader.take(size)?;
    Tensor::new(name, dtype, shape, data.to_vec())
}

fn check_order(tensors: &[&Tensor]) -> Result<(), TensorError> {
    if tensors.len() > MAX_TENSORS {
        return Err(TensorError::Count { got: tensors.len() });
    }
    for pair in tensors.windows(2) {
        if let [before, tensor] = pair
            && before.name() >= tensor.name()
        {
            return Err(TensorError::Order {
                after: before.name().to_owned(),
                got: tensor.name().to_owned(),
            });
        }
    }
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], TensorError> {
        let (head, tail) =
            self.0
                .split_at_checked(length)
                .ok_or_else(|| TensorError::Truncated {
                    expected: u64::try_from(length).unwrap_or(u64::MAX),
                    got: u64::try_from(self.0.len()).unwrap_or(u64::MAX),
                })?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TensorError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sample() -> Vec<Tensor> {
        vec![
            Tensor::f32("b", &[2, 1], &[1.5, -0.0]).unwrap(),
            Tensor::new("a", DType::Bool, [], vec![1]).unwrap(),
            Tensor::new("c", DType::Bytes, [1], vec![2, 0, 0, 0, b'h', b'i']).unwrap(),
        ]
    }

    #[test]
    fn a_message_gives_back_its_tensors_sorted() {
        let tensors = decode_message(&encode_message(&sample()).unwrap()).unwrap();
        assert_eq!(
            tensors.iter().map(Tensor::name).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(tensors[1], sample()[0]);
    }

    #[test]
    fn every_shortened_message_is_refused() {
        let message = encode_message(&sample()).unwrap();
        for length in 0..message.len() {
            assert!(decode_message(&message[..length]).is_err(), "{length}");
        }
        assert_eq!(
            decode_message(&[message, vec![0]].concat()),
            Err(TensorError::Trailing { got: 1 })
        );
    }

    #[test]
    fn one_changed_bit_never_decodes_to_the_same_tensors() {
        let message = encode_message(&sample()).unwrap();
        let tensors = decode_message(&message).unwrap();
        for bit in 0..message.len() * 8 {
            let mut changed = message.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(decode_message(&changed).as_ref(), Ok(&tensors), "bit {bit}");
        }
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut message = vec![1, 0, 0, 0, 1, 0, b'x', 2, 1];
        message.extend_from_slice(&(1_u64 << 28).to_le_bytes());
        message.extend_from_slice(&(1_u64 << 28).to_le_bytes());
        assert!(matches!(
            decode_message(&message),
            Err(TensorError::Truncated { got: 0, .. })
        ));
        assert!(matches!(
            decode_message(&[255, 0, 0, 0]),
            Err(TensorError::Count { got: 255 })
        ));
    }

    #[test]
    fn two_tensors_of_one_name_are_refused() {
        let tensor = Tensor::f32("x", &[1], &[0.0]).unwrap();
        assert!(matches!(
            encode_message(&[tensor.clone(), tensor]),
            Err(TensorError::Order { .. })
        ));
    }
}
