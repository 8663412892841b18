//! Checkpoints of both forms: what is in them comes out, and where the tensors are found.

use panarch_format::{ElementType, TorchFile, TorchForm, TorchValue, TypedData, read_torch};

use crate::torch_writer::{Pickle, SAMPLES, archive, legacy, sample_checkpoint, sample_state_dict, sample_storages};
use crate::zip_writer::{Entry, zip};

/// A value alone, in an archive.
fn value(pickle: Pickle) -> TorchValue {
    read_torch(&archive(&pickle.stop(), &[])).unwrap().root
}

fn check_samples(file: &TorchFile, key: Option<&str>) {
    let state = file.state_dict().unwrap();
    assert_eq!(state.key, key);
    let names: Vec<&str> = state.tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, SAMPLES.map(|sample| sample.name));
    for (sample, (_, tensor)) in SAMPLES.iter().zip(&state.tensors) {
        let shape: Vec<i64> = tensor.shape.iter().map(|axis| *axis as i64).collect();
        assert_eq!(shape, sample.shape, "{}", sample.name);
        assert_eq!(tensor.elements(), tensor.shape.iter().product::<usize>());
        assert_eq!(tensor.to_f32().len(), tensor.elements());
    }
    let data = |name: &str| state.get(name).unwrap().data.clone();
    assert_eq!(
        data("conv.weight"),
        TypedData::F32(vec![0.0, 0.25, 0.5, 0.75, 1.0, 1.25])
    );
    assert_eq!(
        data("conv.transposed"),
        TypedData::F32(vec![1.5, 2.25, 1.75, 2.5, 2.0, 2.75])
    );
    assert_eq!(data("bn.num_batches_tracked"), TypedData::I64(vec![1_251_200]));
    assert_eq!(data("f64"), TypedData::F32(vec![0.1, f32::INFINITY]));
    assert_eq!(data("f16"), TypedData::F32(vec![1.0, -(2.0_f32.powi(-24))]));
    assert_eq!(data("bf16"), TypedData::F32(vec![1.0, -3.140_625]));
    assert_eq!(data("i8"), TypedData::I8(vec![-128, 127]));
    assert_eq!(data("u8"), TypedData::U8(vec![128, 255]));
    assert_eq!(data("i16"), TypedData::I16(vec![-32768, 1]));
    assert_eq!(data("i32"), TypedData::I32(vec![i32::MIN, 2]));
    assert_eq!(data("bool"), TypedData::Bool(vec![false, true]));
    assert_eq!(data("empty"), TypedData::F32(vec![]));
    assert_eq!(data("broadcast"), TypedData::F32(vec![2.5; 4]));
    assert_eq!(state.get("bf16").unwrap().element_type, ElementType::BF16);
    assert_eq!(state.get("i32").unwrap().to_f32(), [-2_147_483_648.0, 2.0]);
    assert_eq!(state.get("bool").unwrap().to_f32(), [0.0, 1.0]);
}

#[test]
fn both_forms_give_the_same() {
    let (checkpoint, storages) = (sample_checkpoint(), sample_storages());
    let zip = read_torch(&archive(&checkpoint, &storages)).unwrap();
    let old = read_torch(&legacy(&checkpoint, &storages)).unwrap();
    assert_eq!((zip.form, old.form), (TorchForm::Zip, TorchForm::Legacy));
    assert_eq!(zip.root, old.root);
    check_samples(&zip, Some("state_dict"));
    let state = zip.state_dict().unwrap();
    let remaining: Vec<String> = state
        .remaining
        .iter()
        .map(|(name, it)| format!("{name}: {it}"))
        .collect();
    assert_eq!(
        remaining,
        [
            "epoch: 180",
            "best_acc: 76.25",
            "optimizer: dict of 1",
            "betas: tuple of 2",
            "size: tuple of 2"
        ]
    );
    assert_eq!(zip.root.get("best_acc"), Some(&TorchValue::Float(76.25)));
}

#[test]
fn a_state_dict_by_itself() {
    let alone = sample_state_dict(Pickle::new()).stop();
    check_samples(&read_torch(&archive(&alone, &sample_storages())).unwrap(), None);
    check_samples(&read_torch(&legacy(&alone, &sample_storages())).unwrap(), None);
}

#[test]
fn a_state_dict_under_each_key() {
    for key in ["state_dict", "state_dict_ema", "model", "net"] {
        let pickle = Pickle::new()
            .op(b"}(")
            .text("state_dict")
            .op(b"N")
            .text("note")
            .text("x\ny");
        let pickle = if key == "state_dict" {
            Pickle::new().op(b"}(")
        } else {
            pickle
        };
        let bytes = sample_state_dict(pickle.text(key)).op(b"u").stop();
        check_samples(&read_torch(&archive(&bytes, &sample_storages())).unwrap(), Some(key));
    }
}

#[test]
fn nested_names_are_joined() {
    let pickle = Pickle::new().op(b"}").text("model").op(b"}").text("stem").op(b"}(");
    let pickle = pickle
        .text("weight")
        .tensor(&SAMPLES[0])
        .text("extra")
        .op(b"N")
        .op(b"u");
    let bytes = pickle.op(b"ss").text("empty").op(b"}s").stop();
    let file = read_torch(&archive(&bytes, &sample_storages())).unwrap();
    let state = file.state_dict().unwrap();
    assert_eq!(state.tensors[0].0, "stem.weight");
    let remaining: Vec<&str> = state.remaining.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(remaining, ["model.stem.extra", "empty"]);
}

#[test]
fn what_has_no_named_tensors() {
    let error = |bytes: &[u8]| read_torch(bytes).unwrap().state_dict().unwrap_err().to_string();
    let no_dict = error(&archive(&Pickle::new().int(3).stop(), &[]));
    assert!(no_dict.contains("found 3"), "{no_dict}");
    let empty = error(&archive(
        &Pickle::new().op(b"}").text("epoch").int(3).op(b"s").stop(),
        &[],
    ));
    assert!(
        empty.contains("no named tensors") && empty.contains("\"epoch\""),
        "{empty}"
    );
    let twice = Pickle::new()
        .op(b"}(")
        .text("a.b")
        .tensor(&SAMPLES[0])
        .text("a")
        .op(b"}");
    let twice = twice.text("b").tensor(&SAMPLES[0]).op(b"su").stop();
    let twice = error(&archive(&twice, &sample_storages()));
    assert!(twice.contains("`a.b`") && twice.contains("twice"), "{twice}");
}

#[test]
fn plain_values_of_every_protocol() {
    use TorchValue::{Bool, Bytes, Dict, Float, Int, List, None, Text, Tuple};
    let text = |text: &str| Text(text.to_owned());
    let cases: [(&[u8], TorchValue); 38] = [
        (b"N", None),
        (b"\x88", Bool(true)),
        (b"I00\n", Bool(false)),
        (b"I01\n", Bool(true)),
        (b"I-12\n", Int(-12)),
        (b"L123456789012345678901L\n", Int(123_456_789_012_345_678_901)),
        (b"J\xfe\xff\xff\xff", Int(-2)),
        (b"K\xff", Int(255)),
        (b"M\xe9\x03", Int(1001)),
        (b"\x8a\x00", Int(0)),
        (b"\x8a\x02\x00\xff", Int(-256)),
        (b"\x8b\x01\x00\x00\x00\x7f", Int(127)),
        (b"F0.5\n", Float(0.5)),
        (b"Finf\n", Float(f64::INFINITY)),
        (b"G\x3f\xf8\0\0\0\0\0\0", Float(1.5)),
        (b"S'a\\x41\\n\\''\n", text("aA\n'")),
        (b"S\"plain\"\n", text("plain")),
        (b"S'\\xff'\n", Bytes(vec![0xff])),
        (b"Vgr\\u00fcn\n", text("grün")),
        (b"V\\U0001f980\xe9\n", text("🦀é")),
        (b"T\x02\0\0\0ab", text("ab")),
        (b"U\x01\xff", Bytes(vec![0xff])),
        (b"X\x03\0\0\0\xe2\x88\x9a", text("√")),
        (b"\x8c\x01a", text("a")),
        (b"\x8d\x01\0\0\0\0\0\0\0a", text("a")),
        (b"B\x01\0\0\0a", Bytes(b"a".to_vec())),
        (b"C\x01a", Bytes(b"a".to_vec())),
        (b"\x8e\x01\0\0\0\0\0\0\0a", Bytes(b"a".to_vec())),
        (b"\x96\x01\0\0\0\0\0\0\0a", Bytes(b"a".to_vec())),
        (b"\x95\x02\0\0\0\0\0\0\0K\x01", Int(1)),
        (b"(K\x01K\x02l", List(vec![Int(1), Int(2)])),
        (b"]K\x01a(K\x02K\x03e", List(vec![Int(1), Int(2), Int(3)])),
        (b"K\x01K\x02K\x03\x87", Tuple(vec![Int(1), Int(2), Int(3)])),
        (b"(U\x01aK\x01d", Dict(vec![(text("a"), Int(1))])),
        (b"}(K\x01NK\x02Nu", Dict(vec![(Int(1), None), (Int(2), None)])),
        (
            b"\x8c\x01a\x94\x8c\x01b\x94h\x00h\x01\x86",
            Tuple(vec![text("a"), text("b")]),
        ),
        (b"K\x01p7\n0K\x020g7\n2(1\x86", Tuple(vec![Int(1), Int(1)])),
        (
            b"\x8c\x0bcollections\x8c\x0bOrderedDict\x93(]((K\x01K\x02letR",
            Dict(vec![(Int(1), Int(2))]),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(value(Pickle::default().op(bytes)), expected, "{}", bytes.escape_ascii());
    }
    let dtype = value(Pickle::new().global("torch", "float16"));
    assert_eq!(dtype, text("torch.float16"));
}

#[test]
fn a_storage_seen_through_a_window() {
    // Files of PyTorch before 0.4 have such windows: key, first element, count.
    let tensor = |first: i64, count: i64| {
        let it = Pickle::new()
            .op(b"}")
            .text("a")
            .global("torch._utils", "_rebuild_tensor_v2");
        let it = it
            .op(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text("0")
            .text("cpu");
        let it = it.int(12).op(b"(").text("1").int(first).int(count).op(b"ttQ");
        let it = it.int(1).ints(&[2]).ints(&[1]).op(b"\x89").ordered_dict();
        legacy(&it.op(b"tRs").stop(), &sample_storages()[..1])
    };
    let file = read_torch(&tensor(4, 3)).unwrap();
    let state = file.state_dict().unwrap();
    assert_eq!(state.get("a").unwrap().to_f32(), [1.25, 1.5]);
    for (first, count) in [(4, 2), (11, 3), (i64::MAX, i64::MAX), (-1, 3)] {
        assert!(read_torch(&tensor(first, count)).is_err(), "{first} {count}");
    }
}

#[test]
fn archives_of_both_sizes() {
    let checkpoint = sample_checkpoint();
    let mut entries = vec![Entry::new("a b/data.pkl", checkpoint)];
    for (key, _, content) in sample_storages() {
        entries.push(Entry::new(format!("a b/data/{key}"), content));
    }
    for wide in [false, true] {
        check_samples(&read_torch(&zip(&entries, wide)).unwrap(), Some("state_dict"));
    }
    // The sizes and the place of an entry in its 64-bit field.
    let size = entries[0].content.len() as u64;
    entries[0].extra = [
        &b"xx\x01\x00_\x01\x00\x18\x00"[..],
        &size.to_le_bytes(),
        &size.to_le_bytes(),
        &[0; 8],
    ]
    .concat();
    entries[0].size = u32::MAX;
    entries[0].offset = Some(u32::MAX);
    check_samples(&read_torch(&zip(&entries, true)).unwrap(), Some("state_dict"));
    for lie in [size - 1, size + 1, u64::MAX] {
        entries[0].extra[9..17].copy_from_slice(&lie.to_le_bytes());
        assert!(read_torch(&zip(&entries, true)).is_err(), "{lie}");
    }
}
