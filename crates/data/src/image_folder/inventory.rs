//! What was found in a folder of pictures, file by file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::PictureFault;

/// What was found in a folder of pictures: every file is in one of the lists.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The folder.
    pub folder: PathBuf,
    /// Which folders are which part, and what is held out of them, in one line.
    pub layout: String,
    /// The pictures of the training part, in the order of the dataset's images.
    pub train: Vec<PictureFile>,
    /// The pictures of the validation part, if the folder has one.
    pub validation: Vec<PictureFile>,
    /// The pictures of the test part, or those held out as such.
    pub test: Vec<PictureFile>,
    /// Pictures that cannot be used.
    pub damaged: Vec<DamagedPicture>,
    /// Files and folders that are no part of the dataset.
    pub passed_over: Vec<PassedOver>,
    /// Bits that count in samples of 16 bits; 16 unless the pictures use fewer.
    pub depth: u8,
    /// The depth was read off the pictures, and no setting says it.
    pub depth_found: bool,
}

/// A picture with its label. Length and time of change tell cheaply whether it is the same as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The file.
    pub path: PathBuf,
    /// The index of its class.
    pub label: u16,
    /// Its length in bytes.
    pub length: u64,
    /// When its content last changed, where the file system knows.
    pub modified: Option<SystemTime>,
}

/// A picture that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedPicture {
    /// The file.
    pub path: PathBuf,
    /// Why, as a sentence that begins with the file: a [`PictureFault`].
    pub fault: String,
}

impl DamagedPicture {
    pub(super) fn new(path: &Path, fault: &PictureFault) -> Self {
        Self {
            path: path.into(),
            fault: fault.to_string(),
        }
    }
}

impl fmt::Display for DamagedPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.fault)
    }
}

/// A file or folder that is no part of the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why something is no part of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Its name begins with a dot, or an operating system or archiver left it there.
    Hidden,
    /// It is the output folder of a run.
    Output,
    /// The link leads to a folder that is above it.
    Loop,
    /// The link leads to a folder that is read where it lies, or by another link.
    Again,
    /// The link leads nowhere.
    DeadLink,
    /// It is a pipe, a device or a socket.
    Special,
    /// It is a file, and its content is no picture.
    NoPicture,
    /// It is a picture that lies in no class folder.
    NoClass,
    /// It is a folder beside the parts or classes without a picture in it.
    NoPictures,
    /// It lies deeper than folders are followed.
    Deep,
}

impl Reason {
    /// The reason in words, for one thing or for several.
    pub fn words(self, several: bool) -> &'static str {
        match (self, several) {
            (Self::Hidden, false) => "hidden or of the operating system",
            (Self::Hidden, true) => "hidden or of the operating system",
            (Self::Output, false) => "output folder of a run",
            (Self::Output, true) => "output folders of runs",
            (Self::Loop, false) => "link that leads in a circle",
            (Self::Loop, true) => "links that lead in a circle",
            (Self::Again, false) => "link to a folder that is read already",
            (Self::Again, true) => "links to folders that are read already",
            (Self::DeadLink, false) => "link that leads nowhere",
            (Self::DeadLink, true) => "links that lead nowhere",
            (Self::Special, false) => "pipe, device or socket",
            (Self::Special, true) => "pipes, devices or sockets",
            (Self::NoPicture, false) => "file that is no picture",
            (Self::NoPicture, true) => "files that are no pictures",
            (Self::NoClass, false) => "picture outside of any class folder",
            (Self::NoClass, true) => "pictures outside of any class folder",
            (Self::NoPictures, false) => "folder without pictures",
            (Self::NoPictures, true) => "folders without pictures",
            (Self::Deep, false) => "folder nested too deeply",
            (Self::Deep, true) => "folders nested too deeply",
        }
    }
}

impl Inventory {
    /// What a person should know before anything is done with the dataset, a line each: the layout, what was passed over,
    /// and how 16-bit samples are read.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![self.layout.clone()];
        let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
        for passed_over in &self.passed_over {
            *counts.entry(passed_over.reason).or_default() += 1;
        }
        if !counts.is_empty() {
            let counts = counts
                .iter()
                .map(|(reason, &count)| format!("{count} {}", reason.words(count > 1)));
            remarks.push(format!("passed over: {}", counts.collect::<Vec<_>>().join(", ")));
        }
        if self.depth_found {
            remarks.push(format!(
                "16-bit pictures hold no sample above {}: they are read as {}-bit data (data.depth = 16 takes them as they are)",
                (1_u32 << self.depth) - 1,
                self.depth
            ));
        }
        remarks
    }
    /// How many damaged pictures were left out, and which is the first; nothing if there are none.
    pub fn left_out(&self) -> Option<String> {
        let first = self.damaged.first()?;
        Some(match self.damaged.len() {
            1 => format!("1 damaged picture is left out (data.damaged = \"skip\"): {first}"),
            count => format!(
                "{count} damaged pictures are left out (data.damaged = \"skip\"): {first}, and {} more",
                count - 1
            ),
        })
    }
}
