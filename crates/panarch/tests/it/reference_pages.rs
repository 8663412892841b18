//! The pages in `docs/reference` are those that the program prints.

use crate::pictures::{Workplace, expect};

#[test]
fn the_pages_are_current() {
    let place = Workplace::empty();
    for (name, page) in [
        ("run-file", include_str!("../../../../docs/reference/run-file.md")),
        (
            "device-profile",
            include_str!("../../../../docs/reference/device-profile.md"),
        ),
        (
            "command-line",
            include_str!("../../../../docs/reference/command-line.md"),
        ),
    ] {
        let printed = expect(&place.panarch(&["reference", name]), 0);
        let differing = printed.lines().zip(page.lines()).find(|(new, old)| new != old);
        assert!(
            printed == page,
            "docs/reference/{name}.md is not current; `cargo xtask docs` writes it anew: {differing:?}"
        );
    }
}
