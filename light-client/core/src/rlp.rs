//! Strict RLP reading under limits (Yellow Paper, appendix B): exact lengths, counts checked before a list is allocated, no trailing bytes.
//!
//! `alloy-rlp` refuses non-canonical integers and lengths; this layer adds what it cannot know: how many items a list may have, how long a string may be, and that a list ends
//! where its last field ends.

use crate::fault::{Mismatch, Value};
use alloc::vec::Vec;
use alloy_primitives::Bytes;
use alloy_rlp::{BufMut, Decodable, Encodable, Header};
use thiserror::Error;

/// Why bytes are not one of the shapes of `docs/wire-format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not RLP, not canonical RLP, or another type than the field has.
    #[error("{what}: {error}")]
    Rlp {
        /// The field.
        what: &'static str,
        /// What `alloy-rlp` says.
        error: alloy_rlp::Error,
    },
    /// Something follows the last field.
    #[error("{what}: {got} bytes after the end")]
    TrailingBytes {
        /// The object.
        what: &'static str,
        /// How many bytes follow.
        got: usize,
    },
    /// More bytes or items than the limit allows.
    #[error("{what}: expected at most {expected}, got {got}")]
    TooLarge {
        /// The field.
        what: &'static str,
        /// The limit.
        expected: usize,
        /// What came; for lists the first count above the limit.
        got: usize,
    },
    /// A version of the format that this client does not know.
    #[error("{what}: expected version {expected}, got {got}")]
    Version {
        /// The object.
        what: &'static str,
        /// The version that this client speaks.
        expected: u64,
        /// The version that came.
        got: u64,
    },
    /// A number that names nothing.
    #[error("{what}: unknown value {got}")]
    Unknown {
        /// The field.
        what: &'static str,
        /// The number.
        got: u64,
    },
    /// A list that must be sorted and without duplicates is not.
    #[error("{what}: not sorted, or not unique")]
    Unordered {
        /// The list.
        what: &'static str,
    },
    /// A field has a value that the format forbids.
    #[error("{what}: forbidden value")]
    Forbidden {
        /// The field.
        what: &'static str,
    },
}

impl DecodeError {
    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match *self {
            Self::Rlp { what, .. } => Mismatch::new(what, "canonical RLP", "something else"),
            Self::TrailingBytes { what, got } => Mismatch::new(what, "the end", got),
            Self::TooLarge {
                what,
                expected,
                got,
            } => Mismatch::new(what, expected, got),
            Self::Version {
                what,
                expected,
                got,
            } => Mismatch::new(what, expected, got),
            Self::Unknown { what, got } => Mismatch::new(what, "a known value", got),
            Self::Unordered { what } => Mismatch::new(what, "sorted and unique", "another order"),
            Self::Forbidden { what } => Mismatch::new(what, Value::None, "a forbidden value"),
        }
    }
}

/// A cursor over the payload of one list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Opens `bytes`, which must be exactly one list.
    pub(crate) fn open(what: &'static str, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Self { what, rest: bytes };
        let inner = outer.list(what)?;
        outer.finish()?;
        Ok(inner)
    }

    /// The next item, which must be a list.
    #[inline(never)] // As below: dozens of callers, one copy.
    pub(crate) fn list(&mut self, what: &'static str) -> Result<Self, DecodeError> {
        let rest = Header::decode_bytes(&mut self.rest, true)
            .map_err(|error| DecodeError::Rlp { what, error })?;
        Ok(Self { what, rest })
    }

    /// The next item, of a type whose size its encoding cannot exceed (integers, hashes, addresses).
    #[inline(never)]
    pub(crate) fn value<T: Decodable>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        T::decode(&mut self.rest).map_err(|error| DecodeError::Rlp { what, error })
    }

    /// The next item, if there is one.
    pub(crate) fn optional<T: Decodable>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        if self.is_empty() {
            return Ok(None);
        }
        self.value(what).map(Some)
    }

    /// The next item, a string of at most `max` bytes.
    #[inline(never)]
    pub(crate) fn string(
        &mut self,
        what: &'static str,
        max: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let bytes = Header::decode_bytes(&mut self.rest, false)
            .map_err(|error| DecodeError::Rlp { what, error })?;
        check_size(what, max, bytes.len())?;
        Ok(bytes)
    }

    /// The next item, a string of at most `max` bytes, copied.
    pub(crate) fn bytes(&mut self, what: &'static str, max: usize) -> Result<Bytes, DecodeError> {
        self.string(what, max).map(Bytes::copy_from_slice)
    }

    /// The next item with its RLP header, at most `max` bytes of it.
    #[inline(never)]
    pub(crate) fn raw(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], DecodeError> {
        let short = DecodeError::Rlp {
            what,
            error: alloy_rlp::Error::InputTooShort,
        };
        let mut after = self.rest;
        let header =
            Header::decode(&mut after).map_err(|error| DecodeError::Rlp { what, error })?;
        let length = self
            .rest
            .len()
            .saturating_sub(after.len())
            .saturating_add(header.payload_length);
        check_size(what, max, length)?;
        let (item, rest) = self.rest.split_at_checked(length).ok_or(short)?;
        self.rest = rest;
        Ok(item)
    }

    /// The next item, a list of at most `max` items, each read by `read`. The items are counted before anything is allocated.
    pub(crate) fn items<T>(
        &mut self,
        what: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let (mut list, count) = self.counted(what, max)?;
        let mut items = Vec::with_capacity(count);
        while !list.is_empty() {
            items.push(read(&mut list)?);
        }
        Ok(items)
    }

    /// The next item, a list of at most `max` strings of at most `max_bytes` bytes.
    pub(crate) fn strings(
        &mut self,
        what: &'static str,
        max: usize,
        item: &'static str,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, DecodeError> {
        self.items(what, max, |list| list.bytes(item, max_bytes))
    }

    /// The next item, a list of at most `max` items, and how many they are.
    #[inline(never)]
    fn counted(&mut self, what: &'static str, max: usize) -> Result<(Self, usize), DecodeError> {
        let list = self.list(what)?;
        let mut ahead = list;
        let mut count = 0_usize;
        while !ahead.is_empty() {
            count = count.saturating_add(1);
            check_size(what, max, count)?;
            ahead.raw(what, usize::MAX)?;
        }
        Ok((list, count))
    }

    /// Whether every item was read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the list: nothing may follow.
    pub(crate) const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes {
                what: self.what,
                got: self.rest.len(),
            })
        }
    }
}

/// Refuses `got` above `max`.
pub(crate) const fn check_size(
    what: &'static str,
    max: usize,
    got: usize,
) -> Result<(), DecodeError> {
    if got > max {
        Err(DecodeError::TooLarge {
            what,
            expected: max,
            got,
        })
    } else {
        Ok(())
    }
}

/// Refuses another version than `expected`.
pub(crate) const fn check_version(
    what: &'static str,
    expected: u64,
    got: u64,
) -> Result<(), DecodeError> {
    if got == expected {
        Ok(())
    } else {
        Err(DecodeError::Version {
            what,
            expected,
            got,
        })
    }
}

/// Appends a list whose payload `write` produces.
pub(crate) fn write_list(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut payload = Vec::new();
    write(&mut payload);
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(out);
    out.put_slice(&payload);
}

/// Appends a list of strings.
pub(crate) fn write_strings(out: &mut Vec<u8>, strings: &[Bytes]) {
    write_list(out, |out| {
        strings.iter().for_each(|string| string.encode(out))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn counts_a_list_before_reading_it() {
        let mut bytes = Vec::new();
        write_list(&mut bytes, |out| {
            write_list(out, |out| out.extend_from_slice(&[1, 2, 3]))
        });
        let read = |max| {
            let mut reader = Reader::open("outer", &bytes)?;
            let mut calls = 0;
            let items = reader.items("numbers", max, |item| {
                calls += 1;
                item.value::<u64>("number")
            });
            assert!(
                items.is_ok() || calls == 0,
                "an item was read before the count was checked"
            );
            items
        };
        assert_eq!(read(3), Ok(vec![1, 2, 3]));
        assert_eq!(
            read(2),
            Err(DecodeError::TooLarge {
                what: "numbers",
                expected: 2,
                got: 3
            })
        );
    }

    #[test]
    fn refuses_bytes_after_the_list_and_fields_after_the_last() {
        assert_eq!(
            Reader::open("x", &[0xc0, 0]).map(|_| ()),
            Err(DecodeError::TrailingBytes { what: "x", got: 1 })
        );
        let reader = Reader::open("x", &[0xc1, 5]).unwrap();
        assert_eq!(
            reader.finish(),
            Err(DecodeError::TrailingBytes { what: "x", got: 1 })
        );
    }

    #[test]
    fn raw_items_keep_their_header() {
        let mut reader = Reader::open("x", &[0xc4, 0x82, 1, 2, 7]).unwrap();
        assert_eq!(reader.raw("a", 3), Ok(&[0x82, 1, 2][..]));
        assert_eq!(
            reader.raw("b", 0),
            Err(DecodeError::TooLarge {
                what: "b",
                expected: 0,
                got: 1
            })
        );
        assert_eq!(reader.raw("b", 1), Ok(&[7][..]));
    }
}
