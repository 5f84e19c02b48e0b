//! Paths of half-bytes, and their hex-prefix form (Yellow Paper, appendix C).
//!
//! ```text
//! key        0x a7 11 35 51            eight nibbles, high half first
//! at depth 3             1 35 51       a path keeps its end on a byte boundary, as the tail of a key does,
//! packed              01 35 51         so that copying and comparing it work on whole bytes
//! leaf node           31 35 51         hex prefix: 2 = leaf, 1 = odd
//! ```

use alloc::{boxed::Box, vec::Vec};

/// Flag of a leaf's path in hex-prefix form.
const LEAF: u8 = 0x20;
/// Flag of a path with an odd number of nibbles.
const ODD: u8 = 0x10;
/// Bytes that a path keeps without the heap: a whole 32-byte key.
const INLINE: usize = 32;

/// Some nibbles inside a byte string.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    bytes: &'a [u8],
    /// First nibble, counted from the start of `bytes`.
    start: usize,
    /// One after the last.
    end: usize,
}

impl<'a> Path<'a> {
    /// All nibbles of a key.
    pub const fn of_key(key: &'a [u8]) -> Self {
        Self {
            bytes: key,
            start: 0,
            end: key.len().saturating_mul(2),
        }
    }

    /// Reads a path in hex-prefix form, and whether it is a leaf's. `None` for flags that no encoder writes.
    pub fn from_hex_prefix(bytes: &'a [u8]) -> Option<(Self, bool)> {
        let flags = *bytes.first()?;
        let start = match flags & 0xf0 {
            0x10 | 0x30 => 1,
            0x00 | 0x20 if flags & 0x0f == 0 => 2,
            _ => return None,
        };
        let path = Self {
            bytes,
            start,
            end: bytes.len().saturating_mul(2),
        };
        Some((path, flags & LEAF != 0))
    }

    /// How many nibbles.
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nibble at `index`, and 0 behind the end.
    pub fn at(&self, index: usize) -> u8 {
        let position = self.start.saturating_add(index);
        let byte = self.bytes.get(position / 2).copied().unwrap_or(0);
        if position.is_multiple_of(2) {
            byte >> 4
        } else {
            byte & 0x0f
        }
    }

    /// The path without its first `count` nibbles.
    #[must_use]
    pub fn skip(self, count: usize) -> Self {
        Self {
            start: self.start.saturating_add(count).min(self.end),
            ..self
        }
    }

    /// The first `count` nibbles.
    #[must_use]
    pub fn take(self, count: usize) -> Self {
        Self {
            end: self.start.saturating_add(count).min(self.end),
            ..self
        }
    }

    /// The nibbles one by one.
    pub fn iter(self) -> impl Iterator<Item = u8> + 'a {
        (0..self.len()).map(move |index| self.at(index))
    }

    /// How many nibbles both have in common at their start.
    pub fn common_prefix(self, other: Path<'_>) -> usize {
        let length = self.len().min(other.len());
        (0..length)
            .position(|index| self.at(index) != other.at(index))
            .unwrap_or(length)
    }

    /// Whether this is the start of `other`.
    pub fn is_prefix_of(self, other: Path<'_>) -> bool {
        if self.len() > other.len() {
            return false;
        }
        match (self.whole_bytes(), other.whole_bytes()) {
            (Some(a), Some(b)) if self.len() == other.len() => {
                a == b && (self.len().is_multiple_of(2) || self.at(0) == other.at(0))
            }
            _ => self.common_prefix(other) == self.len(),
        }
    }

    /// The bytes behind an odd first nibble, if the path ends on a byte boundary.
    fn whole_bytes(self) -> Option<&'a [u8]> {
        if !self.end.is_multiple_of(2) {
            return None;
        }
        self.bytes.get(self.start.div_ceil(2)..self.end / 2)
    }
}

/// A path that owns its nibbles: packed, ending on a byte boundary.
#[derive(Clone)]
pub struct Nibbles {
    len: usize,
    packed: Packed,
}

#[derive(Clone)]
enum Packed {
    Inline([u8; INLINE]),
    /// Keys longer than 32 bytes, which no Ethereum state has.
    Heap(Box<[u8]>),
}

impl Nibbles {
    /// `parts` one after another.
    pub fn join(parts: &[Path<'_>]) -> Self {
        let len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let size = len.div_ceil(2);
        let mut packed = if size <= INLINE {
            Packed::Inline([0; INLINE])
        } else {
            Packed::Heap(alloc::vec![0; size].into_boxed_slice())
        };
        let bytes = packed.bytes_mut(size);
        match parts {
            [only] if only.whole_bytes().is_some() => copy_aligned(*only, bytes),
            parts => {
                let mut position = len % 2;
                for nibble in parts.iter().flat_map(|part| part.iter()) {
                    if let Some(byte) = bytes.get_mut(position / 2) {
                        *byte = (*byte << 4) | nibble;
                    }
                    position = position.saturating_add(1);
                }
            }
        }
        Self { len, packed }
    }

    /// The nibbles, borrowed.
    pub fn as_path(&self) -> Path<'_> {
        let bytes = self.packed();
        Path {
            bytes,
            start: self.len % 2,
            end: bytes.len().saturating_mul(2),
        }
    }

    /// Length of the hex-prefix form in bytes.
    pub const fn hex_prefix_len(&self) -> usize {
        (self.len / 2).saturating_add(1)
    }

    /// Appends the hex-prefix form.
    pub fn put_hex_prefix(&self, leaf: bool, out: &mut Vec<u8>) {
        let leaf = if leaf { LEAF } else { 0 };
        match self.packed() {
            [first, rest @ ..] if !self.len.is_multiple_of(2) => {
                out.push(leaf | ODD | first);
                out.extend_from_slice(rest);
            }
            bytes => {
                out.push(leaf);
                out.extend_from_slice(bytes);
            }
        }
    }

    /// Bytes on the heap.
    pub const fn heap_bytes(&self) -> usize {
        match &self.packed {
            Packed::Inline(_) => 0,
            Packed::Heap(bytes) => bytes.len(),
        }
    }

    fn packed(&self) -> &[u8] {
        let size = self.len.div_ceil(2);
        match &self.packed {
            Packed::Inline(bytes) => bytes.get(..size).unwrap_or_default(),
            Packed::Heap(bytes) => bytes,
        }
    }
}

impl Packed {
    fn bytes_mut(&mut self, size: usize) -> &mut [u8] {
        match self {
            Self::Inline(bytes) => bytes.get_mut(..size).unwrap_or_default(),
            Self::Heap(bytes) => bytes,
        }
    }
}

/// Copies a path that ends on a byte boundary into the right end of `out`.
fn copy_aligned(path: Path<'_>, out: &mut [u8]) {
    let Some(whole) = path.whole_bytes() else {
        return;
    };
    let odd = path.len() % 2;
    if let (1, Some(first)) = (odd, out.first_mut()) {
        *first = path.at(0);
    }
    if let Some(tail) = out.get_mut(odd..).filter(|tail| tail.len() == whole.len()) {
        tail.copy_from_slice(whole);
    }
}

impl core::fmt::Debug for Nibbles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for nibble in self.as_path().iter() {
            write!(f, "{nibble:x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nibbles(path: Path<'_>) -> Vec<u8> {
        path.iter().collect()
    }

    #[test]
    fn joins_paths_of_any_alignment() {
        let key = [0x12, 0x34, 0x56];
        let path = Path::of_key(&key);
        for a in 0..=6 {
            for b in a..=6 {
                for c in b..=6 {
                    let left = path.skip(a).take(b - a);
                    let right = path.skip(b).take(c - b);
                    let joined = Nibbles::join(&[left, right]);
                    assert_eq!(nibbles(joined.as_path()), nibbles(path.skip(a).take(c - a)));
                    let alone = Nibbles::join(&[path.skip(a).take(c - a)]);
                    assert_eq!(nibbles(alone.as_path()), nibbles(joined.as_path()));
                }
            }
        }
    }

    #[test]
    fn hex_prefix_form_round_trips() {
        let key = [0xab; 40];
        for skip in 0..=80 {
            for leaf in [false, true] {
                let path = Nibbles::join(&[Path::of_key(&key).skip(skip)]);
                let mut out = Vec::new();
                path.put_hex_prefix(leaf, &mut out);
                assert_eq!(out.len(), path.hex_prefix_len());
                let (read, is_leaf) = Path::from_hex_prefix(&out).unwrap();
                assert_eq!(is_leaf, leaf);
                assert_eq!(nibbles(read), nibbles(path.as_path()));
            }
        }
    }

    #[test]
    fn keys_of_up_to_32_bytes_take_no_heap() {
        let key = [0xab; 40];
        for (nibbles, heap) in [(0, 0), (64, 0), (65, 33), (80, 40)] {
            let path = Nibbles::join(&[Path::of_key(&key).take(nibbles)]);
            assert_eq!(path.heap_bytes(), heap);
        }
    }

    #[test]
    fn nibbles_are_shown_as_hex() {
        let path = Nibbles::join(&[Path::of_key(&[0xa7, 0x01]).skip(1)]);
        assert_eq!(alloc::format!("{path:?}"), "701");
    }

    #[test]
    fn refuses_hex_prefix_flags_that_no_encoder_writes() {
        assert!(Path::from_hex_prefix(&[]).is_none());
        for flags in 0x40..=0xff_u8 {
            assert!(Path::from_hex_prefix(&[flags]).is_none());
        }
        for low in 1..=0x0f {
            assert!(Path::from_hex_prefix(&[low]).is_none());
            assert!(Path::from_hex_prefix(&[0x20 | low]).is_none());
        }
    }

    #[test]
    fn prefix_test_agrees_with_nibble_comparison() {
        let a = [0x12, 0x34];
        let b = [0x12, 0x35];
        for from in 0..=4 {
            for to in from..=4 {
                let left = Path::of_key(&a).skip(from).take(to - from);
                let right = Path::of_key(&b).skip(from);
                let expected = nibbles(right).starts_with(&nibbles(left));
                assert_eq!(left.is_prefix_of(right), expected, "{from}..{to}");
            }
        }
    }
}
