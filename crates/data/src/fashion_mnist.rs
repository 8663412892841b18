//! Fashion-MNIST: how it is obtained, checked and opened.
//!
//! 60,000 training and 10,000 test pictures of clothes, 28 × 28, grey, ten classes (Xiao, Rasul, Vollgraf 2017,
//! MIT licence). The hashes below are of the *decompressed* files, because the Debian package and the dataset's own
//! site compress the same content differently.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use panarch_format::TemporaryFolder;

use super::dataset::Dataset;
use super::idx;
use super::location::DataRoot;
use crate::{DataError, KnownDataset};

/// The dataset's name, also that of its folder.
pub const NAME: &str = "fashion-mnist";

/// The dataset as one that is known by name.
pub const DATASET: KnownDataset = KnownDataset {
    name: NAME,
    is_in: |folder| idx::locate(folder, FILES[0].0).is_some(),
    read,
    fetch: Some(|root, progress| {
        let (folder, from) = fetch(root, &Sources::default(), progress)?;
        Ok((folder, format!("{from}; SHA-256 of all four files checked")))
    }),
    files: "the four IDX files",
};

/// The class names, by label.
pub const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The four files with the SHA-256 of their decompressed content.
const FILES: [(&str, &str); 4] = [
    (
        "train-images-idx3-ubyte",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    (
        "train-labels-idx1-ubyte",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    (
        "t10k-images-idx3-ubyte",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    (
        "t10k-labels-idx1-ubyte",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
];

const PACKAGE: &str = "dataset-fashion-mnist";
const INSTALLED: &str = "usr/share/datasets/fashion-mnist";
/// More than the largest compressed file has, in bytes.
const DOWNLOAD_LIMIT: u64 = 40 << 20;

/// Where [`fetch`] looks, in this order: an installed package, the package archive, mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The folder that an installed Debian package puts the files in.
    pub installed: Option<PathBuf>,
    /// Whether `apt-get download` is tried (it needs no root and installs nothing).
    pub package: bool,
    /// Addresses of folders that hold the four compressed files, for curl or wget.
    pub mirrors: Vec<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            installed: Some(Path::new("/").join(INSTALLED)),
            package: true,
            mirrors: [
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

/// Where the files of a [`fetch`] came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedFrom {
    /// They were there already, and are intact.
    Cache,
    /// An installed package, whose folder is given.
    Installed(PathBuf),
    /// The package archive, by `apt-get download`.
    Package,
    /// A mirror, whose address is given.
    Mirror(String),
}

impl std::fmt::Display for FetchedFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cache => f.write_str("already fetched"),
            Self::Installed(folder) => write!(f, "copied from {}", folder.display()),
            Self::Package => write!(f, "unpacked from the Debian package {PACKAGE}"),
            Self::Mirror(address) => write!(f, "downloaded from {address}"),
        }
    }
}

/// Obtains the dataset, checks the hash of every file and puts it into `root`; the folder appears whole or not at
/// all. `progress` gets one line before each thing that is tried. Gives the folder and where the files came from.
///
/// # Errors
/// [`DataError::Fetch`] with a line for each source that failed; [`DataError::Io`] when `root` cannot be written.
pub fn fetch(
    root: &DataRoot,
    sources: &Sources,
    progress: &mut dyn FnMut(&str),
) -> Result<(PathBuf, FetchedFrom), DataError> {
    let (parent, target) = (root.path()?, root.dataset(NAME)?);
    if target.is_dir() {
        progress(&format!("checking {}", target.display()));
        match verify(&target) {
            Ok(()) => return Ok((target, FetchedFrom::Cache)),
            Err(error) => progress(&format!("the cached files are not intact: {error}")),
        }
    }
    fs::create_dir_all(parent).map_err(DataError::io(parent, "create"))?;
    let mut attempts = Vec::new();
    let mut attempt = |from: FetchedFrom, progress: &mut dyn FnMut(&str)| -> Result<Option<FetchedFrom>, DataError> {
        let what = match &from {
            FetchedFrom::Cache => String::new(),
            FetchedFrom::Installed(folder) => format!("installed package in {}", folder.display()),
            FetchedFrom::Package => format!("apt-get download {PACKAGE}"),
            FetchedFrom::Mirror(address) => format!("download from {address}"),
        };
        progress(&format!("trying: {what}"));
        let temporary = TemporaryFolder::new(parent)?;
        let folder = temporary.path();
        let result = obtain(&from, folder).and_then(|()| verify(folder).map_err(|e| e.to_string()));
        if let Err(reason) = result {
            progress(&format!("  failed: {reason}"));
            attempts.push(format!("{what}: {reason}"));
            return Ok(None);
        }
        if target.exists() {
            fs::remove_dir_all(&target).map_err(DataError::io(&target, "replace"))?;
        }
        publish(temporary, &target)?;
        Ok(Some(from))
    };
    let candidates = sources
        .installed
        .iter()
        .cloned()
        .map(FetchedFrom::Installed)
        .chain(sources.package.then_some(FetchedFrom::Package))
        .chain(sources.mirrors.iter().cloned().map(FetchedFrom::Mirror));
    for candidate in candidates {
        if let Some(from) = attempt(candidate, progress)? {
            return Ok((target, from));
        }
    }
    Err(DataError::Fetch {
        name: NAME.into(),
        attempts,
        advice: format!(
            "install the package {PACKAGE}, or put {} (with or without .gz) into {}",
            FILES.map(|(name, _)| name).join(", "),
            target.display()
        ),
    })
}

/// Checks that all four files are there and have the published content.
///
/// # Errors
/// The first file that is missing ([`DataError::Missing`]), damaged, or not the published one
/// ([`DataError::Hash`]).
pub fn verify(folder: &Path) -> Result<(), DataError> {
    for (name, expected) in FILES {
        let file = locate(folder, name)?;
        let idx = if name.contains("images") {
            idx::read_images(&file)?
        } else {
            idx::read_labels(&file)?
        };
        check_hash(&file, expected, idx.sha256)?;
    }
    Ok(())
}

/// Opens the fetched dataset and checks its hashes on the way.
///
/// # Errors
/// As [`read`]; [`DataError::NoDataFolder`].
pub fn open(root: &DataRoot) -> Result<Dataset, DataError> {
    read(&root.dataset(NAME)?)
}

/// Reads the dataset from its folder and checks its hashes on the way.
///
/// # Errors
/// [`DataError::Missing`] when it has not been fetched, else as [`verify`].
pub fn read(folder: &Path) -> Result<Dataset, DataError> {
    let pair = |images: usize, labels: usize| {
        let (image_file, label_file) = (locate(folder, FILES[images].0)?, locate(folder, FILES[labels].0)?);
        let (set, [image_hash, label_hash]) = idx::read_pair(&image_file, &label_file, CLASSES.len())?;
        check_hash(&image_file, FILES[images].1, image_hash)?;
        check_hash(&label_file, FILES[labels].1, label_hash)?;
        Ok::<_, DataError>(set)
    };
    let classes = CLASSES.map(str::to_owned).to_vec();
    Dataset::new(NAME, classes, pair(0, 1)?, None, pair(2, 3)?)
}

fn locate(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    idx::locate(folder, name).ok_or_else(|| DataError::Missing {
        name: NAME.into(),
        looked: vec![folder.join(name)],
        advice: format!("fetch it with: panarch data fetch {NAME}"),
    })
}

fn check_hash(file: &Path, expected: &str, found: String) -> Result<(), DataError> {
    if found == expected {
        return Ok(());
    }
    Err(DataError::Hash {
        file: file.into(),
        expected: expected.into(),
        found,
    })
}

/// Puts the four files into `folder`, unchecked.
fn obtain(from: &FetchedFrom, folder: &Path) -> Result<(), String> {
    match from {
        FetchedFrom::Cache => Ok(()),
        FetchedFrom::Installed(installed) => copy_files(installed, folder),
        FetchedFrom::Package => {
            run("apt-get", &["download", PACKAGE], folder)?;
            let package = fs::read_dir(folder)
                .map_err(|error| error.to_string())?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .find(|name| name.ends_with(".deb"))
                .ok_or("apt-get left no package file")?;
            run("dpkg-deb", &["-x", &package, "unpacked"], folder)?;
            copy_files(&folder.join("unpacked").join(INSTALLED), folder)?;
            fs::remove_dir_all(folder.join("unpacked")).map_err(|error| error.to_string())?;
            fs::remove_file(folder.join(&package)).map_err(|error| error.to_string())
        }
        FetchedFrom::Mirror(address) => FILES.iter().try_for_each(|(name, _)| download(address, name, folder)),
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    if !from.is_dir() {
        return Err("not installed".into());
    }
    for (name, _) in FILES {
        let file = idx::locate(from, name).ok_or_else(|| format!("{name} is not there"))?;
        let target = to.join(file.file_name().unwrap_or_default());
        fs::copy(&file, &target).map_err(|error| format!("{} to {}: {error}", file.display(), target.display()))?;
    }
    Ok(())
}

fn download(mirror: &str, name: &str, folder: &Path) -> Result<(), String> {
    let (file, address) = (
        format!("{name}.gz"),
        format!("{}/{name}.gz", mirror.trim_end_matches('/')),
    );
    let limit = DOWNLOAD_LIMIT.to_string();
    let curl = [
        "--fail",
        "--location",
        "--silent",
        "--show-error",
        "--connect-timeout",
        "20",
        "--speed-time",
        "60",
        "--speed-limit",
        "1000",
        "--max-filesize",
        &limit,
        "--output",
        &file,
        &address,
    ];
    run("curl", &curl, folder).or_else(|first| {
        run(
            "wget",
            &["-nv", "--timeout=20", "--tries=2", "-O", &file, &address],
            folder,
        )
        .map_err(|second| format!("{first}; {second}"))
    })
}

/// Runs a program to its end in `folder`; its last line of complaint is the error.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let last = complaint
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("no message");
            Err(format!("{program}: {} ({last})", output.status))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("{program} is not on this machine")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Makes everything durable and moves the folder to its name.
fn publish(folder: TemporaryFolder, target: &Path) -> Result<(), DataError> {
    for entry in fs::read_dir(folder.path()).map_err(DataError::io(folder.path(), "list"))? {
        let path = entry.map_err(DataError::io(folder.path(), "list"))?.path();
        let file = File::open(&path).map_err(DataError::io(&path, "open"))?;
        file.sync_all().map_err(DataError::io(&path, "write"))?;
    }
    folder.publish(target).map_err(DataError::io(target, "create"))
}
