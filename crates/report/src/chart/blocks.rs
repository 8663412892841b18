//! How a block is drawn: its words in short and its colour class.

use crate::run_report::BlockFacts;
use crate::summary::rounded;

/// The colour class of a block: its kernel's.
pub(super) fn class(block: &BlockFacts) -> &'static str {
    match block.kernel {
        Some(3) => "k3",
        Some(5) => "k5",
        Some(7) => "k7",
        Some(1) => "k1",
        Some(_) => "kx",
        None => "k0",
    }
}

/// The block in a line: operator, kernel, expansion, stride.
pub(super) fn words(block: &BlockFacts) -> String {
    let mut words = block.operator.clone();
    if let Some(kernel) = block.kernel
        && !words.contains(" + classifier")
    {
        words.push_str(&format!(" {kernel}×{kernel}"));
    }
    if let Some(expansion) = block.expansion {
        words.push_str(&format!(", expansion {}", rounded(expansion)));
    }
    if block.stride > 1 {
        words.push_str(&format!(", stride {}", block.stride));
    }
    words
}

/// The block in a few characters: kernel and expansion.
pub(super) fn code(block: &BlockFacts) -> String {
    match (block.kernel, block.expansion) {
        (Some(kernel), Some(expansion)) => format!("k{kernel} e{}", rounded(expansion)),
        (Some(kernel), None) => format!("k{kernel}"),
        (None, _) => "–".to_owned(),
    }
}

/// Everything about the block, for a tooltip.
pub(super) fn describe(block: &BlockFacts) -> String {
    format!(
        "{}: {}; {} → {}{}; {}, {} parameters",
        block.name,
        words(block),
        block.input,
        block.output,
        if block.residual { ", residual" } else { "" },
        block.macs,
        crate::table::grouped(block.parameters)
    )
}
