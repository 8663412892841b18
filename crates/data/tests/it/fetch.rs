use std::fs;
use std::path::Path;

use panarch_data::DataError;
use panarch_data::fashion_mnist::{FetchedFrom, Sources, fetch, open, verify};
use panarch_data::{DataRoot, HeldOut, check, list};

use crate::idx_files::write_idx;

fn nowhere() -> Sources {
    Sources {
        installed: None,
        package: false,
        mirrors: vec![],
    }
}

fn wrong_files(folder: &Path) {
    write_idx(&folder.join("train-images-idx3-ubyte.gz"), &[2, 28, 28], &[0; 1568]);
    write_idx(&folder.join("train-labels-idx1-ubyte.gz"), &[2], &[0, 1]);
    write_idx(&folder.join("t10k-images-idx3-ubyte.gz"), &[2, 28, 28], &[0; 1568]);
    write_idx(&folder.join("t10k-labels-idx1-ubyte.gz"), &[2], &[0, 1]);
}

#[test]
fn files_with_another_hash_are_not_accepted_and_nothing_is_left_behind() {
    let (root, wrong) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    wrong_files(wrong.path());
    let sources = Sources {
        installed: Some(wrong.path().into()),
        mirrors: vec![format!("file://{}", wrong.path().display())],
        ..nowhere()
    };
    let data = DataRoot::new(root.path());
    let mut lines = Vec::new();
    let error = fetch(&data, &sources, &mut |line| lines.push(line.to_owned())).unwrap_err();
    let DataError::Fetch { attempts, advice, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert!(attempts[0].contains("SHA-256"), "{attempts:?}");
    assert!(advice.contains("dataset-fashion-mnist"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("trying")).count(), 2);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    assert!(!list(&data).unwrap()[0].present);
}

#[test]
fn a_dataset_that_was_not_fetched_says_how_to_fetch_it() {
    let root = tempfile::tempdir().unwrap();
    let error = open(&DataRoot::new(root.path())).unwrap_err().to_string();
    assert!(error.contains("panarch data fetch fashion-mnist"), "{error}");
    let error = fetch(&DataRoot::new(root.path()), &nowhere(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("By hand: install the package"), "{error}");
}

/// Needs the real files: an earlier fetch, or the Debian package.
#[test]
fn the_real_dataset_opens_and_a_mirror_serves_it() {
    let Some(real) = real_folder() else {
        println!("skipped: Fashion-MNIST is not on this machine (panarch data fetch fashion-mnist)");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let data = DataRoot::new(root.path());
    let installed = Sources {
        installed: Some(real.clone()),
        ..nowhere()
    };
    let (folder, from) = fetch(&data, &installed, &mut |_| {}).unwrap();
    assert_eq!(from, FetchedFrom::Installed(real));
    assert_eq!(fetch(&data, &nowhere(), &mut |_| {}).unwrap().1, FetchedFrom::Cache);

    let dataset = open(&data).unwrap();
    let found = check(&dataset);
    assert_eq!((found.train_images, found.test_images), (60_000, 10_000));
    assert!(found.classes.iter().all(|(_, counts)| *counts == [6_000, 0, 1_000]));
    // The figures that are commonly quoted for this dataset.
    assert!(
        (found.normalisation.mean[0] - 0.2860).abs() < 1e-4,
        "{:?}",
        found.normalisation
    );
    assert!(
        (found.normalisation.deviation[0] - 0.3530).abs() < 1e-4,
        "{:?}",
        found.normalisation
    );
    let splits = dataset.hold_out(HeldOut::Count(4_000), 1).unwrap();
    assert_eq!((splits.train.len(), splits.validation.len()), (56_000, 4_000));

    // A cached file that was damaged is noticed and fetched anew, here from a mirror.
    let labels = folder.join("t10k-labels-idx1-ubyte.gz");
    if !labels.is_file() || !program_exists("curl") {
        println!("skipped the mirror: no compressed files or no curl");
        return;
    }
    let mirror = root.path().join("mirror");
    fs::create_dir(&mirror).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), mirror.join(entry.file_name())).unwrap();
    }
    fs::write(&labels, b"damaged").unwrap();
    assert!(verify(&folder).is_err());
    let address = format!("file://{}", mirror.display());
    let mirrors = Sources {
        mirrors: vec!["file:///nowhere".into(), address.clone()],
        ..nowhere()
    };
    assert_eq!(
        fetch(&data, &mirrors, &mut |_| {}).unwrap().1,
        FetchedFrom::Mirror(address)
    );
    assert!(verify(&folder).is_ok());
}

fn program_exists(name: &str) -> bool {
    std::process::Command::new(name).arg("--version").output().is_ok()
}

/// The folder of real Fashion-MNIST files on this machine, if any.
pub fn real_folder() -> Option<std::path::PathBuf> {
    let fetched = DataRoot::from_environment().dataset("fashion-mnist").ok();
    [fetched, Sources::default().installed]
        .into_iter()
        .flatten()
        .find(|folder| verify(folder).is_ok())
}

#[test]
#[ignore = "downloads 31 MB by apt-get"]
fn the_package_archive_serves_it() {
    let root = tempfile::tempdir().unwrap();
    let data = DataRoot::new(root.path());
    let sources = Sources {
        package: true,
        ..nowhere()
    };
    let (folder, from) = fetch(&data, &sources, &mut |line| println!("{line}")).unwrap();
    assert_eq!(from, FetchedFrom::Package);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 4);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}
