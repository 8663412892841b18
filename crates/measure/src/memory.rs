//! How much memory this process may still take, and what running a network asks for: checked before anything is
//! allocated, because a failed allocation ends a process and says nothing.

use std::fs;

use panarch_graph::Network;

/// The environment variable that sets the limit: bytes, or a number with `K`, `M` or `G` for powers of 1024.
pub const VARIABLE: &str = "PANARCH_MEMORY_LIMIT";

/// The share of what is free that may be asked for: threads, libraries and the system's own caches take some too.
const SHARE: f64 = 0.9;

/// Why something is not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// It would take more memory than there is.
    #[error(
        "{what} takes about {bytes} bytes of memory, the limit is {limit}; take smaller images or a smaller network, or set \
         {VARIABLE} if there is more than this"
    )]
    TooLarge {
        /// What would take it.
        what: String,
        /// How much, in bytes.
        bytes: u64,
        /// The most that may be taken, in bytes.
        limit: u64,
    },
    /// The environment variable is no size.
    #[error("{VARIABLE} is `{text}`, which is no number of bytes; write it as 2000000000, 2000M or 2G")]
    Setting {
        /// What it is.
        text: String,
    },
}

/// Fails when something would take more memory than there is.
///
/// # Errors
/// [`MemoryError`] with the bytes that are asked for and the limit.
pub fn require(what: impl FnOnce() -> String, bytes: u64) -> Result<(), MemoryError> {
    match limit()? {
        Some(limit) if bytes > limit => Err(MemoryError::TooLarge {
            what: what(),
            bytes,
            limit,
        }),
        _ => Ok(()),
    }
}

/// Fails when running a network in an inference runtime would take more memory than there is.
///
/// # Errors
/// As [`require`].
pub fn require_run(network: &Network, batch: usize) -> Result<(), MemoryError> {
    let what = || format!("running network `{}` on {batch} image(s)", network.name());
    require(what, run_bytes(network, batch))
}

/// Bytes that a runtime takes at most for a network: its weights as values, in the file, and packed by the runtime; images
/// and results twice; and three times the values that are alive at once, for what kernels rearrange.
fn run_bytes(network: &Network, batch: usize) -> u64 {
    let result = network.output_elements();
    let ends = network.input_shape().elements().saturating_add(result);
    let alive = network.peak_activation_elements();
    let image = ends.saturating_mul(2).saturating_add(alive.saturating_mul(3));
    let weights = network.parameter_count().saturating_mul(4);
    image
        .saturating_mul(batch as u64)
        .saturating_add(weights)
        .saturating_mul(4)
}

/// What may be taken, in bytes: what [`VARIABLE`] says, else a share of what the system has free and of what the limit on
/// this process's addresses leaves. None where the system does not say.
fn limit() -> Result<Option<u64>, MemoryError> {
    if let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) {
        let text = text.to_string_lossy();
        return match size(&text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(MemoryError::Setting {
                text: text.chars().filter(|c| !c.is_control()).take(40).collect(),
            }),
        };
    }
    let free = [available(), addresses_left()].into_iter().flatten().min();
    Ok(free.map(|free| (free as f64 * SHARE) as u64))
}

/// A number of bytes as people write it.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// What the system could give without writing memory to disk (Linux).
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    kilobytes
        .split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// What the limit on this process's addresses (`ulimit -v`) leaves.
#[cfg(unix)]
fn addresses_left() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let most = getrlimit(Resource::As).current?;
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let taken = text.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let taken = taken.and_then(|taken| taken.split_whitespace().next()?.parse::<u64>().ok());
    Some(most.saturating_sub(taken.unwrap_or(0).saturating_mul(1024)))
}

#[cfg(not(unix))]
const fn addresses_left() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use panarch_graph::{Conv2d, NetworkBuilder, Op, Shape};

    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("1000", Some(1000)),
            (" 2K ", Some(2048)),
            ("3m", Some(3 << 20)),
            ("2G", Some(2 << 30)),
            ("", None),
            ("G", None),
            ("-1", None),
            ("1.5G", None),
            ("99999999999G", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_asked_for_and_the_limit_are_named() {
        let mut builder = NetworkBuilder::new("huge", Shape::new(3, 1 << 14, 1 << 14));
        let input = builder.input();
        let conv = builder
            .add("conv", Op::Conv2d(Conv2d::pointwise(1 << 20)), &[input])
            .unwrap();
        let network = builder.finish(conv).unwrap();
        // 2^48 values of the result alone.
        let error = require_run(&network, 4).unwrap_err();
        let MemoryError::TooLarge { bytes, limit, .. } = &error else {
            panic!("{error}");
        };
        assert!(*bytes > 1 << 50 && limit < bytes);
        let text = error.to_string();
        assert!(
            text.contains(&bytes.to_string()) && text.contains(&limit.to_string()),
            "{text}"
        );
        assert!(require(String::new, 1).is_ok());
    }
}
