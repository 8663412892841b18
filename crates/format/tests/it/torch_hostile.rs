//! Pickles that want to run something or to read outside their storage, and malformed ones.

use crate::torch_bombs::exhausting;
use crate::torch_writer::{Pickle, Sample};

/// A storage of twelve floats, shown as three of them.
pub const HONEST: Sample = Sample {
    name: "a",
    class: "FloatStorage",
    key: "0",
    elements: 12,
    offset: 0,
    shape: &[3],
    strides: &[1],
    parameter: false,
};

fn one_tensor(sample: Sample) -> Vec<u8> {
    Pickle::new().op(b"}").text("a").tensor(&sample).op(b"s").stop()
}

/// Values that must be refused, and a part of what is said then.
pub fn pickles() -> Vec<(Vec<u8>, &'static str)> {
    let mut all = executing();
    all.extend(exhausting());
    all.extend(malformed());
    all.extend(tensors());
    all
}

fn executing() -> Vec<(Vec<u8>, &'static str)> {
    let new = Pickle::new;
    vec![
        (
            new().global("posix", "system").text("id").op(b"\x85R").stop(),
            "refuses global `posix.system`",
        ),
        (
            new().global("os", "system").text("id").op(b"\x85R").stop(),
            "`os.system`",
        ),
        (
            new()
                .text("os")
                .text("system")
                .op(b"\x93")
                .text("id")
                .op(b"\x85R")
                .stop(),
            "`os.system`",
        ),
        (
            new().global("builtins", "eval").text("1").op(b"\x85R").stop(),
            "`builtins.eval`",
        ),
        (
            new().global("__builtin__", "set").op(b"]\x85R").stop(),
            "`__builtin__.set`",
        ),
        (new().op(b"(").text("id").op(b"ios\nsystem\n").stop(), "`os.system`"),
        (new().op(b"(icollections\nOrderedDict\n").stop(), "INST"),
        (
            new().op(b"(").global("collections", "OrderedDict").op(b"o").stop(),
            "OBJ",
        ),
        (
            new().op(b"(").global("subprocess", "Popen").text("id").op(b"o").stop(),
            "`subprocess.Popen`",
        ),
        (new().global("collections", "OrderedDict").op(b")\x81").stop(), "NEWOBJ"),
        (
            new().global("collections", "OrderedDict").op(b")}\x92").stop(),
            "NEWOBJ_EX",
        ),
        (
            new().global("torch.nn.modules.linear", "Linear").op(b")\x81}b").stop(),
            "`torch.nn.modules.linear.Linear`",
        ),
        (
            new().global("torch", "load").text("x").op(b"\x85R").stop(),
            "`torch.load`",
        ),
        (new().global("torch", "float8_e4m3fn").stop(), "`torch.float8_e4m3fn`"),
        (
            new().global("torch.storage", "_load_from_bytes").stop(),
            "`torch.storage._load_from_bytes`",
        ),
        (
            new().global("numpy.core.multiarray", "scalar").stop(),
            "`numpy.core.multiarray.scalar`",
        ),
        (
            new().global("collections ", "OrderedDict").stop(),
            "`collections .OrderedDict`",
        ),
        (new().global("a\x1b[2J", "b").stop(), "\\u{1b}"),
        (new().op(b"\x82\x01").stop(), "EXT"),
        (new().op(b"\x83\x01\x00").stop(), "EXT"),
        (new().op(b"\x84\x01\0\0\0").stop(), "EXT"),
        (new().op(b"Pstorage\n").stop(), "PERSID"),
        (new().op(b"\x8f").stop(), "a set"),
        (new().op(b"(\x91").stop(), "a set"),
        (new().op(b"](\x90").stop(), "a set"),
        (new().op(b"\x97").stop(), "NEXT_BUFFER"),
        (new().op(b"N\x98").stop(), "READONLY_BUFFER"),
        (
            new().op(b"}}").text("__setstate__").op(b"Nsb").stop(),
            "sets the state of a dict",
        ),
        (
            new().ordered_dict().op(b"]b").stop(),
            "sets the state of a dict to a list",
        ),
        (
            new()
                .ordered_dict()
                .op(b"}")
                .text("__setstate__")
                .global("os", "system")
                .op(b"sb")
                .stop(),
            "`os.system`",
        ),
        (new().tensor(&HONEST).op(b"}b").stop(), "sets the state of a tensor"),
        (new().text("os.system").op(b")R").stop(), "calls a text"),
        (new().ordered_dict().op(b")R").stop(), "calls a dict"),
        (new().global("torch", "FloatStorage").op(b")R").stop(), "do not fit"),
        (new().global("torch", "Size").op(b"]\x85R").stop(), "do not fit"),
        (
            new()
                .global("torch._utils", "_rebuild_parameter")
                .op(b"NNN\x87R")
                .stop(),
            "do not fit",
        ),
        (
            new().global("collections", "OrderedDict").op(b"]R").stop(),
            "not a tuple",
        ),
        (
            new().global("collections", "OrderedDict").op(b"]Na\x85R").stop(),
            "not pairs",
        ),
        (
            new().global("torch", "FloatStorage").stop(),
            "not a tensor or plain data",
        ),
        (
            new().storage("FloatStorage", "0", 12).stop(),
            "not a tensor or plain data",
        ),
        (new().op(b"(").text("module").op(b"NNNtQ").stop(), "a pickled module"),
        (new().op(b"(").text("storage").op(b"tQ").stop(), "not that of a storage"),
        (new().text("storage").op(b"Q").stop(), "not a tuple"),
    ]
}

fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let new = Pickle::new;
    vec![
        (vec![], "cut short"),
        (b".".to_vec(), "more from the stack"),
        (vec![0x80, 6], "protocol 6"),
        (new().op(b"\xff").stop(), "0xff is not an opcode"),
        (new().op(b"(N").op(b"2").op(b"00").stop(), "more from the stack"),
        (new().op(b"N(0").op(b"\x86").stop(), "more from the stack"),
        (new().op(b"t").stop(), "no mark"),
        (new().op(b"1").stop(), "no mark"),
        (new().op(b"N(.").0, "more from the stack"),
        (new().op(b"j\x05\0\0\0").stop(), "memo 5"),
        (new().op(b"gx\n").stop(), "malformed"),
        (new().op(b"NNa").stop(), "not a list"),
        (new().op(b"]NNs").stop(), "not a dict"),
        (new().op(b"}(Nu").stop(), "no value"),
        (new().op(b"}]Ns").stop(), "for a key"),
        (new().op(b"}(").text("k").op(b"N").text("k").op(b"Nu").stop(), "twice"),
        (new().op(b"}(K\x01NK\x01Nu").stop(), "twice"),
        (new().op(b"I1x\n").stop(), "malformed"),
        (new().op(b"I1").0, "cut short"),
        (new().op(b"Fabc\n").stop(), "malformed"),
        (new().op(b"Sabc\n").stop(), "malformed"),
        (new().op(b"S'\n").stop(), "malformed"),
        (new().op(b"S'\\x4'\n").stop(), "malformed"),
        (new().op(b"S'\\x+4'\n").stop(), "malformed"),
        (new().op(b"V\\ud800\n").stop(), "malformed"),
        (
            new().op(b"L9999999999999999999999999999999999999999999L\n").stop(),
            "malformed",
        ),
        (new().op(b"U\x05ab").0, "cut short"),
        (new().op(b"X\x01\0\0\0\xff").stop(), "UTF-8"),
        (new().op(b"K\x01K\x02\x93").stop(), "not a text"),
    ]
}

fn tensors() -> Vec<(Vec<u8>, &'static str)> {
    let changed = |change: &dyn Fn(&mut Sample)| {
        let mut sample = HONEST;
        change(&mut sample);
        one_tensor(sample)
    };
    let float_shape = Pickle::new()
        .op(b"}")
        .text("a")
        .global("torch._utils", "_rebuild_tensor_v2")
        .op(b"(");
    let float_shape = float_shape
        .storage("FloatStorage", "0", 12)
        .int(0)
        .float(3.0)
        .ints(&[1]);
    let two_types = Pickle::new().op(b"]").tensor(&HONEST).op(b"a").tensor(&Sample {
        class: "IntStorage",
        ..HONEST
    });
    vec![
        (changed(&|it| it.offset = 10), "leave its storage"),
        (changed(&|it| it.offset = -1), "offset"),
        (changed(&|it| it.offset = i64::MAX), "leave its storage"),
        (changed(&|it| it.shape = &[13]), "leave its storage"),
        (changed(&|it| it.shape = &[-1]), "not counts"),
        (changed(&|it| it.shape = &[i64::MAX]), "leave its storage"),
        (
            changed(&|it| (it.shape, it.strides) = (&[i64::MAX, i64::MAX], &[0, 0])),
            "overflow",
        ),
        (
            changed(&|it| (it.shape, it.strides) = (&[0, i64::MAX, 4], &[0, 0, 0])),
            "overflow",
        ),
        (
            changed(&|it| (it.shape, it.strides) = (&[1 << 20, 1 << 20], &[0, 0])),
            "bytes of texts and tensors",
        ),
        (changed(&|it| it.strides = &[-1]), "not counts"),
        (changed(&|it| it.strides = &[i64::MAX]), "leave its storage"),
        (changed(&|it| it.strides = &[1, 1]), "strides"),
        (changed(&|it| it.shape = &[1; 65]), "the limit is 64"),
        (changed(&|it| it.elements = 11), "storage `0`"),
        (changed(&|it| it.elements = 13), "storage `0`"),
        (changed(&|it| it.elements = i64::MAX), "storage `0`"),
        (changed(&|it| it.elements = -1), "storage of -1"),
        (changed(&|it| it.class = "DoubleStorage"), "storage `0`"),
        (changed(&|it| it.key = "../../etc/passwd"), "storage `../../etc/passwd`"),
        (changed(&|it| it.key = ""), "storage ``"),
        (float_shape.op(b"\x89NtRs").stop(), "not a tuple"),
        (two_types.op(b"a").stop(), "two types or lengths"),
    ]
}
