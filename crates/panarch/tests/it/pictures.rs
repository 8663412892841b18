//! A folder of small pictures that a network can learn to tell apart, and a run file for them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GrayImage, Luma};

const CLASSES: [&str; 3] = ["horizontal", "spots", "vertical"];
const TRAIN: u32 = 60;
const TEST: u32 = 20;

/// A folder that ends with the test, with the pictures in it.
pub struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    /// Without pictures.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub fn new() -> Self {
        Self::with_pictures(TRAIN)
    }

    /// With so many pictures of each class to train on.
    pub fn with_pictures(train: u32) -> Self {
        let Self { folder } = Self::empty();
        for (part, count, offset) in [("train", train, 0), ("test", TEST, 1000)] {
            for (class, name) in CLASSES.iter().enumerate() {
                let place = folder.path().join("pictures").join(part).join(name);
                std::fs::create_dir_all(&place).unwrap();
                for index in 0..count {
                    let picture = picture(class as u32, index + offset);
                    picture.save(place.join(format!("{index:03}.png"))).unwrap();
                }
            }
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a run file, small enough for a test, with further text at its end.
    pub fn run_file(&self, further: &str) -> PathBuf {
        let path = self.path().join("job.toml");
        let text = format!(
            r#"
name = "job"
seed = 3

[data]
dataset = "./pictures"
resolution = 28
validation = 45
recalibration = 60

[space]
preset = "multi-hardware-small"

[devices]
names = ["ethos-u55-128", "cortex-a53"]

[train]
epochs = 1
batch = 32
random_subnets = 1

[finalists]
fine_tune_epochs = 1

{further}
"#
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs `panarch` in the folder.
    pub fn panarch(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panarch"));
        command
            .current_dir(self.path())
            .args(arguments)
            .env("PANARCH_DATA", self.path().join("data"))
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("XDG_STATE_HOME", self.path().join("state"));
        command
    }
}

/// Stripes one way or the other, or spots, moved and shaded by `index`.
pub fn picture(class: u32, index: u32) -> GrayImage {
    let (shift, period) = (index * 7 % 5, 3 + index % 3);
    let strength = 120 + (index * 37 % 130) as u8;
    GrayImage::from_fn(28, 28, |x, y| {
        let on = match class {
            0 => (y + shift) / period % 2 == 0,
            1 => (x + shift) / period % 2 == 0 && (y + shift) / period % 2 == 0,
            _ => (x + shift) / period % 2 == 0,
        };
        Luma([if on { strength } else { 20 }])
    })
}

/// Standard output of a command that must have ended with this exit code.
pub fn expect(output: &Output, code: i32) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "standard error:\n{err}\nstandard output:\n{out}"
    );
    out
}
