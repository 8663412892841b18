use panarch_space::Space;

use super::{Rows, Sample};

fn read(space: &str, text: &str, column: &str) -> Result<Rows, crate::PredictError> {
    Rows::read(&Space::preset(space).unwrap(), text, &[column])
}

const LISTS: &str = "d;ks;e;image_size;top1\n\
    2 4 3 2 4;5 7 3 5 5 7 3 5 7 7 7 3 3 7 3 5 3 7 3 3;3 3 3 3 6 6 6 6 4 4 4 4 3 3 3 3 6 6 6 6;128;0.69\n\
    2 4 3 2 4;5 7 7 7 5 7 3 5 7 7 7 7 3 7 5 5 3 7 3 3;3 3 6 6 6 6 6 6 4 4 4 6 3 3 6 6 6 6 6 6;128;0.71\n\
    2 4 3 2 4;5 7 3 5 5 7 3 5 7 7 7 3 3 7 3 5 3 7 3 3;3 3 3 3 6 6 6 6 4 4 4 4 3 3 3 3 6 6 6 6;144;nan\n";

#[test]
fn rows_that_differ_in_inactive_places_alone_are_one_network() {
    let rows = read("ofa-mbv3-w1.0", LISTS, "top1").unwrap();
    let (samples, without) = rows.measured(0);
    assert_eq!(without, 1);
    let [
        Sample {
            member,
            value,
            repeats: 2,
        },
    ] = samples.as_slice()
    else {
        panic!("{samples:?}")
    };
    assert!((value - 0.70).abs() < 1e-12);
    assert_eq!(member.resolution, Some(128));
    let space = Space::preset("ofa-mbv3-w1.0").unwrap();
    let chosen = space.decode(&member.genotype);
    assert!(chosen.contains(&("stage2.block3.kernel", "3")), "{chosen:?}");
    assert!(chosen.contains(&("stage3.depth", "3")), "{chosen:?}");
}

#[test]
fn what_is_tied_must_agree() {
    let text = "d;ks;e;image_size;top1\n\
        2 2 2 2 2;3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3;3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3;128;0.6\n\
        2 2 2 2 2;3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3;4 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3;128;0.6\n";
    let rows = read("compofa-elastic", text, "top1").unwrap();
    assert_eq!(rows.rows.len(), 1);
    let (count, reason) = rows.outside.unwrap();
    assert_eq!(count, 1);
    assert!(
        reason.starts_with("line 3: decision `stage1.block1.expansion` has no choice `4`"),
        "{reason}"
    );
}

#[test]
fn edges_by_number_and_by_name_and_stages() {
    let text = "e01,e02,e12,e03,e13,e23,ms\n4,2,1,2,1,1,10\navg_pool_3x3,2,1,2,1,skip_connect,12\n";
    let (samples, _) = read("nas-bench-201", text, "ms").unwrap().measured(0);
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].member.genotype.to_string(), "23131-1");
    let header: Vec<String> = (0..7)
        .map(|i| format!("block{i}_e,block{i}_k,block{i}_l,block{i}_se"))
        .collect();
    let text = format!(
        "{},ms\n{},1.5\n",
        header.join(","),
        ["6,3,1,0", "4.0,5,2,1"].repeat(4)[..7].join(",")
    );
    let (samples, _) = read("mnasnet-anb-table", &text, "ms").unwrap().measured(0);
    let space = Space::preset("mnasnet-anb-table").unwrap();
    let chosen = space.decode(&samples[0].member.genotype);
    assert!(chosen.contains(&("stage2.squeeze_excite", "0.25")), "{chosen:?}");
    assert!(chosen.contains(&("stage2.expansion", "4")), "{chosen:?}");
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let cases: [(&str, &str, &str); 8] = [
        ("e01,ms\n1,2\n", "ms", "line 2: no column says `edge02`"),
        ("a,b\n1,2\n", "b", "line 1: the columns name no networks"),
        ("key,ms\n000000,1\n", "mss", "did you mean `ms`?"),
        ("key,ms\n000000\n", "ms", "line 2: 1 fields, the header has 2"),
        (
            "key,ms\n000000,inf\n",
            "ms",
            "line 2: column `ms`: `inf` is not a finite number",
        ),
        ("key,ms\n000000,x\n", "ms", "line 2: column `ms`: `x` is not a number"),
        ("key,ms\n\"000000,1\n", "ms", "line 2: a quote is not closed"),
        ("key,ms\n999999,1\n", "ms", "no row is a network of space nas-bench-201"),
    ];
    for (text, column, message) in cases {
        let error = read("nas-bench-201", text, column).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}
