//! The file of a proof: what was asked, the answer, and a cover of all members by boxes that can hold nothing better.

use panarch_space::Genotype;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::optimum::Solution;
use super::problem::{Problem, Setting};
use crate::SearchError;

/// The version of the format that is written and read.
const VERSION: u32 = 2;
/// Bytes that a certificate may have.
const LARGEST: usize = 64 << 20;

/// A proof that anyone can check: [`Certificate::check`], `panarch certificate check` or `tools/check_certificate.py`.
///
/// All numbers are whole. The file holds the problem (decisions with what switches them, stages, limits, tables in multiples
/// of a power of ten, each with its SHA-256), the answer, and for each resolution a tree of boxes. A box fixes the
/// configurations of the first stages. It is closed by multipliers under which the largest value scale · accuracy −
/// Σ multiplier · (cost − limit) of its members is too little to be both within the limits and better; or it is split by the
/// configurations of the next stage, of which those that are no boxes have too little value; or, at the last stage, its
/// members with enough value are counted, and each of them breaks a limit or is no better.
///
/// Two kinds of configurations are in no box: those that the first multipliers leave too little value in any member, and
/// those that are dominated by another one, which is named: it leads on the same way, is as accurate and costs no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub(super) version: u32,
    /// What the proof is about, in words.
    pub(super) about: String,
    /// Of problem, optimum and cover, as the compact JSON of an array of these.
    pub(super) hash: String,
    pub(super) problem: ProblemJson,
    /// The best member; none when no member keeps the limits.
    pub(super) optimum: Option<MemberJson>,
    pub(super) cover: Vec<CoverJson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProblemJson {
    pub space: String,
    pub space_hash: String,
    pub decisions: Vec<DecisionJson>,
    /// The decisions of each stage, those that switch others first; configurations are numbered with the last one fastest.
    pub stages: Vec<Vec<usize>>,
    /// Accuracies are multiples of 10 to the minus this.
    pub decimals: i32,
    pub limits: Vec<LimitJson>,
    pub settings: Vec<SettingJson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionJson {
    pub name: String,
    /// How many choices there are.
    pub choices: u8,
    /// Those that may be taken, ascending.
    pub open: Vec<u8>,
    /// It counts where each of these decisions counts and takes one of these choices.
    pub when: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitJson {
    pub name: String,
    /// In multiples of 10 to the minus `decimals`.
    pub most: i64,
    pub decimals: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingJson {
    pub resolution: u32,
    /// Of accuracy, then of each cost.
    pub tables: Vec<TableJson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableJson {
    /// Of the constant and the factors, as the compact JSON of an array of both.
    pub hash: String,
    pub constant: i64,
    /// Decisions, and a value for each combination of their states (0 inactive, else choice + 1), the last one's fastest.
    pub factors: Vec<(Vec<usize>, Vec<i64>)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberJson {
    pub resolution: u32,
    pub genotype: Genotype,
    pub accuracy: i64,
    pub costs: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverJson {
    pub resolution: u32,
    /// Scale of accuracy and multipliers of the limits, as often as boxes ask for others.
    pub multipliers: Vec<Vec<i64>>,
    /// The largest value of any member by the first multipliers.
    pub bound: i64,
    /// By stage, entries that are dominated (way in × configurations + configuration), each with one that dominates it.
    pub dominated: Vec<Vec<(u32, u32)>>,
    #[serde(rename = "box")]
    pub all: BoxJson,
}

/// A box, with the number of the multipliers that it goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum BoxJson {
    /// No member has enough value.
    Closed(u32),
    /// Of the last stage: how many members have enough value to be looked at one by one.
    Members(u32, u64),
    /// The largest value of members outside the listed boxes, none when all are listed; the listed configurations with their
    /// boxes.
    Split(u32, Option<i64>, Vec<(u32, BoxJson)>),
}

impl Certificate {
    /// Writes the proof down.
    ///
    /// # Errors
    /// [`SearchError::Unproven`] for a solution whose proof was not finished, [`SearchError::Certificate`] when the cover has
    /// more than `most` boxes.
    pub fn new(problem: &Problem, solution: &Solution, most: usize) -> Result<Self, SearchError> {
        let (about, best) = match solution {
            Solution::Optimum(optimum) => {
                let best = optimum
                    .best
                    .first()
                    .filter(|_| optimum.proven)
                    .ok_or(SearchError::Unproven)?;
                (BEST, Some(best))
            }
            Solution::Infeasible(_) => (NONE, None),
        };
        let json = problem.json()?;
        let optimum = best.map(|best| MemberJson {
            resolution: best.resolution,
            genotype: best.genotype.clone(),
            accuracy: best.sums.first().copied().unwrap_or(0),
            costs: best.sums.get(1..).unwrap_or_default().to_vec(),
        });
        let cover = problem.cover(best.and_then(|best| best.sums.first().copied()), most)?;
        Ok(Self {
            version: VERSION,
            about: about.to_owned(),
            hash: hash(&(&json, &optimum, &cover))?,
            problem: json,
            optimum,
            cover,
        })
    }

    /// This certificate with the hash that belongs to what it says now. Whether that is true is another question.
    ///
    /// # Errors
    /// [`SearchError::Certificate`] when it cannot be written as JSON.
    pub fn sealed(mut self) -> Result<Self, SearchError> {
        for table in self.problem.settings.iter_mut().flat_map(|setting| &mut setting.tables) {
            table.hash = hash(&(table.constant, &table.factors))?;
        }
        self.hash = hash(&(&self.problem, &self.optimum, &self.cover))?;
        Ok(self)
    }

    /// The text of a certificate file.
    ///
    /// # Errors
    /// [`SearchError::Certificate`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, SearchError> {
        serde_json::to_string(self).map(|text| text + "\n").map_err(malformed)
    }

    /// Reads a certificate file.
    ///
    /// # Errors
    /// [`SearchError::Certificate`] for anything but a certificate of a known version and moderate size.
    pub fn from_json(text: &str) -> Result<Self, SearchError> {
        let wrong = |reason: String| Err(SearchError::Certificate { reason });
        if text.len() > LARGEST {
            return wrong(format!("it has {} bytes, more than {LARGEST}", text.len()));
        }
        let certificate: Self = serde_json::from_str(text).map_err(malformed)?;
        if certificate.version != VERSION {
            return wrong(format!(
                "it has version {}, this program knows {VERSION}",
                certificate.version
            ));
        }
        Ok(certificate)
    }
}

const BEST: &str = "No member within the limits is more accurate than the optimum by these tables. The proof is about the \
    tables: how well they foretell images and devices is another question.";
const NONE: &str = "No member keeps all limits by these tables. The proof is about the tables: how well they foretell devices \
    is another question.";

/// The SHA-256 of a value as compact JSON, in hexadecimal digits.
pub(super) fn hash(value: &impl Serialize) -> Result<String, SearchError> {
    let text = serde_json::to_string(value).map_err(malformed)?;
    Ok(Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn malformed(error: serde_json::Error) -> SearchError {
    SearchError::Certificate {
        reason: error.to_string(),
    }
}

impl Problem {
    fn json(&self) -> Result<ProblemJson, SearchError> {
        let decisions =
            self.space
                .decisions()
                .iter()
                .zip(&self.open)
                .zip(&self.when)
                .map(|((decision, open), when)| {
                    let mut open = open.clone();
                    open.sort_unstable();
                    DecisionJson {
                        name: decision.name.clone(),
                        choices: decision.choices.len() as u8,
                        open,
                        when: when.clone(),
                    }
                });
        let limits = self.limits.iter().zip(&self.most).zip(self.decimals.iter().skip(1));
        let limits = limits.map(|((limit, most), decimals)| LimitJson {
            name: limit.name.clone(),
            most: *most,
            decimals: *decimals,
        });
        Ok(ProblemJson {
            space: self.space.name().to_owned(),
            space_hash: self.space.hash().to_string(),
            decisions: decisions.collect(),
            stages: self.stages.iter().map(|stage| stage.decisions.clone()).collect(),
            decimals: self.decimals.first().copied().unwrap_or(0),
            limits: limits.collect(),
            settings: self.settings.iter().map(Setting::json).collect::<Result<_, _>>()?,
        })
    }
}

impl Setting {
    fn json(&self) -> Result<SettingJson, SearchError> {
        let table = |(decisions, rounded): &(Vec<Vec<usize>>, super::quantum::Rounded)| {
            let factors: Vec<(Vec<usize>, Vec<i64>)> =
                decisions.iter().cloned().zip(rounded.factors.iter().cloned()).collect();
            Ok(TableJson {
                hash: hash(&(rounded.constant, &factors))?,
                constant: rounded.constant,
                factors,
            })
        };
        Ok(SettingJson {
            resolution: self.resolution,
            tables: self.rounded.iter().map(table).collect::<Result<_, SearchError>>()?,
        })
    }
}
