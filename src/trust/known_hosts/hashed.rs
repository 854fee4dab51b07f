//! HMAC-SHA1 of one name under many salts.
//!
//! A name may have to be tried against every salt on file, so the half of the work that depends on
//! the salt alone is done once, when the file is read: a try is then two rounds of SHA-1,
//! measured at a quarter of the time of a whole HMAC. The hash hides names from readers and proves
//! nothing.

use sha1::block_api::compress;

pub(super) type Digest = [u8; 20];
type State = [u32; 5];
type Block = [u8; 64];

const START: State = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

/// A salt, worked in.
#[derive(Debug, Clone)]
pub(super) struct Salted {
    inner: State,
    outer: State,
}

/// A name, padded for hashing after one block.
#[derive(Debug, Clone)]
pub(super) struct Name {
    blocks: Vec<Block>,
}

impl Name {
    pub fn new(name: &str) -> Self {
        Self {
            blocks: padded(name.as_bytes()),
        }
    }
}

impl Salted {
    pub fn new(salt: &Digest) -> Self {
        Self {
            inner: keyed(salt, 0x36),
            outer: keyed(salt, 0x5c),
        }
    }

    /// The HMAC of the name.
    pub fn hash(&self, name: &Name) -> Digest {
        let mut inner = self.inner;
        compress(&mut inner, &name.blocks);
        let mut last: Block = [0; 64];
        last[..20].copy_from_slice(&bytes(inner));
        last[20] = 0x80;
        last[56..].copy_from_slice(&((64 + 20) * 8_u64).to_be_bytes());
        let mut outer = self.outer;
        compress(&mut outer, &[last]);
        bytes(outer)
    }
}

fn keyed(salt: &Digest, pad: u8) -> State {
    let mut block: Block = [pad; 64];
    for (byte, salt) in block.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    let mut state = START;
    compress(&mut state, &[block]);
    state
}

/// The padding of SHA-1 for text that follows one block: a one, zeros, and the length in bits.
fn padded(text: &[u8]) -> Vec<Block> {
    let mut bytes = text.to_vec();
    bytes.push(0x80);
    bytes.resize((bytes.len() + 8).next_multiple_of(64) - 8, 0);
    bytes.extend(((64 + text.len() as u64) * 8).to_be_bytes());
    let (blocks, _) = bytes.as_chunks::<64>();
    blocks.to_vec()
}

fn bytes(state: State) -> Digest {
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn hmac(salt: u8, name: &str) -> String {
        let mut hex = String::new();
        for byte in Salted::new(&[salt; 20]).hash(&Name::new(name)) {
            write!(hex, "{byte:02x}").unwrap();
        }
        hex
    }

    #[test]
    fn it_is_the_hmac_of_rfc_2202() {
        assert_eq!(
            hmac(0x0b, "Hi There"),
            "b617318655057264e28bc0b6fb378c8ef146be00"
        );
    }

    #[test]
    fn names_of_any_length_are_padded_well() {
        for (length, expected) in [
            (0, "9ade3a2db28402366403365dda33c3a88bf0b73f"),
            (55, "386dfbb01a69e110bac4abf24cffe99078f7ee28"),
            (56, "576357649e087396261e0d84be7d1494d8a0f0e7"),
            (63, "135a526f6bd97f646dad9e721b59272cb7402ac9"),
            (64, "49774f8fca6bfa089ff41d9da1eb08c3583a7af5"),
            (119, "277879cb3ea9290ee43d12dae1db436822cbf404"),
            (120, "1a9b56731e412b654aea22c94a9e40603b28bc7c"),
            (200, "2c3b5094c7b251543115d026407fbeb7c6342271"),
        ] {
            assert_eq!(hmac(b'k', &"n".repeat(length)), expected, "{length}");
        }
    }
}
