//! Pickles that want much memory: those that must be refused, and those that are as expensive as the limits allow.

use crate::torch_hostile::HONEST;
use crate::torch_writer::{Pickle, Sample};

/// Values that must be refused, and a part of what is said then.
pub fn exhausting() -> Vec<(Vec<u8>, &'static str)> {
    let new = Pickle::new;
    // Each list has the one before ten times.
    let laughs = (1..30_u32).fold(new().op(b"]").put(0), |it, level| {
        let it = it.op(b"0](");
        let it = (0..10).fold(it, |it, _| it.get(level - 1));
        it.op(b"e").put(level)
    });
    let long = "x".repeat(1 << 20);
    let texts = (0..100)
        .fold(new().text(&long).put(0).op(b"0]("), |it, _| it.get(0))
        .op(b"e");
    // One list of pairs, made into a dict many times.
    let pairs = new().op(b"](NN\x86").put(0);
    let pairs = (0..2000).fold(pairs, |it, _| it.get(0)).op(b"e").put(1);
    let copies = (0..2000).fold(pairs, |it, _| {
        it.global("collections", "OrderedDict").get(1).op(b"\x85R0")
    });
    let keys = (0..100).fold(new().text(&long).put(0).op(b"0]("), |it, _| {
        it.op(b"}").get(0).op(b"Ns")
    });
    // One view of four million elements of one float, many times.
    let broadcast = Sample {
        shape: &[4 << 20],
        strides: &[0],
        ..HONEST
    };
    let views = new().tensor(&broadcast).put(0).op(b"0](");
    let views = (0..50).fold(views, |it, _| it.get(0)).op(b"e");
    // One tensor of sixty-four axes, many times.
    let axes = Sample {
        shape: &[1; 64],
        strides: &[1; 64],
        ..HONEST
    };
    let axes = new().tensor(&axes).put(0).op(b"0](");
    let axes = (0..100_000).fold(axes, |it, _| it.get(0)).op(b"e");
    let itself_in_dict = new().op(b"}").put(0).text("a").get(0).op(b"s");
    vec![
        (laughs.stop(), "values of a checkpoint"),
        (texts.stop(), "bytes of texts"),
        (keys.op(b"e").stop(), "bytes of texts"),
        (copies.stop(), "steps of a pickle"),
        (views.stop(), "bytes of texts and tensors"),
        (axes.stop(), "values of a checkpoint"),
        (new().op(&vec![b'N'; 4 << 20]).stop(), "steps of a pickle"),
        (
            new().op(&vec![b']'; 1 << 18]).op(&vec![b'a'; (1 << 18) - 1]).stop(),
            "nest deeper",
        ),
        (
            new().op(&vec![b'('; 1 << 18]).op(&vec![b't'; 1 << 18]).stop(),
            "nest deeper",
        ),
        (new().op(b"]").put(0).get(0).op(b"a").stop(), "contain themselves"),
        (itself_in_dict.stop(), "contain themselves"),
        (
            new().op(b"]").put(0).op(b"0").get(0).get(0).op(b"\x85a").stop(),
            "contain themselves",
        ),
        (new().op(b"X\xff\xff\xff\xff").stop(), "cut short"),
        (new().op(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff").stop(), "cut short"),
        (new().op(b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f").stop(), "cut short"),
        (new().op(b"\x8e\0\0\0\0\x01\0\0\0").stop(), "cut short"),
        (new().op(b"\x96\0\0\0\0\x01\0\0\0").stop(), "cut short"),
        (new().op(b"T\xff\xff\xff\x7f").stop(), "cut short"),
        (new().op(b"B\xff\xff\xff\xff").stop(), "cut short"),
        (new().op(b"\x95\xff\xff\xff\xff\xff\xff\xff\xff").stop(), "frame"),
        (new().op(b"\x8b\xff\xff\xff\xff").stop(), "an integer of"),
        (new().op(b"\x8a\xff").op(&[1; 255]).stop(), "an integer of 255 bytes"),
        (new().op(b"r\xff\xff\xff\xff").stop(), "more from the stack"),
        (new().op(b"N").put(u32::MAX).op(b"p4294967296\n").stop(), "malformed"),
        (
            new()
                .op(b"(")
                .text("storage")
                .global("torch", "ByteStorage")
                .text(&"k".repeat(300))
                .text("cpu")
                .int(1)
                .op(b"tQ")
                .stop(),
            "storage's key",
        ),
    ]
}

/// Values that are about as expensive as the limits allow; whether they are read does not matter.
pub fn expensive() -> Vec<(&'static str, Vec<u8>)> {
    let new = Pickle::new;
    let many = |count: usize, opcodes: &[u8]| new().op(b"](").op(&opcodes.repeat(count)).op(b"e").stop();
    let texts = (0..100_000).fold(new().op(b"}("), |it, key| it.text(&format!("key {key}")).op(b"N"));
    let numbers = (0..200_000_u32).fold(new().op(b"}("), |it, key| it.op(b"J").op(&key.to_le_bytes()).op(b"N"));
    let memo = (0..500_000).fold(new(), |it, index| it.op(b"N").put(index).op(b"0"));
    let storages = (0..30_000).fold(new().op(b"]("), |it, key| {
        it.tensor(&Sample {
            shape: &[1; 4],
            strides: &[1; 4],
            elements: 1,
            key: ["0", "1"][key % 2],
            ..HONEST
        })
    });
    vec![
        ("empty lists", many(260_000, b"]")),
        ("empty dicts", many(260_000, b"}")),
        ("lists of one", many(130_000, b"]Na")),
        ("dicts of one", many(80_000, b"}NNs")),
        ("tuples of three", many(65_000, b"NNN\x87")),
        (
            "nothing, then dropped",
            new().op(&b"N0".repeat(520_000)).op(b"N").stop(),
        ),
        (
            "lists, then dropped",
            new().op(&b"]Na0".repeat(260_000)).op(b"N").stop(),
        ),
        (
            "a stack that was long once",
            new()
                .op(b"(")
                .op(&vec![b'N'; 300_000])
                .op(b"1")
                .op(&b"(t0".repeat(200_000))
                .op(b"N")
                .stop(),
        ),
        ("a long stack", new().op(&vec![b'N'; 1_048_000]).stop()),
        (
            "a long list",
            new().op(b"](").op(&vec![b'N'; 1_048_000]).op(b"e").stop(),
        ),
        ("texts", texts.op(b"u").stop()),
        ("numbers", numbers.op(b"u").stop()),
        ("a long memo", memo.op(b"N").stop()),
        ("tensors", storages.op(b"e").stop()),
    ]
}
