//! The tables of a study file.

/// Marks a SQLite file as a study: "Pnar" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x506e_6172;

/// The format that this code writes; it reads format 1 too, and turns it into this one when it opens a study for writing.
pub(super) const FORMAT: i64 = 2;

/// Creates the tables of format 2.
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

/// Creates the tables whose rows belong to inputs.
pub(super) const KEYED: &str = "
CREATE TABLE basis (
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  detail TEXT,
  present INTEGER NOT NULL CHECK (present IN (0, 1, 2)),
  UNIQUE (subject, key)
) STRICT;
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

/// The same tables as format 1 had them.
pub(super) const KEYED_1: &str = "
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
CREATE TABLE finalist (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  network TEXT NOT NULL,
  detail TEXT NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
";

/// Puts the tables of format 1 out of the way of [`KEYED`].
pub(super) const RENAME_1: &str = "
ALTER TABLE evaluation RENAME TO evaluation_1;
ALTER TABLE trial RENAME TO trial_1;
ALTER TABLE finalist RENAME TO finalist_1;
";

/// Moves their rows over; the columns came in the same order, without the key at the end.
pub(super) const MOVE_1: &str = "
INSERT INTO evaluation SELECT *, '' FROM evaluation_1;
INSERT INTO trial SELECT *, '' FROM trial_1;
INSERT INTO finalist SELECT *, '' FROM finalist_1;
DROP TABLE evaluation_1;
DROP TABLE trial_1;
DROP TABLE finalist_1;
";
