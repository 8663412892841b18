//! The folders and files below a folder, each real folder once.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::inventory::{DamagedPicture, PassedOver, Reason};
use crate::DataError;
use crate::PictureFault;
use crate::picture::{HEAD, Kind, fault_of, is_called_picture};

/// How deep folders are followed.
const DEPTH_LIMIT: usize = 32;
/// Names that operating systems, archivers and synchronisers leave behind.
const LEFT_BEHIND: [&str; 8] = [
    "__MACOSX",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "@eaDir",
];
/// A run's database, by which its output folder is known.
const DATABASE: &str = "study.db";

/// A folder that was walked.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) parent: Option<usize>,
    depth: usize,
    /// Pictures that lie in it, by name.
    pub(super) pictures: Vec<PathBuf>,
    /// Places of the folders in it, by name.
    pub(super) folders: Vec<usize>,
    /// Pictures in it and below.
    pub(super) count: usize,
    /// Whether the output folder of a run lies in it or below.
    pub(super) held_output: bool,
}

impl Folder {
    /// The folder's own name; lossy, for people.
    pub(super) fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or(self.path.as_os_str())
            .to_string_lossy()
            .into_owned()
    }
}

/// Everything below a folder. The folder itself has place 0.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) folders: Vec<Folder>,
    pub(super) passed_over: Vec<PassedOver>,
    /// Files that promise to be pictures and are none that can be read. They count as pictures of their folders.
    pub(super) damaged: Vec<DamagedPicture>,
}

/// What is known of a file after a look at its beginning.
enum Look {
    Picture,
    Damaged(PictureFault),
    NoPicture,
}

impl Tree {
    /// Walks `root`. Links are followed after all real folders, so that a folder counts where it really lies; a link to a
    /// folder that was walked is passed over. Things that are no files are never opened. `leave_out` are output folders.
    pub(super) fn walk(root: &Path, leave_out: &[PathBuf]) -> Result<Self, DataError> {
        let mut walk = Walk {
            tree: Self::default(),
            seen: HashMap::new(),
            left_out: leave_out
                .iter()
                .filter_map(|path| Some(identity(&fs::metadata(path).ok()?)))
                .collect(),
            files: Vec::new(),
            links: VecDeque::new(),
        };
        let metadata = fs::metadata(root).map_err(DataError::io(root, "read"))?;
        walk.enter(root.to_owned(), &metadata, None);
        let mut next = 0;
        loop {
            while next < walk.tree.folders.len() {
                walk.list(next)?;
                next += 1;
            }
            match walk.links.pop_front() {
                Some((path, parent)) => walk.follow(path, parent),
                None => break,
            }
        }
        walk.look_at_files();
        Ok(walk.tree.sorted())
    }

    fn sorted(mut self) -> Self {
        let names: Vec<PathBuf> = self.folders.iter().map(|folder| folder.path.clone()).collect();
        for folder in &mut self.folders {
            folder.pictures.sort_by(|a, b| bytes(a).cmp(bytes(b)));
            folder.folders.sort_by(|&a, &b| bytes(&names[a]).cmp(bytes(&names[b])));
        }
        // A folder comes after the one that it lies in.
        for place in (0..self.folders.len()).rev() {
            let Folder {
                parent,
                pictures,
                count,
                held_output,
                ..
            } = &mut self.folders[place];
            *count += pictures.len();
            let (parent, count, held) = (*parent, *count, *held_output);
            if let Some(parent) = parent {
                self.folders[parent].count += count;
                self.folders[parent].held_output |= held;
            }
        }
        self
    }

    /// All pictures in a folder and below, a folder's own before those of its folders.
    pub(super) fn pictures(&self, place: usize) -> Vec<&PathBuf> {
        let folder = &self.folders[place];
        let below = folder.folders.iter().flat_map(|&place| self.pictures(place));
        folder.pictures.iter().chain(below).collect()
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// What makes a folder the same one by whatever path it is reached.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

struct Walk {
    tree: Tree,
    /// Folders that were walked, by identity, with their places.
    seen: HashMap<(u64, u64), usize>,
    left_out: Vec<(u64, u64)>,
    /// Files with the places of their folders.
    files: Vec<(PathBuf, usize)>,
    links: VecDeque<(PathBuf, usize)>,
}

impl Walk {
    fn pass_over(&mut self, path: PathBuf, reason: Reason) {
        self.tree.passed_over.push(PassedOver { path, reason });
    }

    /// Adds a folder, unless it is walked already, ours, or too deep.
    fn enter(&mut self, path: PathBuf, metadata: &Metadata, parent: Option<usize>) {
        let depth = parent.map_or(0, |parent| self.tree.folders[parent].depth + 1);
        let identity = identity(metadata);
        if let Some(parent) = parent {
            if self.left_out.contains(&identity) || path.join(DATABASE).is_file() {
                self.tree.folders[parent].held_output = true;
                return self.pass_over(path, Reason::Output);
            }
            if let Some(&known) = self.seen.get(&identity) {
                let mut above = Some(parent);
                while above.is_some_and(|place| place != known) {
                    above = above.and_then(|place| self.tree.folders[place].parent);
                }
                return self.pass_over(path, if above.is_some() { Reason::Loop } else { Reason::Again });
            }
            if depth > DEPTH_LIMIT {
                return self.pass_over(path, Reason::Deep);
            }
        }
        let place = self.tree.folders.len();
        self.seen.insert(identity, place);
        if let Some(parent) = parent {
            self.tree.folders[parent].folders.push(place);
        }
        self.tree.folders.push(Folder {
            path,
            parent,
            depth,
            pictures: Vec::new(),
            folders: Vec::new(),
            count: 0,
            held_output: false,
        });
    }

    /// Sorts the entries of a folder into folders, files, links, and what is passed over.
    fn list(&mut self, place: usize) -> Result<(), DataError> {
        let folder = self.tree.folders[place].path.clone();
        let mut entries = Vec::new();
        for entry in fs::read_dir(&folder).map_err(DataError::io(&folder, "list"))? {
            entries.push(entry.map_err(DataError::io(&folder, "list"))?);
        }
        entries.sort_by(|a, b| a.file_name().as_encoded_bytes().cmp(b.file_name().as_encoded_bytes()));
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type());
            let kind = kind.map_err(DataError::io(&path, "read"))?;
            if is_left_behind(&entry.file_name()) {
                self.pass_over(path, Reason::Hidden);
            } else if kind.is_symlink() {
                self.links.push_back((path, place));
            } else if kind.is_dir() {
                let metadata = entry.metadata().map_err(DataError::io(&path, "read"))?;
                self.enter(path, &metadata, Some(place));
            } else if kind.is_file() {
                self.files.push((path, place));
            } else {
                self.pass_over(path, Reason::Special);
            }
        }
        Ok(())
    }

    fn follow(&mut self, path: PathBuf, parent: usize) {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.enter(path, &metadata, Some(parent)),
            Ok(metadata) if metadata.is_file() => self.files.push((path, parent)),
            Ok(_) => self.pass_over(path, Reason::Special),
            // It leads to nothing, or to itself.
            Err(_) => self.pass_over(path, Reason::DeadLink),
        }
    }

    fn look_at_files(&mut self) {
        let files = std::mem::take(&mut self.files);
        let looks: Vec<Look> = files.par_iter().map(|(path, _)| look(path)).collect();
        for ((path, folder), look) in files.into_iter().zip(looks) {
            match look {
                Look::NoPicture => {
                    self.pass_over(path, Reason::NoPicture);
                    continue;
                }
                Look::Damaged(fault) => self.tree.damaged.push(DamagedPicture::new(&path, &fault)),
                Look::Picture => {}
            }
            self.tree.folders[folder].pictures.push(path);
        }
    }
}

fn is_left_behind(name: &OsStr) -> bool {
    let is = |known: &str| name.to_str().is_some_and(|name| name.eq_ignore_ascii_case(known));
    name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.into_iter().any(is)
}

/// Looks at the first bytes of a file.
fn look(path: &Path) -> Look {
    let mut head = Vec::with_capacity(HEAD);
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    if let Err(error) = read {
        return match is_called_picture(path) {
            true => Look::Damaged(PictureFault::Unreadable(error)),
            false => Look::NoPicture,
        };
    }
    match Kind::of(&head) {
        Kind::Picture(_) => Look::Picture,
        kind @ Kind::Other(_) => Look::Damaged(fault_of(kind, &head)),
        kind if is_called_picture(path) => Look::Damaged(fault_of(kind, &head)),
        _ => Look::NoPicture,
    }
}
