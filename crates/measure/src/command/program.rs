use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use panarch_cost::CommandTarget;

use crate::MeasureError;

/// The program of a target: what its environment variable names, else its first argument; looked for on the `PATH`.
///
/// # Errors
/// When there is no such program, with how to get it.
pub fn program(target: &CommandTarget) -> Result<PathBuf, MeasureError> {
    let variable = target.variable.as_deref();
    let named = variable.and_then(env::var_os).filter(|value| !value.is_empty());
    let name =
        named.unwrap_or_else(|| OsString::from(target.arguments.first().map(ToString::to_string).unwrap_or_default()));
    find(&name).ok_or_else(|| MeasureError::CommandMissing {
        program: name.to_string_lossy().into_owned(),
        help: help(target),
    })
}

/// What tells the program of a target from another one: nothing where its profile says how to ask for its version and no
/// environment variable names another; else its path, and for want of a version the size and time
/// of change of it and of the files among its arguments.
///
/// # Errors
/// When there is no such program.
pub fn identity(target: &CommandTarget) -> Result<String, MeasureError> {
    let renamed = target
        .variable
        .as_deref()
        .and_then(env::var_os)
        .is_some_and(|value| !value.is_empty());
    if target.version.is_some() && !renamed {
        return Ok(String::new());
    }
    let path = program(target)?;
    let mut identity = path.display().to_string();
    if target.version.is_none() {
        // A script is an argument of its interpreter.
        let arguments = target
            .arguments
            .iter()
            .skip(1)
            .map(|argument| PathBuf::from(argument.to_string()));
        for file in std::iter::once(path).chain(arguments) {
            let Some(data) = file.metadata().ok().filter(std::fs::Metadata::is_file) else {
                continue;
            };
            let changed = data
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            identity += &format!(" {} {}", data.len(), changed.map_or(0, |time| time.as_nanos()));
        }
    }
    Ok(identity)
}

/// What to do when a program is not there.
fn help(target: &CommandTarget) -> String {
    let install = target
        .install
        .as_deref()
        .map(|install| format!("get it with `{install}`"));
    let variable = target.variable.as_deref();
    let variable = variable.map(|variable| format!("name it in the environment variable {variable}"));
    let mut help = match (install, variable) {
        (Some(install), Some(variable)) => format!("{install}, or {variable}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "install it, or write its path into `command.arguments` of the profile".to_owned(),
    };
    if target.accelerator.is_some() {
        help += "; our own model of the device needs no program: `panarch cost --model analytic`";
    }
    help
}

/// The file that a name on the command line means; `None` when there is none that can be executed.
pub fn find(name: &OsStr) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return is_program(path).then(|| path.to_path_buf());
    }
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}
