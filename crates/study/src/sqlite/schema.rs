//! The tables of a study file.

/// Marks a SQLite file as a study: "Pnar" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x506e_6172;

/// The format that this code writes. Older ones become this one by [`super::migration`].
///
/// | format | what it brought |
/// |---|---|
/// | 1 | the first |
/// | 2 | rows belong to inputs |
/// | 3 | evaluations by protocol; trials with any objectives and limits in the place of one reward |
pub(super) const FORMAT: i64 = 3;

/// Every statement that makes the tables of a format.
pub(super) const fn statements(format: i64) -> [&'static str; 5] {
    match format {
        1 => [CREATE, "", EVALUATION_1, TRIAL_1, FINALIST_1],
        2 => [CREATE, BASIS, EVALUATION_2, TRIAL_2, FINALIST],
        _ => [CREATE, BASIS, EVALUATION, TRIAL, FINALIST],
    }
}

/// The tables of a format, in the order in which rows are copied.
pub(super) const fn tables(format: i64) -> &'static [&'static str] {
    match format {
        1 => &["study", "cost", "event", "evaluation", "trial", "finalist"],
        _ => &["study", "cost", "event", "basis", "evaluation", "trial", "finalist"],
    }
}

/// Creates the tables that are the same in every format.
///
/// Times are milliseconds since 1970 in UTC, seeds are 64 bits read as signed integers, hashes are hexadecimal digits.
/// The column `detail` holds JSON of the crate's own wire types. The header comes first in the file, so that it is the
/// last thing that a file which was cut short loses.
///
/// `key` is that of the inputs which a row is made of, and empty where nobody has said them. The table `basis` has every
/// set of inputs that a subject has had: `present` is 1 for the present one, and 2 for the last one of a subject that is
/// closed.
pub(super) const CREATE: &str = "
CREATE TABLE study (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  run TEXT NOT NULL,
  space TEXT NOT NULL,
  space_hash TEXT NOT NULL,
  dataset TEXT NOT NULL,
  panarch_version TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE cost (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL,
  device TEXT NOT NULL,
  protocol TEXT NOT NULL,
  latency_s REAL NOT NULL,
  detail TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  UNIQUE (genotype, device, protocol)
) STRICT;
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  phase TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('started', 'finished', 'note')),
  detail TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
";

/// What a subject is made of.
const BASIS: &str = "
CREATE TABLE basis (
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  detail TEXT,
  present INTEGER NOT NULL CHECK (present IN (0, 1, 2)),
  UNIQUE (subject, key)
) STRICT;
";

/// `protocol` is the key of the protocol that `protocol_detail` says in JSON.
const EVALUATION: &str = "
CREATE TABLE evaluation (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL,
  network TEXT NOT NULL,
  accuracy REAL NOT NULL,
  accuracy_low REAL NOT NULL,
  accuracy_high REAL NOT NULL,
  accuracy_level REAL NOT NULL,
  provenance TEXT NOT NULL,
  seed INTEGER NOT NULL,
  time_s REAL NOT NULL,
  created_ms INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  protocol_detail TEXT NOT NULL,
  key TEXT NOT NULL DEFAULT '',
  UNIQUE (genotype, protocol, key)
) STRICT;
";

/// `objectives` and `violations` are lists in JSON, `protocol` is the key of the protocol of the evaluation.
const TRIAL: &str = "
CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  search TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  genotype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'infeasible', 'failed')),
  objectives TEXT,
  violations TEXT,
  protocol TEXT,
  reason TEXT,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  key TEXT NOT NULL DEFAULT '',
  UNIQUE (search, key, number),
  CHECK (state <> 'complete' OR objectives IS NOT NULL),
  CHECK ((state = 'running') = (finished_ms IS NULL))
) STRICT;
";

const FINALIST: &str = "
CREATE TABLE finalist (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL,
  name TEXT NOT NULL,
  network TEXT NOT NULL,
  detail TEXT NOT NULL,
  updated_ms INTEGER NOT NULL,
  key TEXT NOT NULL DEFAULT '',
  UNIQUE (genotype, key)
) STRICT;
";

/// Formats before 3 had one evaluation of a genotype.
const EVALUATION_2: &str = "
CREATE TABLE evaluation (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL,
  network TEXT NOT NULL,
  accuracy REAL NOT NULL,
  accuracy_low REAL NOT NULL,
  accuracy_high REAL NOT NULL,
  accuracy_level REAL NOT NULL,
  provenance TEXT NOT NULL,
  seed INTEGER NOT NULL,
  time_s REAL NOT NULL,
  created_ms INTEGER NOT NULL,
  key TEXT NOT NULL DEFAULT '',
  UNIQUE (genotype, key)
) STRICT;
";

/// Formats before 3 had one objective, a reward.
const TRIAL_2: &str = "
CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  search TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  genotype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'infeasible', 'failed')),
  reward REAL,
  reason TEXT,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  key TEXT NOT NULL DEFAULT '',
  UNIQUE (search, key, number),
  CHECK ((state = 'complete') = (reward IS NOT NULL)),
  CHECK ((state = 'running') = (finished_ms IS NULL))
) STRICT;
";

/// In format 1 nobody said what a row was made of.
const EVALUATION_1: &str = "
CREATE TABLE evaluation (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL UNIQUE,
  network TEXT NOT NULL,
  accuracy REAL NOT NULL,
  accuracy_low REAL NOT NULL,
  accuracy_high REAL NOT NULL,
  accuracy_level REAL NOT NULL,
  provenance TEXT NOT NULL,
  seed INTEGER NOT NULL,
  time_s REAL NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
";

const TRIAL_1: &str = "
CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  search TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  genotype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'infeasible', 'failed')),
  reward REAL,
  reason TEXT,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  UNIQUE (search, number),
  CHECK ((state = 'complete') = (reward IS NOT NULL)),
  CHECK ((state = 'running') = (finished_ms IS NULL))
) STRICT;
";

const FINALIST_1: &str = "
CREATE TABLE finalist (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  network TEXT NOT NULL,
  detail TEXT NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
";
