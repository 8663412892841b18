use std::collections::{BTreeMap, HashMap};

use panarch_format::{
    FormatError, read_safetensors, safetensors_bytes, safetensors_from_bytes, typed_safetensors_from_bytes,
    write_safetensors,
};
use panarch_graph::{Tensor, Weights};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::random_network::random_network;

fn metadata() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("space".to_owned(), "ab\"c\n√".to_owned()),
        ("epoch".to_owned(), "3".to_owned()),
    ])
}

#[test]
fn a_file_comes_back_bit_for_bit() {
    let (_, mut weights) = random_network(1);
    let odd = vec![f32::NAN, -0.0, f32::INFINITY, f32::from_bits(1)];
    weights.insert("odd", Tensor::new(vec![2, 2], odd.clone()).unwrap());
    weights.insert("empty", Tensor::new(vec![0, 3], vec![]).unwrap());
    weights.insert("scalar", Tensor::new(vec![], vec![7.0]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    write_safetensors(&path, &weights, &metadata()).unwrap();
    let read = read_safetensors(&path).unwrap();
    assert_eq!(read.metadata, metadata());
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read.weights.get("odd").unwrap().data), bits(&odd));
    assert_eq!(
        safetensors_bytes(&read.weights, &read.metadata).unwrap(),
        std::fs::read(&path).unwrap()
    );
}

#[test]
fn the_safetensors_crate_reads_what_is_written() {
    let (_, weights) = random_network(2);
    let bytes = safetensors_bytes(&weights, &metadata()).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), weights.len());
    for (name, tensor) in weights.iter() {
        let view = theirs.tensor(name).unwrap();
        assert_eq!((view.dtype(), view.shape()), (Dtype::F32, &tensor.shape[..]));
        let values: Vec<u8> = tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(view.data(), values);
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let read: BTreeMap<_, _> = header.metadata().clone().unwrap().into_iter().collect();
    let checksum = read.get("panarch.checksum").cloned().unwrap_or_default();
    assert_eq!(checksum.len(), 64);
    let ours = metadata()
        .into_iter()
        .chain([("panarch.checksum".to_owned(), checksum)]);
    assert_eq!(read, ours.collect());
}

/// Every byte of a file of ours is under its checksum.
#[test]
fn one_changed_bit_is_noticed() {
    let weights = Weights::from_iter([("a.weight".to_owned(), Tensor::new(vec![2, 2], vec![0.5; 4]).unwrap())]);
    let bytes = safetensors_bytes(&weights, &metadata()).unwrap();
    let whole = safetensors_from_bytes(&bytes).unwrap();
    assert!(whole.sealed);
    for place in 8..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let read = safetensors_from_bytes(&changed);
        // A space of the padding may become another blank, and the key of the checksum another key.
        let harmless = read.as_ref().is_ok_and(|read| !read.sealed);
        assert!(read.is_err() || harmless, "byte {place}");
    }
    let mut zeroed = bytes.clone();
    let values = zeroed.len() - 16;
    zeroed[values..].fill(0);
    let error = safetensors_from_bytes(&zeroed).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn what_the_safetensors_crate_writes_is_read() {
    let (_, weights) = random_network(3);
    let raw: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .iter()
        .map(|(name, tensor)| {
            let values = tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name.to_owned(), tensor.shape.clone(), values)
        })
        .collect();
    let views = raw
        .iter()
        .map(|(name, shape, values)| (name, TensorView::new(Dtype::F32, shape.clone(), values).unwrap()));
    let theirs: HashMap<_, _> = metadata().into_iter().collect();
    let bytes = safetensors::serialize(views, Some(theirs)).unwrap();
    let read = safetensors_from_bytes(&bytes).unwrap();
    assert_eq!((read.weights, read.metadata), (weights, metadata()));
}

fn file(header: &str, values: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + values, 0);
    bytes
}

#[test]
fn hostile_headers_are_refused() {
    let cases = [
        (file("", 0), "header"),
        (file("[]", 0), "object"),
        (u64::MAX.to_le_bytes().to_vec(), "limit"),
        (vec![9; 4], "too few"),
        (
            file(r#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, 8),
            "I64",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
            "fill",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
            "expected 0",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 8),
            "expected 0",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, 8),
            "ends at byte 12",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8),
            "take 4 bytes",
        ),
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[4611686018427387903],"data_offsets":[0,18446744073709551612]}}"#,
                4,
            ),
            "ends at byte",
        ),
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
                0,
            ),
            "fill",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}"#, 0),
            "unknown field",
        ),
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                4,
            ),
            "twice",
        ),
        (file(r#"{"__metadata__":{"a":1}}"#, 0), "string"),
    ];
    for (bytes, expected) in cases {
        let error = safetensors_from_bytes(&bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut weights = Weights::new();
    weights.insert("__metadata__", Tensor::filled(vec![1], 0.0));
    let error = safetensors_bytes(&weights, &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, FormatError::Tensor { .. }), "{error}");
    let broken: Weights = [(
        "a".to_owned(),
        Tensor {
            shape: vec![2],
            data: vec![1.0],
        },
    )]
    .into_iter()
    .collect();
    let error = safetensors_bytes(&broken, &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, FormatError::Tensor { .. }), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = read_safetensors("does/not/exist.safetensors").unwrap_err().to_string();
    assert!(error.contains("does/not/exist.safetensors"), "{error}");
}

/// Files of others have other element types; ours have one.
#[test]
fn every_element_type_is_read() {
    let raw: [(&str, Dtype, Vec<u8>); 6] = [
        ("a", Dtype::F16, [0x00, 0x3c, 0x00, 0xc0].to_vec()),
        ("b", Dtype::BF16, [0x80, 0x3f, 0x00, 0xc0].to_vec()),
        (
            "c",
            Dtype::I64,
            [1_i64, -2].iter().flat_map(|it| it.to_le_bytes()).collect(),
        ),
        (
            "d",
            Dtype::F64,
            [1.0_f64, -2.0].iter().flat_map(|it| it.to_le_bytes()).collect(),
        ),
        (
            "e",
            Dtype::I8,
            [1_i8, -2].iter().flat_map(|it| it.to_le_bytes()).collect(),
        ),
        (
            "f",
            Dtype::F32,
            [1.0_f32, -2.0].iter().flat_map(|it| it.to_le_bytes()).collect(),
        ),
    ];
    let views = raw
        .iter()
        .map(|(name, dtype, bytes)| (*name, TensorView::new(*dtype, vec![1, 2], bytes).unwrap()));
    let bytes = safetensors::serialize(views, None).unwrap();
    let read = typed_safetensors_from_bytes(&bytes).unwrap();
    assert_eq!(read.tensors.len(), raw.len());
    for (name, tensor) in &read.tensors {
        assert_eq!(
            (tensor.shape.as_slice(), tensor.to_f32()),
            (&[1, 2][..], vec![1.0, -2.0]),
            "{name}"
        );
    }
    let error = safetensors_from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("only F32 is supported"), "{error}");
    let complex = TensorView::new(Dtype::C64, vec![1], &[0; 8]).unwrap();
    let bytes = safetensors::serialize([("z", complex)], None).unwrap();
    let error = typed_safetensors_from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("`z`") && error.contains("C64"), "{error}");
}
