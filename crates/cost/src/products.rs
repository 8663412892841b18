//! Matrix products as questions to devices: a list of them in a file, each lowered to a layer.
//!
//! A product of m × k by k × n is the 1×1 convolution of k input channels and n output channels at m positions. It goes the
//! way of every other layer, so that what a device says of it is what its model says of networks.

use panarch_graph::{Conv2d, GraphError, Network, NetworkBuilder, Op, Shape};
use panarch_toml::Diagnostics;

use crate::scalesim::problems::{Problems, column, excerpt, lines, whole_number};
use crate::systolic::Gemm;

/// Most products of one file.
pub const MOST_PRODUCTS: usize = 100_000;
/// The largest dimension of a product: that of an axis of a network.
const LARGEST: u64 = 1 << 20;
/// Fields of a line that are looked at.
const MOST_FIELDS: usize = 64;

/// A product of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProduct {
    /// Its line in the file, from 1.
    pub line: u32,
    /// Its dimensions.
    pub gemm: Gemm,
}

impl ListedProduct {
    /// Reads a list of products (CSV): m, n and k, one product a line. A header may name the columns, in any order and among
    /// others; without one, the first three are m, n, k. Empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// All problems at once, each with its line: what is no whole number from 1 to 2²⁰, missing fields, columns that are
    /// named twice or not at all, no products or too many.
    pub fn read(file_name: &str, text: &str) -> Result<Vec<Self>, Diagnostics> {
        let mut problems = Problems::new(file_name, text)?;
        let mut columns = Columns::IN_ORDER;
        let mut products = Vec::new();
        let filled = lines(text).filter(|(_, line)| {
            let line = line.trim_start();
            !line.starts_with('#') && line.chars().any(|c| c != ',' && !c.is_whitespace())
        });
        for (index, (number, line)) in filled.enumerate() {
            if problems.enough() {
                break;
            }
            let fields: Vec<&str> = line.split(',').take(MOST_FIELDS).collect();
            if index == 0 && is_header(&fields) {
                match Columns::named(&fields) {
                    Ok(named) => columns = named,
                    Err(message) => {
                        problems.at((number, 1), message);
                        break;
                    }
                }
                continue;
            }
            if products.len() == MOST_PRODUCTS {
                problems.at(
                    (number, 1),
                    format!("more than {MOST_PRODUCTS} products: split the file"),
                );
                break;
            }
            if let Some(gemm) = columns.product((number, line), &fields, &mut problems) {
                products.push(Self { line: number, gemm });
            }
        }
        if products.is_empty() && problems.none() {
            problems.whole("has no products: a line of m,n,k for each is expected, such as 512,1024,256");
        }
        problems.finish(Some(products))
    }
}

/// A header names things; a row has a number somewhere.
fn is_header(fields: &[&str]) -> bool {
    let mut fields = fields
        .iter()
        .map(|field| field.trim())
        .filter(|field| !field.is_empty());
    fields.all(|field| field.starts_with(|c: char| c.is_alphabetic() || c == '"' || c == '_'))
}

/// The places of m, n and k in a line.
#[derive(Clone, Copy)]
struct Columns([usize; 3]);

const NAMES: [&str; 3] = ["m", "n", "k"];

impl Columns {
    const IN_ORDER: Self = Self([0, 1, 2]);

    fn named(header: &[&str]) -> Result<Self, String> {
        let mut places = [0; 3];
        for (place, name) in places.iter_mut().zip(NAMES) {
            let is_named = |field: &&str| field.trim().trim_matches('"').trim().eq_ignore_ascii_case(name);
            let found: Vec<usize> = (0..header.len())
                .filter(|at| header.get(*at).is_some_and(is_named))
                .collect();
            match found.as_slice() {
                [only] => *place = *only,
                [] => return Err(format!("the header names no column `{name}`: m, n and k are needed")),
                _ => return Err(format!("the header names the column `{name}` {} times", found.len())),
            }
        }
        Ok(Self(places))
    }

    fn product(&self, (number, line): (u32, &str), fields: &[&str], problems: &mut Problems<'_>) -> Option<Gemm> {
        let mut dimensions = [0; 3];
        let mut complete = true;
        for ((dimension, place), name) in dimensions.iter_mut().zip(self.0).zip(NAMES) {
            let start: usize = fields.iter().take(place).map(|field| field.len() + 1).sum();
            let field = fields.get(place).map_or("", |field| field.trim().trim_matches('"'));
            match whole_number(field) {
                Some(value @ 1..=LARGEST) => *dimension = value,
                _ => {
                    let at = (number, column(line, start.min(line.len())));
                    let message = if field.is_empty() {
                        format!("no value for {name}: a product is m,n,k, such as 512,1024,256")
                    } else {
                        format!(
                            "{name} must be a whole number from 1 to {LARGEST}, not `{}`",
                            excerpt(field)
                        )
                    };
                    problems.at(at, message);
                    complete = false;
                }
            }
        }
        let [m, n, k] = dimensions;
        complete.then(|| Gemm::new(m, n, k).ok()).flatten()
    }
}

impl Gemm {
    /// The product as a network of one layer: a 1×1 convolution of k input channels and n output channels at m positions,
    /// which lie in as square a rectangle as m has.
    ///
    /// # Errors
    /// Dimensions beyond those of a network.
    pub fn network(&self) -> Result<Network, GraphError> {
        let name = format!("{} × {} by {} × {}", self.m(), self.k(), self.k(), self.n());
        let axis = |dimension: u64| u32::try_from(dimension).unwrap_or(u32::MAX);
        let wide = widest_divisor(self.m());
        let shape = Shape::new(axis(self.k()), axis(self.m() / wide), axis(wide));
        let mut builder = NetworkBuilder::new(name, shape);
        let input = builder.input();
        let product = builder.add("product", Op::Conv2d(Conv2d::square(axis(self.n()), 1, 1)), &[input])?;
        builder.finish(product)
    }
}

/// The largest divisor of a number that is not above its root.
fn widest_divisor(number: u64) -> u64 {
    let root = number.isqrt();
    (1..=root)
        .rev()
        .find(|divisor| number.is_multiple_of(*divisor))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimensions(text: &str) -> Vec<[u64; 3]> {
        let products = ListedProduct::read("p.csv", text).unwrap_or_else(|problems| panic!("{problems}"));
        let of = |product: &ListedProduct| [product.gemm.m(), product.gemm.n(), product.gemm.k()];
        products.iter().map(of).collect()
    }

    #[test]
    fn products_are_read_with_and_without_a_header() {
        for text in [
            "1,2,3\n4,5,6\n",
            "m,n,k\n1,2,3\n4,5,6",
            "M, N, K\r\n 1, 2 ,3\r\n4,5,6\r\n",
            "k,name,n,m\n3,a,2,1\n6,b,5,4\n",
            "\u{feff}\"m\",\"n\",\"k\"\n1,2,3\n\n# a remark, with commas\n,,\n4,5,6,,\n",
        ] {
            assert_eq!(dimensions(text), [[1, 2, 3], [4, 5, 6]], "{text:?}");
        }
        let lines: Vec<u32> = ListedProduct::read("p.csv", "m,n,k\n\n1,1,1\n")
            .unwrap()
            .iter()
            .map(|it| it.line)
            .collect();
        assert_eq!(lines, [3]);
    }

    #[test]
    fn what_is_no_product_is_named_with_its_line() {
        for (text, expected) in [
            ("", "p.csv: has no products"),
            ("m,n,k\n", "has no products"),
            ("m,n\n1,2\n", "p.csv:1:1: the header names no column `k`"),
            ("m,n,k,k\n1,2,3,4\n", "names the column `k` 2 times"),
            ("1,2,3\n1,2\n", "p.csv:2:4: no value for k"),
            (
                "1,0,3\n",
                "p.csv:1:3: n must be a whole number from 1 to 1048576, not `0`",
            ),
            ("1,-2,3\n", "not `-2`"),
            ("1,2.5,3\n", "not `2.5`"),
            ("1,2,1048577\n", "not `1048577`"),
            ("1,2,99999999999999999999999\n", "k must be"),
            ("1;2;3\n", "m must be a whole number from 1 to 1048576, not `1;2;3`"),
            ("1,2,3\nm,n,k\n", "p.csv:2:1: m must be"),
        ] {
            let problems = ListedProduct::read("p.csv", text).unwrap_err().to_string();
            assert!(problems.contains(expected), "{text:?}: {problems}");
        }
    }

    #[test]
    fn a_product_is_a_layer_of_as_many_operations() {
        for (m, n, k) in [(1, 1, 1), (128, 128, 128), (8191, 3, 5), (12, 7, 1), (1 << 20, 2, 3)] {
            let gemm = Gemm::new(m, n, k).unwrap();
            let network = gemm.network().unwrap();
            assert_eq!(network.macs(), gemm.macs(), "{m} {n} {k}");
            assert_eq!(network.shape(network.output()).elements(), m * n);
        }
    }
}
