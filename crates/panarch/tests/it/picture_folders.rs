//! `panarch data check`, and runs that a folder of pictures ends early.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

use crate::pictures::{Workplace, expect};

fn write(root: &Path, folder: &str, count: u8) {
    let place = root.join(folder);
    fs::create_dir_all(&place).unwrap();
    for index in 0..count {
        let colour = [index * 3, folder.len() as u8 * 7, *folder.as_bytes().last().unwrap()];
        RgbImage::from_pixel(9, 9, Rgb(colour))
            .save(place.join(format!("{index}.png")))
            .unwrap();
    }
}

/// Standard error of a command that must have ended with this exit code.
fn complaint(output: &std::process::Output, code: i32) -> String {
    expect(output, code);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn data_check_lists_every_file_that_is_not_used() {
    let work = Workplace::new();
    let folder = work.path().join("mine");
    for (place, count) in [
        ("Training/cats", 6),
        ("Training/line\nbreak\t\"q\"", 6),
        ("TEST/cats", 2),
    ] {
        write(&folder, place, count);
    }
    write(&folder, "TEST/line\nbreak\t\"q\"", 2);
    fs::write(folder.join("Training/cats/cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    fs::write(folder.join("notes.txt"), b"notes").unwrap();
    fs::copy(folder.join("Training/cats/1.png"), folder.join("TEST/cats/twice.png")).unwrap();

    let output = work.panarch(&["data", "check", "./mine"]);
    let shown = expect(&output, 1);
    for said in [
        "Training/ and TEST/ are used as they are",
        "passed over: 1 file that is no picture",
        "cut.png",
        "twice.png",
    ] {
        assert!(shown.contains(said), "{shown} lacks {said}");
    }
    assert!(complaint(&output, 1).contains("1 damaged pictures"));

    let csv = expect(&work.panarch(&["data", "check", "./mine", "--format", "csv"]), 1);
    assert!(csv.contains("class,cats,6,0,3,"), "{csv}");
    assert!(csv.contains("class,\"line\nbreak\t\"\"q\"\"\",6,0,2,"), "{csv}");
    let json = expect(&work.panarch(&["data", "check", "./mine", "--format", "json"]), 1);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kinds: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["class", "class", "damaged", "passed over", "more than once"]);
    assert_eq!(rows[1]["name"], "line\nbreak\t\"q\"");

    // As a run file says it.
    let file = work.run_file("");
    let text = fs::read_to_string(&file).unwrap().replace("./pictures", "./mine");
    fs::write(&file, text.replace("[data]", "[data]\ndamaged = \"skip\"")).unwrap();
    let shown = expect(&work.panarch(&["data", "check", "job.toml"]), 0);
    assert!(shown.contains("1 damaged picture is left out"), "{shown}");
    assert!(
        shown.contains("mine: 3×28×28, 12 training, 0 validation and 5 test images"),
        "{shown}"
    );
}

#[test]
fn a_folder_that_is_no_dataset_is_bad_input_and_a_missing_one_is_not_there() {
    let work = Workplace::new();
    let folder = work.path().join("mine");
    for (place, count) in [("cats", 6), ("dogs", 6), ("test/cats", 2), ("test/dogs", 2)] {
        write(&folder, place, count);
    }
    let said = complaint(&work.panarch(&["data", "check", "./mine"]), 2);
    assert!(
        said.contains("beside test/ lie cats/, dogs/") && said.contains("dogs/ with 6 pictures"),
        "{said}"
    );
    complaint(&work.panarch(&["data", "check", "./nothing"]), 3);
}

/// Nothing is begun that cannot go on, and the corrected folder and file begin in the same place.
#[test]
fn too_few_pictures_begin_no_study() {
    let work = Workplace::new();
    let folder = work.path().join("mine");
    for (place, count) in [("train/a", 20), ("train/b", 20), ("test/a", 3), ("test/b", 3)] {
        write(&folder, place, count);
    }
    let file = work.run_file("");
    let text = fs::read_to_string(&file).unwrap().replace("./pictures", "./mine");
    fs::write(&file, text.replace("batch = 32", "batch = 33")).unwrap();
    let said = complaint(&work.panarch(&["train", "job.toml"]), 2);
    assert!(said.contains("32 are left to train on, and a batch has 33"), "{said}");
    assert!(!work.path().join("runs").exists(), "nothing was begun");

    fs::remove_dir_all(folder.join("train/b")).unwrap();
    let said = complaint(&work.panarch(&["train", "job.toml"]), 2);
    assert!(
        said.contains("has the classes b that train/ has not") || said.contains("at least two classes"),
        "{said}"
    );

    write(&folder, "train/b", 20);
    let output = work.panarch(&["train", "job.toml", "--set", "train.batch=32"]);
    let said = complaint(&output, 0);
    assert!(said.contains("train/ and test/ are used as they are"), "{said}");
}
