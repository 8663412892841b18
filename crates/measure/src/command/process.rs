use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use panarch_toml::is_hidden;

/// Bytes of each stream that are kept.
pub const MOST_KEPT: usize = 4 << 20;
/// Bytes at the end of each stream that are kept apart, for messages.
const TAIL: usize = 4096;
/// How long the streams of a command that has ended may stay open.
const GRACE: Duration = Duration::from_secs(2);

/// How a command ended, and the beginning of what it printed.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code or signal; `None` when its time was over and it was killed.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: Captured,
    /// What it printed as diagnostics.
    pub stderr: Captured,
}

/// What was printed: the beginning, and the last few lines.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    start: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
}

impl Captured {
    fn add(&mut self, chunk: &[u8]) {
        let room = MOST_KEPT - self.start.len();
        self.start.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        self.bytes += chunk.len() as u64;
        self.tail
            .extend_from_slice(chunk.get(chunk.len().saturating_sub(TAIL)..).unwrap_or(chunk));
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    /// All of it; `None` when it was more than [`MOST_KEPT`].
    pub fn whole(&self) -> Option<&[u8]> {
        (self.bytes == self.start.len() as u64).then_some(&self.start)
    }

    /// The last lines, without control characters; empty when nothing was printed.
    pub fn last_lines(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.iter().skip(lines.len().saturating_sub(4));
        let plain = |line: &&str| -> String { line.chars().filter(|c| !is_hidden(*c)).take(300).collect() };
        last.map(plain).collect::<Vec<_>>().join(" | ")
    }
}

/// A command with its arguments, as messages show it.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// The program.
    pub program: OsString,
    /// What follows it.
    pub arguments: Vec<OsString>,
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |argument: &OsStr| {
            let text = argument.to_string_lossy();
            let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                text.into_owned()
            } else {
                format!("'{}'", text.replace('\'', r"'\''"))
            }
        };
        f.write_str(&quoted(&self.program))?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// Runs a command to its end or to the end of its time, with all that it started in its process group.
///
/// Whatever it prints beyond [`MOST_KEPT`] is read and dropped, so that it neither blocks nor fills the memory. When the
/// command ends, what is left of its group is killed. `input` is its standard input; without one it has none.
///
/// # Errors
/// When it, or a thread that reads what it prints, cannot be started.
pub fn run(line: &CommandLine, timeout: Duration, input: Option<Stdio>) -> io::Result<Finished> {
    let mut command = Command::new(&line.program);
    command
        .args(&line.arguments)
        .stdin(input.unwrap_or_else(Stdio::null))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    group::lead(&mut command);
    let mut running = Running::start(&mut command)?;
    let (ended, drained) = channel();
    let stdout = running.0.stdout.take().map(|pipe| drain(pipe, ended.clone()));
    let stdout = stdout.transpose()?;
    let stderr = running.0.stderr.take().map(|pipe| drain(pipe, ended.clone()));
    let stderr = stderr.transpose()?;
    drop(ended);
    let in_time = wait(&mut running.0, Instant::now() + timeout)?;
    let status = running.end()?;
    await_streams(&drained);
    let captured = |stream: Option<Arc<Mutex<Captured>>>| {
        stream.map_or_else(Captured::default, |kept| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    };
    Ok(Finished {
        status: in_time.then_some(status),
        stdout: captured(stdout),
        stderr: captured(stderr),
    })
}

/// The commands of this process.
static COMMANDS: Mutex<Commands> = Mutex::new(Commands {
    running: BTreeSet::new(),
    over: false,
});

struct Commands {
    /// Numbers of the process groups that have not been waited for.
    running: BTreeSet<u32>,
    /// No further command is started.
    over: bool,
}

fn commands() -> MutexGuard<'static, Commands> {
    COMMANDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every command that this process runs for a device, with all that it started, and lets no other begin.
///
/// For a process that is about to end, such as after Ctrl-C: a terminal does not tell commands in groups of their own.
pub fn kill_commands() {
    let mut commands = commands();
    commands.over = true;
    commands.running.iter().for_each(|number| group::kill(*number));
}

/// Never leaves a process behind, whatever happens in between.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut commands = commands();
        if commands.over {
            return Err(io::Error::other("the program is about to end"));
        }
        let child = command.spawn()?;
        commands.running.insert(child.id());
        Ok(Self(child))
    }

    /// Kills what is left of the group. The number is the command's until it has been waited for, and is no longer known
    /// to others then.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let mut commands = commands();
        if commands.running.remove(&self.0.id()) {
            group::kill(self.0.id());
            let _ = self.0.kill();
        }
        drop(commands);
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn drain(mut pipe: impl Read + Send + 'static, ended: Sender<()>) -> io::Result<Arc<Mutex<Captured>>> {
    let kept = Arc::new(Mutex::new(Captured::default()));
    let shared = Arc::clone(&kept);
    thread::Builder::new().name("panarch-reader".into()).spawn(move || {
        let mut buffer = [0; 1 << 16];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let chunk = buffer.get(..count).unwrap_or_default();
                    shared.lock().unwrap_or_else(PoisonError::into_inner).add(chunk);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = ended.send(());
    })?;
    Ok(kept)
}

/// Waits until both streams are closed. A process that left the group may hold them open; nobody waits for that one.
fn await_streams(drained: &Receiver<()>) {
    let until = Instant::now() + GRACE;
    while drained
        .recv_timeout(until.saturating_duration_since(Instant::now()))
        .is_ok()
    {}
}

/// Whether the command ends in time. It is not waited for in the sense of the operating system: its number stays taken
/// until its group has been killed.
fn wait(child: &mut Child, until: Instant) -> io::Result<bool> {
    let mut pause = Duration::from_millis(1);
    loop {
        if group::has_ended(child)? {
            return Ok(true);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(unix)]
mod group {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

    pub fn lead(command: &mut Command) {
        command.process_group(0);
    }

    pub fn has_ended(child: &Child) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(Pid::from_child(child)), options) {
            Ok(state) => Ok(state.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub fn kill(number: u32) {
        if let Some(group) = i32::try_from(number).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(not(unix))]
mod group {
    use std::io;
    use std::process::{Child, Command};

    pub fn lead(_command: &mut Command) {}

    pub fn has_ended(child: &mut Child) -> io::Result<bool> {
        Ok(child.try_wait()?.is_some())
    }

    pub fn kill(_number: u32) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_and_the_last_lines_are_kept() {
        let mut captured = Captured::default();
        captured.add(b"first\n");
        assert_eq!(captured.whole(), Some(&b"first\n"[..]));
        for _ in 0..100 {
            captured.add(&[b'x'; 1 << 16]);
        }
        captured.add(b"\n\x1b[31mred\nlast\n\n");
        assert_eq!(captured.whole(), None);
        assert!(captured.start.len() == MOST_KEPT && captured.tail.len() == TAIL);
        assert!(
            captured.last_lines().ends_with("[31mred | last"),
            "{}",
            captured.last_lines()
        );
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let line = CommandLine {
            program: "adb".into(),
            arguments: ["shell", "a b", "it's", ""].map(Into::into).to_vec(),
        };
        assert_eq!(line.to_string(), r"adb shell 'a b' 'it'\''s' ''");
    }
}
