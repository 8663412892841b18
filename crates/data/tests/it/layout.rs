//! Which folders are parts and which are classes, what is passed over, and what is refused.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use panarch_data::DataError;
use panarch_data::image_folder::read;
use panarch_data::{Dataset, FolderOptions, HeldOut, Inventory, Reason, check};

/// Writes small pictures, each of its own colour: `("train/cats", 3)` makes three.
fn pictures(root: &Path, folders: &[(&str, u8)]) {
    for (place, (folder, count)) in folders.iter().enumerate() {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for index in 0..*count {
            let colour = [place as u8 * 9, 255 - index, index];
            RgbImage::from_pixel(6, 6, Rgb(colour))
                .save(folder.join(format!("{index}.png")))
                .unwrap();
        }
    }
}

fn options() -> FolderOptions {
    FolderOptions {
        resolution: Some(6),
        ..FolderOptions::default()
    }
}

fn open(root: &Path) -> Result<Dataset, DataError> {
    read(root, &options())
}

fn inventory(dataset: &Dataset) -> &Inventory {
    dataset.inventory().unwrap()
}

/// What is passed over, by its path below the folder.
fn passed_over(dataset: &Dataset) -> Vec<(String, Reason)> {
    let inventory = inventory(dataset);
    let below = |path: &Path| {
        path.strip_prefix(&inventory.folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    inventory
        .passed_over
        .iter()
        .map(|it| (below(&it.path), it.reason))
        .collect()
}

#[test]
fn parts_go_by_many_names_and_lie_in_folders_that_wrap_them() {
    for (train, validation, test) in [
        ("train", "val", "test"),
        ("Training", "Valid", "TEST"),
        ("training_set", "validation", "test_set"),
        ("archive/dataset/train", "archive/dataset/val", "archive/dataset/test"),
        ("data/data/train", "data/data/dev", "data/data/test"),
        ("x/train/train", "x/val/val", "x/test/test"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let folder = |part: &str, class: &str| format!("{part}/{class}");
        let names: Vec<(String, u8)> = [(train, 8), (validation, 3), (test, 2)]
            .into_iter()
            .flat_map(|(part, count)| [(folder(part, "cats"), count), (folder(part, "dogs"), count)])
            .collect();
        let names: Vec<(&str, u8)> = names.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        pictures(root.path(), &names);
        let dataset = open(root.path()).unwrap();
        assert_eq!(dataset.classes(), ["cats", "dogs"], "{train}");
        let counts = (dataset.train_len(), dataset.validation_len(), dataset.test_len());
        assert_eq!(counts, (16, 6, 4), "{train}");
        let splits = dataset.hold_out(HeldOut::Count(1000), 1).unwrap();
        assert_eq!(
            (splits.train.len(), splits.validation.len()),
            (16, 6),
            "nothing is held out"
        );
        let layout = &inventory(&dataset).layout;
        assert!(
            layout.contains("are used as they are") && !layout.contains("held out"),
            "{layout}"
        );
        let top = train.split('/').next().unwrap();
        assert!(layout.contains(top), "{layout}");
    }
}

#[test]
fn what_is_held_out_is_said() {
    for (folders, said) in [
        (
            &[("train/a", 5), ("train/b", 5), ("test/a", 1), ("test/b", 1)][..],
            "held out of train/",
        ),
        (
            &[("train/a", 5), ("train/b", 5), ("val/a", 1), ("val/b", 1)],
            "val/ is the test part",
        ),
        (&[("train/a", 5), ("train/b", 5)], "train/ alone: 20 %"),
        (&[("a", 5), ("b", 5)], "class folders in"),
        (&[("wrap/a", 5), ("wrap/b", 5)], "class folders in wrap/"),
        // A folder in every class, and classes doubled, as some archives have it.
        (&[("a/images", 5), ("b/images", 5)], "class folders in"),
        (&[("a/a", 5), ("b/b", 5)], "class folders in"),
        // Deeper pictures of a class that has some of its own.
        (&[("a", 5), ("b", 4), ("b/more", 1)], "class folders in"),
    ] {
        let root = tempfile::tempdir().unwrap();
        pictures(root.path(), folders);
        let dataset = open(root.path()).unwrap();
        assert_eq!(dataset.classes(), ["a", "b"], "{folders:?}");
        let layout = &inventory(&dataset).layout;
        assert!(layout.contains(said), "{layout}");
        assert_eq!(
            (dataset.train_len() + dataset.test_len()),
            folders.iter().map(|it| it.1 as usize).sum::<usize>()
        );
    }
}

#[test]
fn layouts_that_are_not_understood_are_refused_with_what_was_seen() {
    for (folders, said) in [
        (
            &[("cats", 3), ("dogs", 3), ("test/cats", 1), ("test/dogs", 1)][..],
            "beside test/ lie cats/, dogs/",
        ),
        (&[("bus", 3), ("car", 3), ("train", 3)], "beside train/ lie bus/, car/"),
        (
            &[("train/a", 3), ("train/b", 3), ("extra/a", 1)],
            "beside train/ lie extra/",
        ),
        (
            &[("train/a", 3), ("Training/b", 3)],
            "Training/ and train/ are the same part",
        ),
        (&[("test/a", 3), ("test/b", 3)], "no train/"),
        (&[("val/a", 3), ("test/a", 3)], "no train/"),
        (&[("cats", 3), ("more/dogs", 3)], "cats/ and more/dogs/"),
        (&[("a/cats", 3), ("b/dogs", 3)], "a/cats/ and b/dogs/"),
        (
            &[("animals/cats", 3), ("animals/dogs", 3), ("cars", 3)],
            "unclear whether animals is a class or whether cats, dogs",
        ),
        (
            &[("cats/train", 3), ("cats/test", 1), ("dogs/train", 3), ("dogs/test", 1)],
            "parts inside of classes",
        ),
        (
            &[("a/train/cats", 3), ("a/train/dogs", 3), ("b/test/cats", 1)],
            "parts inside of classes",
        ),
        (
            &[("train/a", 3), ("train/b", 3), ("test/a", 1)],
            "lacks the classes b of train/",
        ),
        (
            &[("train/a", 3), ("train/b", 3), ("test/A", 1), ("test/b", 1)],
            "has the classes A that train/ has not",
        ),
        (
            &[("train/a", 3), ("train/b", 3), ("test", 4)],
            "test: one folder of pictures is needed",
        ),
        (&[("cats", 9)], "at least two classes"),
        (&[("", 9)], "9 pictures in no folder"),
        (
            &[("caf\u{e9}", 3), ("cafe\u{301}", 3), ("tea", 3)],
            "Unicode normalisation",
        ),
        (
            &[("train/\u{e9}", 3), ("train/b", 3), ("test/e\u{301}", 1), ("test/b", 1)],
            "look alike",
        ),
        (&[("a", 5), ("b", 1)], "the class b has one picture"),
    ] {
        let root = tempfile::tempdir().unwrap();
        pictures(root.path(), folders);
        let error = open(root.path()).unwrap_err();
        assert!(
            matches!(error, DataError::Layout { .. } | DataError::TooFew { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains(said), "{text} lacks {said}");
    }
}

#[test]
fn what_is_no_part_of_the_dataset_is_counted_by_reason() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    pictures(path, &[("train/a", 4), ("train/b", 4), ("test/a", 2), ("test/b", 2)]);
    pictures(
        path,
        &[
            ("__MACOSX/train/a", 1),
            (".cache", 1),
            ("train/.thumbs", 1),
            ("runs/job/finalists", 1),
        ],
    );
    fs::write(path.join("runs/job/study.db"), b"SQLite format 3\0").unwrap();
    pictures(path, &[("elsewhere", 1)]);
    fs::create_dir_all(path.join("notes")).unwrap();
    for file in [
        "notes/read.me",
        "train/labels.csv",
        "train/a/Thumbs.db",
        "test/b/desktop.ini",
        "train/a/._1.png",
    ] {
        fs::write(path.join(file), b"text").unwrap();
    }
    fs::copy(path.join("train/a/0.png"), path.join("train/stray.png")).unwrap();
    let given = FolderOptions {
        leave_out: vec![path.join("elsewhere"), path.join("not yet there")],
        ..options()
    };
    let dataset = read(path, &given).unwrap();
    assert_eq!((dataset.train_len(), dataset.test_len()), (8, 4));
    let expected = [
        (".cache", Reason::Hidden),
        ("__MACOSX", Reason::Hidden),
        ("test/b/desktop.ini", Reason::Hidden),
        ("train/.thumbs", Reason::Hidden),
        ("train/a/._1.png", Reason::Hidden),
        ("train/a/Thumbs.db", Reason::Hidden),
        ("elsewhere", Reason::Output),
        ("runs/job", Reason::Output),
        ("notes/read.me", Reason::NoPicture),
        ("train/labels.csv", Reason::NoPicture),
        ("train/stray.png", Reason::NoClass),
        ("notes", Reason::NoPictures),
    ];
    let expected = expected.map(|(path, reason)| (path.to_owned(), reason));
    assert_eq!(passed_over(&dataset), expected);
    let remarks = inventory(&dataset).remarks();
    assert_eq!(
        remarks[1],
        "passed over: 6 hidden or of the operating system, 2 output folders of runs, 2 files that are no pictures, \
         1 picture outside of any class folder, 1 folder without pictures"
    );
}

/// An output folder in a folder of class folders becomes no class, and no empty one.
#[test]
fn the_output_of_a_run_is_no_class() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path(), &[("a", 5), ("b", 5), ("runs/job/pictures", 3)]);
    fs::write(root.path().join("runs/job/study.db"), b"").unwrap();
    let dataset = open(root.path()).unwrap();
    assert_eq!(dataset.classes(), ["a", "b"]);
    assert_eq!(passed_over(&dataset), [("runs/job".to_owned(), Reason::Output)]);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Ten links to the folder itself make ten to the eighth ways to its pictures.
    #[test]
    fn each_real_folder_is_read_once_and_loops_are_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        pictures(path, &[("a", 5), ("b", 5)]);
        for link in 0..10 {
            symlink(".", path.join(format!("a/loop{link}"))).unwrap();
        }
        symlink("..", path.join("b/up")).unwrap();
        symlink("../a", path.join("b/again")).unwrap();
        symlink("nowhere", path.join("b/dead.png")).unwrap();
        symlink("itself", path.join("b/itself")).unwrap();
        let dataset = open(path).unwrap();
        assert_eq!(dataset.train_len() + dataset.test_len(), 10);
        let found = passed_over(&dataset);
        let of = |reason| found.iter().filter(|(_, found)| *found == reason).count();
        assert_eq!(
            (of(Reason::Loop), of(Reason::Again), of(Reason::DeadLink)),
            (11, 1, 2),
            "{found:?}"
        );
    }

    #[test]
    fn folders_and_files_may_be_links_to_elsewhere() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (path, other) = (root.path(), elsewhere.path());
        pictures(other, &[("cats", 4), ("all", 5)]);
        fs::create_dir_all(path.join("train/dogs")).unwrap();
        symlink(other.join("cats"), path.join("train/cats")).unwrap();
        for index in 0..5 {
            let name = format!("{index}.png");
            symlink(other.join("all").join(&name), path.join("train/dogs").join(&name)).unwrap();
        }
        let dataset = open(path).unwrap();
        assert_eq!(dataset.classes(), ["cats", "dogs"]);
        assert_eq!(dataset.train_len() + dataset.test_len(), 9);
        assert!(inventory(&dataset).passed_over.is_empty());
    }

    /// Opening a pipe would wait for ever.
    #[test]
    fn what_is_no_file_is_never_opened() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        pictures(path, &[("a", 5), ("b", 5)]);
        let made = std::process::Command::new("mkfifo")
            .arg(path.join("a/pipe.png"))
            .status()
            .unwrap();
        assert!(made.success());
        let _socket = UnixListener::bind(path.join("b/socket.jpg")).unwrap();
        symlink("/dev/zero", path.join("b/zero.png")).unwrap();
        let dataset = open(path).unwrap();
        let special = ["a/pipe.png", "b/socket.jpg", "b/zero.png"].map(|path| (path.to_owned(), Reason::Special));
        assert_eq!(passed_over(&dataset), special);
    }
}

#[test]
fn pictures_in_two_parts_or_classes_are_found() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    pictures(path, &[("train/a", 4), ("train/b", 4), ("test/a", 2), ("test/b", 2)]);
    assert!(check(&open(path).unwrap()).duplicates.is_empty());
    fs::copy(path.join("train/a/1.png"), path.join("test/a/copy.png")).unwrap();
    fs::copy(path.join("train/a/2.png"), path.join("train/b/copy.png")).unwrap();
    fs::copy(path.join("train/a/3.png"), path.join("train/a/harmless.png")).unwrap();
    let found = check(&open(path).unwrap()).duplicates;
    let places: Vec<Vec<(&str, &str)>> = found
        .iter()
        .map(|it| {
            it.places
                .iter()
                .map(|place| (place.part, place.class.as_str()))
                .collect()
        })
        .collect();
    assert_eq!(
        places,
        [[("train", "a"), ("test", "a")], [("train", "a"), ("train", "b")]]
    );
    assert!(found[0].places[1].file.as_ref().unwrap().ends_with("test/a/copy.png"));
}

#[test]
fn too_few_pictures_are_told_before_a_training() {
    let small = |folders: &[(&str, u8)], held_out: usize, batch: usize| {
        let root = tempfile::tempdir().unwrap();
        pictures(root.path(), folders);
        let dataset = open(root.path()).unwrap();
        let splits = dataset.hold_out(HeldOut::Count(held_out), 1).unwrap();
        dataset.is_enough(&splits, batch).map_err(|error| error.to_string())
    };
    let enough = [("train/a", 8), ("train/b", 8), ("test/a", 1), ("test/b", 1)];
    assert_eq!(small(&enough, 2, 14), Ok(()));
    assert!(
        small(&enough, 2, 15)
            .unwrap_err()
            .contains("14 are left to train on, and a batch has 15")
    );
    assert!(
        small(&enough, 1, 8)
            .unwrap_err()
            .contains("1 are for validation, fewer than the 2 classes")
    );
    let single = [("train/a", 8), ("train/b", 1), ("test/a", 1), ("test/b", 1)];
    assert!(
        small(&single, 2, 4)
            .unwrap_err()
            .contains("class b has none to validate with")
    );
    // A class that is rare is on both sides all the same.
    let rare = [("train/a", 40), ("train/b", 2), ("test/a", 1), ("test/b", 1)];
    assert_eq!(small(&rare, 4, 8), Ok(()));
}
