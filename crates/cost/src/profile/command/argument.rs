use std::ffi::OsString;
use std::fmt;

use serde::{Serialize, Serializer};

/// One argument of a command, with placeholders such as `{onnx}`. `{{` and `}}` stand for single braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

/// What is put into an argument for each network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// Path of the network as a TFLite file.
    Tflite,
    /// Path of the network as an ONNX file.
    Onnx,
    /// The network's name, with everything but letters, digits, `.`, `_` and `-` replaced, so that a remote shell finds
    /// nothing in it.
    Network,
    /// Path of a folder that is empty when the command starts.
    Out,
    /// Width of the images in pixels.
    Width,
    /// Height of the images in pixels.
    Height,
}

impl Placeholder {
    /// Every placeholder with its name between the braces.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("tflite", Self::Tflite),
        ("onnx", Self::Onnx),
        ("network", Self::Network),
        ("out", Self::Out),
        ("width", Self::Width),
        ("height", Self::Height),
    ];
}

/// Why a text is no argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentError {
    /// A name between braces that stands for nothing.
    Unknown(String),
    /// A brace without its partner.
    Brace,
}

impl Argument {
    /// Reads an argument.
    ///
    /// # Errors
    /// The first placeholder that is not known, or a brace without its partner.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let inside = from.strip_prefix('{').ok_or(ArgumentError::Brace)?;
                let (name, after) = inside.split_once('}').ok_or(ArgumentError::Brace)?;
                let placeholder = Placeholder::NAMES.iter().find(|(known, _)| *known == name);
                let (_, placeholder) = placeholder.ok_or_else(|| ArgumentError::Unknown(name.to_owned()))?;
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Placeholder(*placeholder));
                rest = after;
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether a placeholder occurs in it.
    #[must_use]
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        self.parts.contains(&Part::Placeholder(placeholder))
    }

    /// The argument with every placeholder replaced by what `of` gives for it.
    pub fn expand(&self, of: impl Fn(Placeholder) -> OsString) -> OsString {
        let mut expanded = OsString::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => expanded.push(text),
                Part::Placeholder(placeholder) => expanded.push(of(*placeholder)),
            }
        }
        expanded
    }
}

/// The text as the profile has it.
impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, ArgumentError> {
        let of = |placeholder| match placeholder {
            Placeholder::Tflite => "/net.tflite".into(),
            Placeholder::Width => "28".into(),
            other => OsString::from(format!("<{other:?}>")),
        };
        Ok(Argument::parse(text)?.expand(of).to_string_lossy().into_owned())
    }

    #[test]
    fn placeholders_and_braces() {
        for (text, expected) in [
            ("", ""),
            ("--graph={tflite}", "--graph=/net.tflite"),
            ("{width}x{width}", "28x28"),
            ("{{width}}", "{width}"),
            ("{{{width}}}", "{28}"),
            ("é{width}é", "é28é"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(expanded("{tflit}"), Err(ArgumentError::Unknown("tflit".to_owned())));
        for text in ["{", "}", "{tflite", "a}b", "{{}"] {
            assert_eq!(expanded(text), Err(ArgumentError::Brace), "{text}");
        }
    }
}
