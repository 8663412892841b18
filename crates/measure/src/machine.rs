use std::fmt;
use std::fs;

use serde::{Deserialize, Serialize};

/// The machine that measurements are taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor's name as the operating system gives it.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: u32,
    /// Operating system and instruction set, such as `linux x86_64`.
    pub platform: String,
}

impl Machine {
    /// The machine that this process runs on.
    #[must_use]
    pub fn detect() -> Self {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        Self {
            cpu: cpu_name(&text).unwrap_or_else(|| "unknown processor".to_owned()),
            cores,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.cores == 1 { "" } else { "s" };
        write!(f, "{}, {} core{plural}, {}", self.cpu, self.cores, self.platform)
    }
}

/// The name in the text of `/proc/cpuinfo`: the model's where there is one (x86), else implementer and part (Arm).
fn cpu_name(text: &str) -> Option<String> {
    let field = |wanted: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, value)| key.trim().eq_ignore_ascii_case(wanted) && !value.trim().is_empty())
            .map(|(_, value)| value.trim().to_owned())
    };
    field("model name").or_else(|| {
        let (implementer, part) = (field("CPU implementer")?, field("CPU part")?);
        Some(format!("Arm implementer {implementer} part {part}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processors() {
        let x86 = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\n";
        assert_eq!(cpu_name(x86).as_deref(), Some("AMD EPYC"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        assert_eq!(cpu_name(arm).as_deref(), Some("Arm implementer 0x41 part 0xd0c"));
        assert_eq!(cpu_name("nothing here"), None);
    }
}
