//! The tables of a study file.

/// Marks a SQLite file as a study: "Pnar" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x506e_6172;

/// The format that this code writes and the only one it reads.
pub(super) const FORMAT: i64 = 1;

/// Creates the tables of format 1.
///
/// Times are milliseconds since 1970 in UTC, seeds are 64 bits read as signed integers, hashes are hexadecimal digits.
/// The column `detail` holds JSON of the crate's own wire types. The header comes first in the file, so that it is the
/// last thing that a file which was cut short loses.
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
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  phase TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('started', 'finished', 'note')),
  detail TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
";
