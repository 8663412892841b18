//! Reading TOML documents with every problem reported at once, each with its line and a suggestion.
//!
//! A [`Document`] is parsed once and then *asked*: every getter of a [`Table`] returns an `Option` and records a
//! [`Diagnostic`] instead of failing, so that one pass over a file finds all of its mistakes. [`Table::finish`]
//! reports the keys that nobody asked for, with a did-you-mean among those that somebody did, and
//! [`Document::finish`] turns the outcome into a `Result`.
//!
//! ```
//! use panarch_toml::Document;
//!
//! struct Training { epochs: u32, rate: f64 }
//!
//! fn read(text: &str) -> Result<Training, panarch_toml::Diagnostics> {
//!     let document = Document::parse("run.toml", text)?;
//!     let root = document.root();
//!     let epochs = root.u32_in("epochs", 1..=1000);
//!     let rate = root.optional_f64("learning_rate").unwrap_or(0.1);
//!     root.finish();
//!     document.finish(epochs.map(|epochs| Training { epochs, rate }))
//! }
//!
//! assert_eq!(read("epochs = 3").unwrap().epochs, 3);
//! assert_eq!(
//!     read("epoch = 3").err().unwrap().to_string(),
//!     "run.toml:1:1: `epoch` is not a known key (did you mean `epochs`?)",
//! );
//! ```
//!
//! [`shown`] writes out what a text from outside could hide or steer a terminal with, for every crate that shows some.
//!
//! No input makes this crate panic; documents are limited to [`MAX_BYTES`] and [`MAX_DEPTH`].

mod bounds;
mod diagnostic;
mod document;
mod getters;
mod keys;
mod layers;
mod nesting;
mod overrides;
mod quantity;
mod read;
mod rich;
mod shown;
mod source;
mod suggestion;
mod table;
mod tree;
mod value;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use document::{AskedKey, Document, MAX_BYTES};
pub use keys::Key;
pub use layers::Layering;
pub use nesting::MAX_DEPTH;
pub use quantity::{QuantityError, Unit};
pub use read::{Bounded, FromValue, Spanned};
pub use shown::{is_hidden, shown, shown_json, shown_lines};
pub use source::At;
pub use suggestion::did_you_mean;
pub use table::Table;
pub use value::Value;
