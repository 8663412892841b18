//! Commands that are printed, so that a person can paste them into a shell.

/// `panarch` with these arguments, each quoted where a shell would take it for something else.
pub fn command<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> String {
    let mut command = "panarch".to_owned();
    for argument in arguments {
        command.push(' ');
        command.push_str(&quoted(argument.as_ref()));
    }
    command
}

/// One argument. Control characters are written as bash, zsh and ksh read them, and steer no terminal.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '\'' | '\\' => format!("\\{c}"),
                '\n' => r"\n".to_owned(),
                '\t' => r"\t".to_owned(),
                c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        format!("$'{escaped}'")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWKWARD: [(&str, &str); 12] = [
        ("a/b.toml", "a/b.toml"),
        ("größe.toml", "größe.toml"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("", "''"),
        ("$HOME", "'$HOME'"),
        ("a\"b", "'a\"b'"),
        ("`x`", "'`x`'"),
        ("~/x", "'~/x'"),
        ("[1, 2]", "'[1, 2]'"),
        (r"a\b", r"'a\b'"),
        ("a\nb'\u{1b}", r"$'a\nb\'\u001b'"),
    ];

    #[test]
    fn arguments_are_quoted_where_needed() {
        for (text, expected) in AWKWARD {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(
            command(["run", "my run.toml", "--set", "search.seeds=[1, 2]"]),
            "panarch run 'my run.toml' --set 'search.seeds=[1, 2]'"
        );
    }

    /// What a shell makes of the words is what they were.
    #[test]
    fn a_shell_reads_the_words_back() {
        if std::process::Command::new("bash").arg("--version").output().is_err() {
            println!("skipped: no bash");
            return;
        }
        for (text, _) in AWKWARD {
            let script = format!("printf %s {}", quoted(text));
            let output = std::process::Command::new("bash")
                .args(["-c", &script])
                .env("LC_ALL", "C.UTF-8")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{script}");
        }
    }
}
