//! Numbers and byte strings as they lie in files.
//!
//! Reading never panics and never allocates more than the input holds.

use bytes::Bytes;

use crate::store::Digest;

/// Appends an unsigned number, seven bits a byte, the small ones short.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, short when near zero.
pub(super) fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

/// Appends bytes after their length.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Takes values off the front of shared bytes; `None` when they do not hold what is asked for.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    bytes: Bytes,
}

impl Reader {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.bytes.len()).then(|| self.bytes.split_to(len))
    }

    /// Everything that is left.
    pub fn rest(self) -> Bytes {
        self.bytes
    }

    pub fn byte(&mut self) -> Option<u8> {
        let first = *self.bytes.first()?;
        let _ = self.bytes.split_to(1);
        Some(first)
    }

    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub fn bytes(&mut self) -> Option<Bytes> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.take(len)
    }

    pub fn digest(&mut self) -> Option<Digest> {
        let bytes = self.take(32)?;
        Some(Digest(bytes.as_ref().try_into().ok()?))
    }

    /// A number that fits a smaller type.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.varint()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_bytes_come_back(unsigned: u64, signed: i64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(unsigned, &mut out);
            put_signed(signed, &mut out);
            put_bytes(&bytes, &mut out);
            let mut reader = Reader::new(out.into());
            prop_assert_eq!(reader.varint(), Some(unsigned));
            prop_assert_eq!(reader.signed(), Some(signed));
            prop_assert_eq!(reader.bytes(), Some(Bytes::from(bytes)));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let reader = Reader::new(bytes.into());
            let _ = reader.clone().varint();
            let _ = reader.clone().signed();
            let _ = reader.clone().bytes();
            let _ = reader.clone().digest();
        }
    }
}
