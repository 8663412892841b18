//! What a network knows and ONNX has no field for, kept in the documentation string of each node.
//!
//! The text is a few `key=value` words; `block=` comes last and takes the rest of the line.

use panarch_graph::{Op, Padding};

use super::pooling::pads;

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
        /// Of a pool that rounds its size up, which is written in another form: its padding, and whether that counts.
        ceil: Option<(Padding, bool)>,
    },
    /// The last of several nodes that are written for one operator of a block, which stands here in JSON.
    Spelled {
        /// The operator.
        op: Box<Op>,
        /// The block.
        block: Option<String>,
    },
    /// One of those nodes before the last.
    Piece,
    /// A node that only serves the next one: a change of rank, the sigmoid of a swish, the zeros around a pool.
    Part,
}

const PART: &str = "part";
const PIECE: &str = "piece";

impl Note {
    /// The text for the file.
    pub fn text(&self) -> String {
        match self {
            Self::Part => PART.to_owned(),
            Self::Piece => PIECE.to_owned(),
            Self::Spelled { op, block } => {
                // An operator has neither maps with odd keys nor numbers that are not finite.
                let op = serde_json::to_string(op).unwrap_or_default();
                let block = block
                    .as_ref()
                    .map_or_else(String::new, |block| format!(" block={block}"));
                format!("op={op}{block}")
            }
            Self::Node {
                block,
                momentum,
                swish,
                ceil,
            } => {
                let mut words = Vec::new();
                if *swish {
                    words.push("op=swish".to_owned());
                }
                if let Some(momentum) = momentum {
                    words.push(format!("momentum={momentum}"));
                }
                if let Some((padding, counts)) = ceil {
                    let [top, left, bottom, right] = pads(*padding);
                    words.push(format!("ceil={top},{left},{bottom},{right},{}", u8::from(*counts)));
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
        if text == PIECE {
            return Self::Piece;
        }
        let (mut block, mut momentum, mut swish, mut ceil) = (None, None, false, None);
        let mut spelled = None;
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(name) = rest.strip_prefix("block=") {
                block = Some(name.to_owned());
                break;
            }
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if word == "op=swish" {
                swish = true;
            } else if let Some(op) = word.strip_prefix("op=") {
                spelled = serde_json::from_str(op).ok();
            } else if let Some(value) = word.strip_prefix("momentum=") {
                momentum = value.parse().ok();
            } else if let Some(value) = word.strip_prefix("ceil=") {
                ceil = parse_ceil(value);
            }
            rest = after;
        }
        if let Some(op) = spelled {
            return Self::Spelled { op, block };
        }
        Self::Node {
            block,
            momentum,
            swish,
            ceil,
        }
    }
}

fn parse_ceil(text: &str) -> Option<(Padding, bool)> {
    let numbers: Vec<u32> = text.split(',').take(6).map_while(|word| word.parse().ok()).collect();
    match numbers[..] {
        [top, left, bottom, right, counts @ (0 | 1)] => {
            let padding = Padding {
                before: [top, left],
                after: [bottom, right],
            };
            Some((padding, counts == 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(block: &str) -> Note {
        Note::Node {
            block: Some(block.to_owned()),
            momentum: None,
            swish: false,
            ceil: None,
        }
    }

    #[test]
    fn comes_back_as_it_was_written() {
        for note in [
            Note::Part,
            block("stage2.block1"),
            block(""),
            block("a block with spaces block=x"),
            Note::Node {
                block: Some("stem".to_owned()),
                momentum: Some(0.1),
                swish: false,
                ceil: None,
            },
            Note::Node {
                block: Some("head".to_owned()),
                momentum: None,
                swish: true,
                ceil: None,
            },
            Note::Node {
                block: None,
                momentum: Some(f32::MIN_POSITIVE),
                swish: false,
                ceil: Some((
                    Padding {
                        before: [1, 2],
                        after: [0, 3],
                    },
                    true,
                )),
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
            ceil: None,
        };
        assert_eq!(Note::parse("a remark, =, momentum=much ceil=1,2"), plain);
        assert_eq!(Note::parse(""), plain);
    }
}
