//! One question to a command: prepare, warm up, repeat, clean up.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use panarch_cost::profile::command::{Answer, AnswerSource, Argument, Placeholder, ValueReader};
use panarch_cost::{Cost, CostError};
use panarch_format::TemporaryFolder;
use panarch_graph::{Network, Provenance, Weights};
use panarch_toml::is_hidden;

use super::found::Found;
use super::lock::DeviceLock;
use super::network_file::network_file;
use super::process::{CommandLine, Finished, run};
use super::{CommandDevice, output_file, value, vela};
use crate::MeasureError;

/// Longest name that a network's file gets.
const LONGEST_NAME: usize = 64;

/// A network's file in a folder that goes with it.
pub(super) struct Written {
    pub file: PathBuf,
    _folder: TemporaryFolder,
}

impl CommandDevice {
    /// Writes a network for the command into a folder of its own.
    pub(super) fn write(&self, network: &Network, weights: Option<&Weights>) -> Result<Written, MeasureError> {
        let format = self.target.format;
        let bytes = network_file(format, network, weights)?;
        let folder = temporary_folder()?;
        let file = folder
            .path()
            .join(format!("{}.{}", plain_name(network.name()), format.name()));
        fs::write(&file, bytes).map_err(|source| MeasureError::Folder {
            folder: file.clone(),
            source,
        })?;
        Ok(Written { file, _folder: folder })
    }

    /// What the command says of a file.
    pub(super) fn answer(&self, file: &Path, network: Option<&Network>, note: &str) -> Result<Cost, CostError> {
        let device = self.profile.name();
        let version = self.version()?.to_owned();
        let found = self.ask(file, network).map_err(|error| error.into_cost(device))?;
        let provenance = Provenance {
            kind: self.target.answers,
            device: device.to_owned(),
            tool: self.target.tool.clone(),
            version,
            precision: self.profile.precision(),
            batch: 1,
            repeats: Some(found.len() as u32),
            note: None,
        };
        Ok(self.cost_of(&found, network, provenance, note))
    }

    /// The version that a command prints: the first line that is not empty.
    pub(super) fn ask_version(&self, arguments: &[Argument]) -> Result<String, MeasureError> {
        let line = self.line(arguments, |_| OsString::new());
        let finished = self.finish(&line, None)?;
        let printed = [&finished.stdout, &finished.stderr].into_iter().find_map(|stream| {
            let text = String::from_utf8_lossy(stream.whole()?).into_owned();
            let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
            Some(first.chars().filter(|c| !is_hidden(*c)).take(200).collect())
        });
        printed.ok_or_else(|| MeasureError::CommandAnswer {
            command: line.to_string(),
            table: "version",
            reason: "it printed no version".to_owned(),
            stderr: String::new(),
        })
    }

    fn ask(&self, file: &Path, network: Option<&Network>) -> Result<Vec<Found>, MeasureError> {
        let lock = match &self.target.lock {
            Some(name) => Some(DeviceLock::take(self.places.locks()?, name, self.patience)?),
            None => None,
        };
        let lock = lock.as_ref();
        let folder = temporary_folder()?;
        let stem = file
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let name = plain_name(network.map_or(&stem, Network::name));
        let expand = |placeholder, out: &Path| match placeholder {
            Placeholder::Tflite | Placeholder::Onnx => file.as_os_str().to_owned(),
            Placeholder::Network => name.clone().into(),
            Placeholder::Out => out.as_os_str().to_owned(),
            Placeholder::Width => network.map_or(0, |it| it.input_shape().width).to_string().into(),
            Placeholder::Height => network.map_or(0, |it| it.input_shape().height).to_string().into(),
        };
        let once = |arguments: &Option<Vec<Argument>>| match arguments {
            Some(arguments) => self
                .finish(&self.line(arguments, |it| expand(it, folder.path())), lock)
                .map(drop),
            None => Ok(()),
        };
        let repeats = || {
            let mut found = Vec::new();
            for number in 0..self.target.warmup + self.target.repeat {
                let out = folder.path().join(number.to_string());
                fs::create_dir(&out).map_err(|source| MeasureError::Folder {
                    folder: out.clone(),
                    source,
                })?;
                let line = self.line(&self.target.arguments, |it| expand(it, &out));
                let finished = self.finish(&line, lock)?;
                if number >= self.target.warmup {
                    found.push(self.read(&line, &finished, &out)?);
                }
                // A tool that writes much would otherwise fill the disk before the last repeat.
                let _ = fs::remove_dir_all(&out);
            }
            Ok(found)
        };
        let found = once(&self.target.prepare).and_then(|()| repeats());
        let cleaned = once(&self.target.cleanup);
        let found = found?;
        cleaned?;
        Ok(found)
    }

    /// A command with its placeholders filled in. Commands that begin with the same program as the main one get the
    /// program that was found for that.
    fn line(&self, arguments: &[Argument], of: impl Fn(Placeholder) -> OsString) -> CommandLine {
        let mut arguments = arguments.iter();
        let first = arguments.next().map(ToString::to_string).unwrap_or_default();
        let main = self.target.arguments.first().map(ToString::to_string);
        CommandLine {
            program: if main.as_ref() == Some(&first) {
                self.program.clone().into()
            } else {
                first.into()
            },
            arguments: arguments.map(|argument| argument.expand(&of)).collect(),
        }
    }

    /// Runs a command that must end well.
    fn finish(&self, line: &CommandLine, lock: Option<&DeviceLock>) -> Result<Finished, MeasureError> {
        let input = lock.and_then(|lock| lock.as_input().ok()).map(Stdio::from);
        let finished = run(line, self.target.timeout, input).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => MeasureError::CommandMissing {
                program: line.program.to_string_lossy().into_owned(),
                help: "install it, or write its path into the profile".to_owned(),
            },
            _ => MeasureError::CommandStart {
                command: line.to_string(),
                source,
            },
        })?;
        let stderr = finished.stderr.last_lines();
        let command = line.to_string();
        match finished.status {
            Some(status) if status.success() => Ok(finished),
            Some(status) => Err(MeasureError::CommandFailed {
                command,
                status: status.to_string(),
                stderr,
            }),
            None => Err(MeasureError::CommandTimeout {
                command,
                seconds: self.target.timeout.as_secs_f64(),
                stderr,
            }),
        }
    }

    fn read(&self, line: &CommandLine, finished: &Finished, out: &Path) -> Result<Found, MeasureError> {
        let no_answer = |table, reason| MeasureError::CommandAnswer {
            command: line.to_string(),
            table,
            reason,
            stderr: finished.stderr.last_lines(),
        };
        let number = |table: &'static str, reader: &ValueReader| {
            let text = match &reader.from {
                AnswerSource::Stdout => finished.stdout.whole().map(<[u8]>::to_vec),
                AnswerSource::Stderr => finished.stderr.whole().map(<[u8]>::to_vec),
                AnswerSource::File(pattern) => {
                    let (_, bytes) = output_file::read(out, pattern).map_err(|reason| no_answer(table, reason))?;
                    Some(bytes)
                }
            };
            let text = text.ok_or_else(|| no_answer(table, "it printed more than is read".to_owned()))?;
            value::value(reader, &text).map_err(|reason| no_answer(table, reason))
        };
        let part = |table, reader: &Option<ValueReader>| reader.as_ref().map(|it| number(table, it)).transpose();
        let (latency, vela) = match &self.target.result {
            Answer::Value(reader) => (number("result", reader)?, None),
            Answer::Vela => {
                let report = vela::read(out).map_err(|refusal| match refusal {
                    vela::Refusal::Unreadable(reason) => no_answer("result", reason),
                    vela::Refusal::Unsupported { layer, operator } => MeasureError::Unsupported {
                        layer,
                        operator,
                        reason: "the vendor's compiler leaves it to the processor".to_owned(),
                    },
                })?;
                (report.total.total / report.clock_hz, Some(report))
            }
        };
        Ok(Found {
            latency,
            energy: part("energy", &self.target.energy)?,
            memory: part("memory", &self.target.memory)?,
            vela,
        })
    }
}

fn temporary_folder() -> Result<TemporaryFolder, MeasureError> {
    Ok(TemporaryFolder::new(&std::env::temp_dir())?)
}

/// A name that no shell and no file system finds anything in.
fn plain_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    if name.starts_with(['.', '-']) || name.is_empty() {
        format!("network{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_nothing_that_a_shell_obeys() {
        for (name, expected) in [
            ("mobilenet-v2", "mobilenet-v2"),
            ("space:0.1;rm -rf $HOME", "space_0.1_rm_-rf__HOME"),
            ("", "network"),
            ("-o", "network-o"),
            ("../x", "network.._x"),
        ] {
            assert_eq!(plain_name(name), expected);
        }
        assert_eq!(plain_name(&"é".repeat(500)).len(), LONGEST_NAME);
    }
}
