//! Zip archives that lie about what is in them.

use crate::torch_writer::{sample_checkpoint, sample_storages};
use crate::zip_writer::{Entry, zip};

/// Archives that lie, and a part of what is said then.
pub fn archives() -> Vec<(Vec<u8>, &'static str)> {
    let honest = || -> Vec<Entry> {
        let storages = sample_storages().into_iter();
        let storages = storages.map(|(key, _, content)| Entry::new(format!("tiny/data/{key}"), content));
        let value = [
            Entry::new("tiny/data.pkl", sample_checkpoint()),
            Entry::new("tiny/byteorder", "little"),
        ];
        value.into_iter().chain(storages).collect()
    };
    let changed = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = honest();
        change(&mut entries);
        zip(&entries, true)
    };
    let narrow = zip(&honest(), false);
    let wide = zip(&honest(), true);
    let poked = |bytes: &[u8], from_end: usize, new: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() - from_end;
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    let max = u64::MAX.to_le_bytes();
    vec![
        (changed(&|it| it[0].sum ^= 1), "`tiny/data.pkl` is damaged: its CRC-32"),
        (changed(&|it| it[2].content[5] ^= 1), "`tiny/data/0` is damaged"),
        (
            changed(&|it| it[1].content = b"litt1e".to_vec()),
            "`tiny/byteorder` is damaged",
        ),
        (
            changed(&|it| it[1] = Entry::new("tiny/byteorder", "big")),
            "byte order `big`",
        ),
        (changed(&|it| it[2].method = 8), "compressed (method 8)"),
        (changed(&|it| it[2].flags |= 1), "encrypted"),
        (
            changed(&|it| it[2] = Entry::new("tiny/data/0", [0; 47])),
            "`0` should have 12 elements",
        ),
        (changed(&|it| it[2].size = u32::MAX - 1), "outside the file"),
        (changed(&|it| it[2].size = u32::MAX), "malformed"),
        (changed(&|it| it[2].flags = 0), "differs from the directory"),
        (changed(&|it| it[2].offset = Some(0)), "differs from the directory"),
        (changed(&|it| it[2].offset = Some(u32::MAX - 1)), "outside the file"),
        (changed(&|it| it[3].name = "tiny/data/0".to_owned()), "occurs twice"),
        (changed(&|it| it.truncate(2)), "`0` is not in the archive"),
        (changed(&|it| it.clear()), "it is empty"),
        (changed(&|it| drop(it.remove(0))), "no NAME/data.pkl"),
        (changed(&|it| it.push(Entry::new("other/data.pkl", ""))), "several"),
        (
            changed(&|it| it.push(Entry::new("tiny/constants.pkl", ""))),
            "TorchScript",
        ),
        (
            changed(&|it| it[0] = Entry::new("tiny/data.pkl", "N.N")),
            "behind the pickle",
        ),
        (changed(&|it| it[0] = Entry::new("tiny/data.pkl", "")), "cut short"),
        (shared(), "two entries share bytes"),
        (poked(&wide, 22 + 20 + 32, &max), "malformed"),
        (poked(&wide, 22 + 20 + 16, &max), "differ"),
        (poked(&wide, 22 + 20 + 8, &max), "differ"),
        (
            poked(&poked(&wide, 10, &[0xff; 4]), 22 + 20 + 16, &max),
            "outside the file",
        ),
        (
            poked(&poked(&wide, 6, &[0xff; 4]), 22 + 20 + 8, &max),
            "outside the file",
        ),
        (poked(&wide, 22 + 12, &max), "malformed"),
        (poked(&wide, 18, &[1, 0]), "malformed"),
        (poked(&wide, 10, &[0; 4]), "differ"),
        (poked(&narrow, 14, &[9, 0, 9, 0]), "longer than its entries"),
        (poked(&narrow, 14, &[0xff; 4]), "malformed"),
        (poked(&narrow, 10, &[0xff; 4]), "outside the file"),
        (poked(&narrow, 6, &[0xff; 4]), "outside the file"),
        (poked(&narrow, 2, &[1, 0]), "no directory"),
        ([&narrow[..], &[0]].concat(), "no directory"),
        (narrow[..narrow.len() - 1].to_vec(), "no directory"),
        (b"PK\x03\x04".to_vec(), "too early"),
    ]
}

/// An archive in which the content of one entry holds another entry: both would be read from the same bytes.
fn shared() -> Vec<u8> {
    let inner = zip(&[Entry::new("tiny/data/0", [0; 48])], false);
    let header = &inner[..inner.len() - 22];
    let outer = Entry::new("tiny/data.pkl", header);
    // The header of the outer one takes 30 bytes, its name, and 7 of padding.
    let mut second = Entry::new("tiny/data/0", [0; 48]);
    second.offset = Some(30 + 13 + 7);
    zip(&[outer, second], true)
}
