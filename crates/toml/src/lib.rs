//! Reading TOML documents with every problem reported at once, each with its line and a suggestion.
