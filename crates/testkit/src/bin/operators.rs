//! Runs the suite of operators and prints the page of its answers.

use std::process::ExitCode;

use panarch_testkit::operators::{page, rows};

fn main() -> ExitCode {
    match page(&rows()) {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{}", wrong.join("\n"));
            ExitCode::FAILURE
        }
    }
}
