//! Changes of bytes that parsers stumble over: flips, cuts, repeats, numbers at their limits, pieces of other seeds.

use panarch_graph::random;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Integers at which readers of lengths and counts go wrong.
const LIMITS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Texts at which readers of numbers and names go wrong.
const WORDS: [&str; 20] = [
    "nan",
    "-inf",
    "1e309",
    "-1",
    "18446744073709551616",
    "0",
    "4294967295",
    "1e-320",
    "\"",
    "\\u0000",
    "\u{1b}[2J",
    "\u{202e}",
    "[[",
    "{",
    "}",
    ",,",
    "\r\n",
    "true",
    "null",
    "\u{feff}",
];

/// Longest input that is made.
const LONGEST: usize = 1 << 20;

/// Draws changed copies of seeds; the same seed gives the same inputs.
pub struct Mutator {
    rng: ChaCha8Rng,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// Begins with these inputs. An empty list counts as one empty input.
    #[must_use]
    pub fn new(mut seeds: Vec<Vec<u8>>, seed: u64) -> Self {
        if seeds.is_empty() {
            seeds.push(Vec::new());
        }
        let rng = random::stream(seed, "mutations", 0);
        Self { rng, seeds }
    }

    /// The next input: a seed with one to eight changes.
    pub fn draw(&mut self) -> Vec<u8> {
        let mut bytes = self.any_seed().clone();
        for _ in 0..self.rng.random_range(1..=8_u32) {
            self.change(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn any_seed(&mut self) -> &Vec<u8> {
        let index = self.rng.random_range(0..self.seeds.len());
        &self.seeds[index]
    }

    /// A place in the bytes, one past their end included.
    fn place(&mut self, bytes: &[u8]) -> usize {
        self.rng.random_range(0..=bytes.len())
    }

    /// A piece of the bytes of at most `most`.
    fn piece(&mut self, bytes: &[u8], most: usize) -> std::ops::Range<usize> {
        let start = self.place(bytes);
        let length = self.rng.random_range(0..=most.min(bytes.len() - start));
        start..start + length
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        match self.rng.random_range(0..9_u32) {
            0 => {
                let at = self.place(bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.rng.random_range(0..8_u32);
                }
            }
            1 => {
                let at = self.place(bytes);
                let value = self.rng.random();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            2 => {
                let at = self.place(bytes);
                bytes.truncate(at);
            }
            3 => {
                let piece = self.piece(bytes, 64);
                bytes.drain(piece);
            }
            4 => {
                let piece = self.piece(bytes, 256);
                let copy = bytes[piece].to_vec();
                self.insert(bytes, &copy);
            }
            5 => {
                let value = LIMITS[self.rng.random_range(0..LIMITS.len())];
                let width = [1, 2, 4, 8][self.rng.random_range(0..4)];
                let mut number = value.to_le_bytes()[..width].to_vec();
                if self.rng.random() {
                    number.reverse();
                }
                let at = self.place(bytes);
                for (byte, new) in bytes.iter_mut().skip(at).zip(number) {
                    *byte = new;
                }
            }
            6 => {
                let word = WORDS[self.rng.random_range(0..WORDS.len())];
                self.insert(bytes, word.as_bytes());
            }
            7 => {
                let word = WORDS[self.rng.random_range(0..WORDS.len())];
                let piece = self.piece(bytes, 8);
                bytes.splice(piece, word.bytes());
            }
            _ => {
                let other = self.any_seed().clone();
                let piece = self.piece(&other, 256);
                let piece = other[piece].to_vec();
                self.insert(bytes, &piece);
            }
        }
    }

    fn insert(&mut self, bytes: &mut Vec<u8>, piece: &[u8]) {
        let at = self.place(bytes);
        bytes.splice(at..at, piece.iter().copied());
    }
}
