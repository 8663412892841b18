//! What a network knows and ONNX has no field for, kept in the documentation string of each node.
//!
//! The text is a few `key=value` words; `block=` comes last and takes the rest of the line.

/// The role of an ONNX node in the network.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// One node of the network.
    Node {
        /// The block that the node belongs to; none in files of others.
        block: Option<String>,
        /// PyTorch's momentum of a batch normalisation, exactly.
        momentum: Option<f32>,
        /// True for the product that completes x · sigmoid(x).
        swish: bool,
    },
    /// A node that only serves the next one: a change of rank, or the sigmoid of a swish.
    Part,
}

const PART: &str = "part";

impl Note {
    /// A plain node of a block.
    pub fn block(block: &str) -> Self {
        Self::Node {
            block: Some(block.to_owned()),
            momentum: None,
            swish: false,
        }
    }

    /// The text for the file.
    pub fn text(&self) -> String {
        match self {
            Self::Part => PART.to_owned(),
            Self::Node { block, momentum, swish } => {
                let mut words = Vec::new();
                if *swish {
                    words.push("op=swish".to_owned());
                }
                if let Some(momentum) = momentum {
                    words.push(format!("momentum={momentum}"));
                }
                if let Some(block) = block {
                    words.push(format!("block={block}"));
                }
                words.join(" ")
            }
        }
    }

    /// Reads the text back. Text of another origin yields a plain node without a block.
    pub fn parse(text: &str) -> Self {
        if text == PART {
            return Self::Part;
        }
        let (mut block, mut momentum, mut swish) = (None, None, false);
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(name) = rest.strip_prefix("block=") {
                block = Some(name.to_owned());
                break;
            }
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if word == "op=swish" {
                swish = true;
            } else if let Some(value) = word.strip_prefix("momentum=") {
                momentum = value.parse().ok();
            }
            rest = after;
        }
        Self::Node { block, momentum, swish }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_written() {
        for note in [
            Note::Part,
            Note::block("stage2.block1"),
            Note::block(""),
            Note::block("a block with spaces block=x"),
            Note::Node {
                block: Some("stem".to_owned()),
                momentum: Some(0.1),
                swish: false,
            },
            Note::Node {
                block: Some("head".to_owned()),
                momentum: None,
                swish: true,
            },
            Note::Node {
                block: None,
                momentum: Some(f32::MIN_POSITIVE),
                swish: false,
            },
        ] {
            assert_eq!(Note::parse(&note.text()), note);
        }
    }

    #[test]
    fn text_of_others_is_a_plain_node() {
        let plain = Note::Node {
            block: None,
            momentum: None,
            swish: false,
        };
        assert_eq!(Note::parse("a remark, =, momentum=much"), plain);
        assert_eq!(Note::parse(""), plain);
    }
}
