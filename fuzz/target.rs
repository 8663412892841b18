//! One target of `panarch-fuzz`: that of the binary's name.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = env!("CARGO_BIN_NAME");
    let target = panarch_fuzz::target(name).expect("a binary is named after its target");
    (target.run)(bytes);
});
