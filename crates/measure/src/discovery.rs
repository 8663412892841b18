//! Where ONNX Runtime's library may lie. Files are looked at, nothing is executed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable that names the library.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where to look for a library.
#[derive(Debug, PartialEq)]
pub enum Candidates {
    /// The user named one; no other may be taken.
    Named(PathBuf),
    /// Files that were found, in the order in which they should be tried.
    Found(Vec<PathBuf>),
}

/// The library that the environment names, or all that lie in the usual places.
pub fn candidates() -> Candidates {
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Candidates::Named(PathBuf::from(named));
    }
    let mut found = Vec::new();
    for folder in library_folders().into_iter().chain(package_folders()) {
        for library in libraries_in(&folder) {
            if !found.contains(&library) {
                found.push(library);
            }
        }
    }
    Candidates::Found(found)
}

/// Folders of the dynamic linker.
fn library_folders() -> Vec<PathBuf> {
    let searched = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];
    let mut folders: Vec<PathBuf> = searched
        .iter()
        .filter_map(env::var_os)
        .flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>())
        .collect();
    for folder in [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/opt/onnxruntime/lib",
        "/opt/homebrew/lib",
    ] {
        folders.push(PathBuf::from(folder));
    }
    folders.push(PathBuf::from(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH)));
    folders
}

/// The `onnxruntime/capi` folders of Python installations: the active environment, those on the search path, the
/// user's own and the system's.
fn package_folders() -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .iter()
        .filter_map(env::var_os)
        .map(PathBuf::from)
        .collect();
    prefixes.push(PathBuf::from(".venv"));
    for folder in env::var_os("PATH").iter().flat_map(env::split_paths) {
        let python = folder.join("python3");
        if let (true, Some(prefix)) = (python.exists(), folder.parent()) {
            prefixes.push(prefix.to_path_buf());
        }
        // A link may lead into another installation.
        if let Some(prefix) = fs::canonicalize(&python)
            .ok()
            .and_then(|python| Some(python.parent()?.parent()?.to_path_buf()))
        {
            prefixes.push(prefix);
        }
    }
    if let Some(home) = env::var_os("HOME") {
        prefixes.push(Path::new(&home).join(".local"));
    }
    prefixes.extend([PathBuf::from("/usr/local"), PathBuf::from("/usr")]);
    prefixes.iter().flat_map(|prefix| packages_under(prefix)).collect()
}

/// `PREFIX/lib/python3*/{site,dist}-packages/onnxruntime/capi`, where it exists, the newest Python first.
fn packages_under(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for library in ["lib", "lib64"] {
        for python in names_in(&prefix.join(library), |name| name.starts_with("python3")) {
            for packages in ["site-packages", "dist-packages"] {
                let folder = python.join(packages).join("onnxruntime").join("capi");
                if folder.is_dir() {
                    folders.push(folder);
                }
            }
        }
    }
    folders
}

/// The libraries of a folder, the name without a version first, then the newest version first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = names_in(folder, |name| {
        name == "libonnxruntime.so"
            || name == "libonnxruntime.dylib"
            || name
                .strip_prefix("libonnxruntime.so.")
                .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
            || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
    });
    found.sort_by_key(|path| !matches!(path.extension(), Some(extension) if extension == "so"));
    found
}

/// The entries of a folder whose names fit, in descending order with numbers compared as numbers.
fn names_in(folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u64>, String)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| fits(name))
        .map(|name| (numbers(&name), name))
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, name)| folder.join(name)).collect()
}

/// The numbers in a name: `libonnxruntime.so.1.31.1` has 1, 31, 1.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_newest_library_of_the_newest_python() {
        let prefix = tempfile::tempdir().unwrap();
        for python in ["python3.9", "python3.12", "python2.7"] {
            let capi = prefix
                .path()
                .join("lib")
                .join(python)
                .join("site-packages/onnxruntime/capi");
            fs::create_dir_all(&capi).unwrap();
            for name in [
                "libonnxruntime.so.1.9.0",
                "libonnxruntime.so.1.31.1",
                "libonnxruntime_providers_shared.so",
            ] {
                fs::write(capi.join(name), "").unwrap();
            }
        }
        let folders = packages_under(prefix.path());
        let names: Vec<_> = folders.iter().flat_map(|folder| libraries_in(folder)).collect();
        let names: Vec<_> = names
            .iter()
            .map(|path| {
                path.strip_prefix(prefix.path())
                    .unwrap()
                    .to_string_lossy()
                    .replace("/site-packages/onnxruntime/capi", "")
            })
            .collect();
        assert_eq!(
            names,
            [
                "lib/python3.12/libonnxruntime.so.1.31.1",
                "lib/python3.12/libonnxruntime.so.1.9.0",
                "lib/python3.9/libonnxruntime.so.1.31.1",
                "lib/python3.9/libonnxruntime.so.1.9.0",
            ]
        );
    }

    #[test]
    fn a_name_without_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1.31.1",
            "libonnxruntime.so",
            "libonnxruntime.so.debug",
            "libother.so",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = libraries_in(folder.path());
        assert_eq!(
            found,
            ["libonnxruntime.so", "libonnxruntime.so.1.31.1"].map(|name| folder.path().join(name))
        );
    }
}
