//! Writes checkpoints from scratch, honest and otherwise, so that the tests of the reader need no other program.

use crate::zip_writer::{Entry, zip};

/// A pickle in the making; the opcodes are those of Python's `pickletools`.
#[derive(Clone, Default)]
pub struct Pickle(pub Vec<u8>);

impl Pickle {
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }

    pub fn int(self, value: i64) -> Self {
        self.op(&[0x8a, 8]).op(&value.to_le_bytes())
    }

    pub fn float(self, value: f64) -> Self {
        self.op(b"G").op(&value.to_be_bytes())
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A tuple of integers.
    pub fn ints(self, values: &[i64]) -> Self {
        values.iter().fold(self.op(b"("), |it, value| it.int(*value)).op(b"t")
    }

    pub fn ordered_dict(self) -> Self {
        self.global("collections", "OrderedDict").op(b")R")
    }

    /// Puts what is on top of the stack in the memo.
    pub fn put(self, index: u32) -> Self {
        self.op(b"r").op(&index.to_le_bytes())
    }

    pub fn get(self, index: u32) -> Self {
        self.op(b"j").op(&index.to_le_bytes())
    }

    pub fn storage(self, class: &str, key: &str, elements: i64) -> Self {
        let it = self.op(b"(").text("storage").global("torch", class);
        it.text(key).text("cpu").int(elements).op(b"tQ")
    }

    pub fn tensor(self, tensor: &Sample) -> Self {
        let it = if tensor.parameter {
            self.global("torch._utils", "_rebuild_parameter").op(b"(")
        } else {
            self
        };
        let it = it.global("torch._utils", "_rebuild_tensor_v2").op(b"(");
        let it = it.storage(tensor.class, tensor.key, tensor.elements);
        let it = it.int(tensor.offset).ints(tensor.shape).ints(tensor.strides);
        let it = it.op(&[0x89]).ordered_dict().op(b"tR");
        if tensor.parameter {
            it.op(&[0x88]).ordered_dict().op(b"tR")
        } else {
            it
        }
    }

    pub fn stop(self) -> Vec<u8> {
        self.op(b".").0
    }
}

/// A tensor and the storage that it is a view of.
#[derive(Clone, Copy)]
pub struct Sample {
    pub name: &'static str,
    pub class: &'static str,
    pub key: &'static str,
    pub elements: i64,
    pub offset: i64,
    pub shape: &'static [i64],
    pub strides: &'static [i64],
    pub parameter: bool,
}

/// Tensors of every type; two pairs share a storage, one is transposed, one is empty, one is a parameter.
pub const SAMPLES: [Sample; 14] = {
    const fn plain(
        name: &'static str,
        class: &'static str,
        key: &'static str,
        elements: i64,
        shape: &'static [i64],
        strides: &'static [i64],
    ) -> Sample {
        Sample {
            name,
            class,
            key,
            elements,
            offset: 0,
            shape,
            strides,
            parameter: false,
        }
    }
    [
        Sample {
            parameter: true,
            ..plain("conv.weight", "FloatStorage", "0", 12, &[2, 3], &[3, 1])
        },
        Sample {
            offset: 6,
            ..plain("conv.transposed", "FloatStorage", "0", 12, &[3, 2], &[1, 3])
        },
        plain("bn.num_batches_tracked", "LongStorage", "1", 1, &[], &[]),
        plain("f64", "DoubleStorage", "2", 2, &[2], &[1]),
        plain("f16", "HalfStorage", "3", 2, &[2], &[1]),
        plain("bf16", "BFloat16Storage", "4", 2, &[2], &[1]),
        plain("i8", "CharStorage", "5", 2, &[2], &[1]),
        plain("u8", "ByteStorage", "6", 2, &[2], &[1]),
        plain("i16", "ShortStorage", "7", 2, &[1, 2], &[2, 1]),
        plain("i32", "IntStorage", "8", 2, &[2, 1], &[1, 1]),
        plain("bool", "BoolStorage", "9", 2, &[2], &[1]),
        plain("empty", "FloatStorage", "10", 0, &[0, 4], &[4, 1]),
        plain("broadcast", "FloatStorage", "11", 1, &[4], &[0]),
        plain("one", "FloatStorage", "11", 1, &[1], &[1]),
    ]
};

/// Key, elements and bytes of the storages of [`SAMPLES`].
pub fn sample_storages() -> Vec<(&'static str, u64, Vec<u8>)> {
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let twelve: Vec<f32> = (0..12).map(|value| value as f32 / 4.0).collect();
    vec![
        ("0", 12, floats(&twelve)),
        ("1", 1, 1_251_200_i64.to_le_bytes().to_vec()),
        ("2", 2, [0.1_f64.to_le_bytes(), 1e300_f64.to_le_bytes()].concat()),
        ("3", 2, vec![0x00, 0x3c, 0x01, 0x80]),
        ("4", 2, vec![0x80, 0x3f, 0x49, 0xc0]),
        ("5", 2, vec![0x80, 0x7f]),
        ("6", 2, vec![0x80, 0xff]),
        ("7", 2, vec![0x00, 0x80, 0x01, 0x00]),
        ("8", 2, vec![0x00, 0x00, 0x00, 0x80, 0x02, 0x00, 0x00, 0x00]),
        ("9", 2, vec![0, 1]),
        ("10", 0, vec![]),
        ("11", 1, floats(&[2.5])),
    ]
}

/// A state dict of [`SAMPLES`] with its `_metadata`.
pub fn sample_state_dict(pickle: Pickle) -> Pickle {
    let pickle = pickle.ordered_dict().op(b"(");
    let pickle = SAMPLES
        .iter()
        .fold(pickle, |it, sample| it.text(sample.name).tensor(sample));
    metadata(pickle.op(b"u"), &["", "conv", "bn"])
}

/// Gives the dict on top of the stack the `_metadata` of a model with these modules.
pub fn metadata(pickle: Pickle, modules: &[&str]) -> Pickle {
    let pickle = pickle.op(b"}").text("_metadata").ordered_dict().op(b"(");
    let pickle = modules.iter().fold(pickle, |it, module| {
        it.text(module).op(b"}").text("version").int(1).op(b"s")
    });
    pickle.op(b"usb")
}

/// The value of a checkpoint with an epoch, an accuracy and more around that state dict.
pub fn sample_checkpoint() -> Vec<u8> {
    let pickle = Pickle::new().op(b"}(").text("epoch").int(180);
    let pickle = pickle.text("best_acc").float(76.25);
    let pickle = sample_state_dict(pickle.text("state_dict")).text("optimizer");
    let pickle = pickle
        .op(b"}")
        .text("state")
        .op(b"}")
        .int(0)
        .op(b"}")
        .text("step")
        .int(3)
        .op(b"sss");
    let pickle = pickle.text("betas").float(0.9).float(0.999).op(&[0x86]);
    pickle
        .text("size")
        .global("torch", "Size")
        .ints(&[224, 224])
        .op(&[0x85])
        .op(b"Ru")
        .stop()
}

/// What the keys after a legacy value and the entries of an archive have in common.
pub type Storages = [(&'static str, u64, Vec<u8>)];

/// A file in the form before PyTorch 1.6.
pub fn legacy(value: &[u8], storages: &Storages) -> Vec<u8> {
    let magic = [
        &b"\x80\x02\x8a\x0a"[..],
        &0x1950_a86a_20f9_469c_fc6c_u128.to_le_bytes()[..10],
        b".",
    ]
    .concat();
    let protocol = b"\x80\x02M\xe9\x03.".to_vec();
    let machine = Pickle::new().op(b"}(").text("protocol_version").int(1001);
    let machine = machine.text("little_endian").op(b"\x88u").stop();
    let keys = storages
        .iter()
        .fold(Pickle::new().op(b"]("), |it, (key, ..)| it.text(key));
    let keys = keys.op(b"e").stop();
    let mut bytes = [magic.as_slice(), &protocol, &machine, value, &keys].concat();
    for (_, elements, content) in storages {
        bytes.extend(elements.to_le_bytes());
        bytes.extend(content);
    }
    bytes
}

/// A file in the form since PyTorch 1.6.
pub fn archive(value: &[u8], storages: &Storages) -> Vec<u8> {
    let mut entries = vec![
        ("tiny/data.pkl".to_owned(), value.to_vec()),
        ("tiny/byteorder".to_owned(), b"little".to_vec()),
    ];
    entries.extend(
        storages
            .iter()
            .map(|(key, _, content)| (format!("tiny/data/{key}"), content.clone())),
    );
    entries.push(("tiny/version".to_owned(), b"3\n".to_vec()));
    let entries: Vec<Entry> = entries
        .into_iter()
        .map(|(name, content)| Entry::new(name, content))
        .collect();
    zip(&entries, true)
}
