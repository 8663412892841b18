//! `~` where a shell leaves it alone, as in `--output=~/x`.

use std::ffi::OsString;

use panarch::lookup::expand_home;

/// The arguments of this process, with the home folder in place of a `~/` that begins a path.
pub fn arguments() -> Vec<OsString> {
    std::env::args_os().map(expanded).collect()
}

fn expanded(argument: OsString) -> OsString {
    let Some(text) = argument.to_str() else { return argument };
    // The value of a flag, but not that of a key: `--set a=~/b` has a blank before the key.
    match text.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") && value.starts_with('~') => {
            format!("{flag}={}", expand_home(value)).into()
        }
        _ if text.starts_with('~') => expand_home(text).into_owned().into(),
        _ => argument,
    }
}
