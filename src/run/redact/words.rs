//! What is looked for: every secret as a whole and each of its lines, all at once.
//!
//! An automaton after Aho and Corasick. Its state after some bytes is the longest end of them that
//! may be the beginning of a secret: what must be held back until more is known.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};

use zeroize::Zeroizing;

use super::SHORTEST;
use crate::run::secret::Secret;

/// A shorter word of a secret may be a word of a language.
const WORD: usize = 12;

/// The secrets of an attempt, ready to be looked for.
pub struct Words {
    /// The words, with the name of the secret that each is of; longer ones first.
    list: Vec<(Zeroizing<Vec<u8>>, String)>,
    root: Box<[u32; 256]>,
    byte: Zeroizing<Vec<u8>>,
    first: Vec<u32>,
    sibling: Vec<u32>,
    fail: Vec<u32>,
    depth: Vec<u32>,
    /// The length of the longest word that ends in a state.
    ends: Vec<u32>,
}

impl Words {
    /// Those of these secrets.
    pub fn of(secrets: &[Secret]) -> Self {
        let mut words: Vec<(Zeroizing<Vec<u8>>, String)> = Vec::new();
        for secret in secrets {
            for part in parts(secret.text()) {
                let whole = Zeroizing::new(part.to_owned());
                let written = WRITERS.map(|writer| writer.escaped(part));
                for word in std::iter::once(whole).chain(written) {
                    let bytes = word.as_bytes();
                    if !words.iter().any(|(known, _)| known.as_slice() == bytes) {
                        words.push((Zeroizing::new(bytes.to_vec()), secret.name().to_owned()));
                    }
                }
            }
        }
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        let bytes = words.iter().map(|(word, _)| word.len()).sum::<usize>() + 1;
        let mut built = Self {
            list: Vec::new(),
            root: Box::new([0; 256]),
            // At full size: a buffer that grows leaves its old self in memory.
            byte: Zeroizing::new(Vec::with_capacity(bytes)),
            first: Vec::new(),
            sibling: Vec::new(),
            fail: Vec::new(),
            depth: Vec::new(),
            ends: Vec::new(),
        };
        built.node(0, 0);
        for (word, _) in &words {
            built.add(word);
        }
        built.list = words;
        built.link();
        built
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The words and whose they are.
    pub(super) fn words(&self) -> impl Iterator<Item = (&[u8], &str)> {
        self.list
            .iter()
            .map(|(word, name)| (word.as_slice(), name.as_str()))
    }

    /// The length of the longest.
    pub fn longest(&self) -> usize {
        self.list.first().map_or(0, |(word, _)| word.len())
    }

    /// The state after one more byte.
    pub(super) fn step(&self, mut state: u32, byte: u8) -> u32 {
        while state != 0 {
            let next = self.child(state, byte);
            if next != 0 {
                return next;
            }
            state = self.fail[state as usize];
        }
        self.root[usize::from(byte)]
    }

    /// How many bytes may be the beginning of a secret.
    pub(super) fn open(&self, state: u32) -> usize {
        self.depth[state as usize] as usize
    }

    /// How many bytes are a word that has just ended; the longest of them.
    pub(super) fn ended(&self, state: u32) -> usize {
        self.ends[state as usize] as usize
    }

    fn node(&mut self, byte: u8, depth: u32) -> u32 {
        let at = u32::try_from(self.byte.len()).unwrap_or(0);
        self.byte.push(byte);
        self.depth.push(depth);
        for list in [
            &mut self.first,
            &mut self.sibling,
            &mut self.fail,
            &mut self.ends,
        ] {
            list.push(0);
        }
        at
    }

    fn add(&mut self, word: &[u8]) {
        let mut state = 0;
        for (depth, &byte) in (1..).zip(word) {
            let next = self.child(state, byte);
            state = if next == 0 {
                self.branch(state, byte, depth)
            } else {
                next
            };
        }
        self.ends[state as usize] = u32::try_from(word.len()).unwrap_or(0);
    }

    fn branch(&mut self, state: u32, byte: u8, depth: u32) -> u32 {
        let new = self.node(byte, depth);
        if state == 0 {
            self.root[usize::from(byte)] = new;
        }
        self.sibling[new as usize] = self.first[state as usize];
        self.first[state as usize] = new;
        new
    }

    fn child(&self, state: u32, byte: u8) -> u32 {
        if state == 0 {
            return self.root[usize::from(byte)];
        }
        let mut child = self.first[state as usize];
        while child != 0 && self.byte[child as usize] != byte {
            child = self.sibling[child as usize];
        }
        child
    }

    /// Where to go on when a byte does not fit, from the root outwards.
    fn link(&mut self) {
        let mut queue: VecDeque<u32> = self.children(0).collect();
        while let Some(state) = queue.pop_front() {
            let children: Vec<u32> = self.children(state).collect();
            for child in children {
                let byte = self.byte[child as usize];
                let fail = self.step(self.fail[state as usize], byte);
                self.fail[child as usize] = fail;
                let own = self.ends[child as usize];
                self.ends[child as usize] = own.max(self.ends[fail as usize]);
                queue.push_back(child);
            }
        }
    }

    fn children(&self, state: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.first[state as usize];
        std::iter::successors((first != 0).then_some(first), |child| {
            let next = self.sibling[*child as usize];
            (next != 0).then_some(next)
        })
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.list.len())
    }
}

/// What a writer of JSON, which is how many logs are written, escapes beside what it must.
#[derive(Clone, Copy)]
struct Writer {
    /// `&`, `<` and `>`, as Go does.
    html: bool,
    /// `/`, as PHP does.
    slash: bool,
    /// Everything that is not ASCII, as PHP and Python do.
    wide: bool,
}

const WRITERS: [Writer; 5] = [
    Writer::new(false, false, false),
    Writer::new(true, false, false),
    Writer::new(false, true, false),
    Writer::new(false, false, true),
    Writer::new(false, true, true),
];

impl Writer {
    const fn new(html: bool, slash: bool, wide: bool) -> Self {
        Self { html, slash, wide }
    }

    /// A text as it stands between the quotes.
    fn escaped(self, text: &str) -> Zeroizing<String> {
        // At full size: a buffer that grows leaves its old self in memory. No character of UTF-8
        // grows by more than the one byte of a control code that becomes six.
        let mut out = Zeroizing::new(String::with_capacity(text.len() * 6));
        for c in text.chars() {
            let short = match c {
                '"' | '\\' => Some(c),
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                '\u{8}' => Some('b'),
                '\u{c}' => Some('f'),
                '/' => Some(c).filter(|_| self.slash),
                _ => None,
            };
            let wide = match c {
                '\0'..='\u{1f}' => true,
                '&' | '<' | '>' | '\u{2028}' | '\u{2029}' if self.html => true,
                _ => self.wide && !c.is_ascii(),
            };
            if let Some(short) = short {
                out.push('\\');
                out.push(short);
            } else if wide {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            } else {
                out.push(c);
            }
        }
        out
    }
}

/// A secret, and each of its lines and the longest word of each that is long enough to be one: of
/// a header `Bearer abc…` the token is told alone.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let lines = || text.split('\n').map(str::trim);
    let words = lines().filter_map(|line| {
        let words = line.split_whitespace();
        words
            .max_by_key(|word| word.len())
            .filter(|word| word.len() >= WORD)
    });
    std::iter::once(text)
        .chain(lines())
        .chain(words)
        .filter(|word| word.len() >= SHORTEST)
}
