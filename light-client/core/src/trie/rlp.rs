//! Strict RLP items (Yellow Paper, appendix B): the one way in which trie nodes are taken apart.
//!
//! `alloy_rlp::Header` refuses every non-canonical length and single byte; this module adds the item around it and the two writers that node encoding needs.

use alloc::vec::Vec;

use alloy_rlp::{EMPTY_STRING_CODE, Encodable, Error, Header};

/// One item, borrowed from its input. Items inside a list are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A byte string's payload.
    Bytes(&'a [u8]),
    /// A list: its items one after another, and the whole encoding.
    List {
        /// What stands between the list's header and its end.
        payload: &'a [u8],
        /// Header and payload.
        raw: &'a [u8],
    },
}

/// Takes the first item off `buf`.
#[inline]
pub fn split_item<'a>(buf: &mut &'a [u8]) -> Result<Item<'a>, Error> {
    let start = *buf;
    let mut rest = start;
    let Header {
        list,
        payload_length,
    } = Header::decode(&mut rest)?;
    let (payload, rest) = rest
        .split_at_checked(payload_length)
        .ok_or(Error::InputTooShort)?;
    *buf = rest;
    if !list {
        return Ok(Item::Bytes(payload));
    }
    let length = start.len().saturating_sub(rest.len());
    let raw = start.get(..length).ok_or(Error::InputTooShort)?;
    Ok(Item::List { payload, raw })
}

/// The only item in `buf`: bytes behind it are an error.
pub fn decode_item(mut buf: &[u8]) -> Result<Item<'_>, Error> {
    let item = split_item(&mut buf)?;
    if buf.is_empty() {
        Ok(item)
    } else {
        Err(Error::UnexpectedLength)
    }
}

/// Writes `bytes` as a byte string.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes {
        [] => out.push(EMPTY_STRING_CODE),
        bytes => bytes.encode(out),
    }
}

/// Writes the header of a list whose items take `payload_length` bytes.
pub(super) fn put_list_header(payload_length: usize, out: &mut Vec<u8>) {
    Header {
        list: true,
        payload_length,
    }
    .encode(out);
}
