//! The `panarch` command: arguments become library calls, results become text. No logic of its own.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
