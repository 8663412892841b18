//! Rows into records. Nothing here trusts a row: a value that does not parse is an error with the row's key.

use std::fmt::Display;
use std::str::FromStr;

use panarch_graph::{Accuracy, ContentHash, Estimate, Inputs};
use panarch_space::Genotype;
use rusqlite::{
    Row,
    types::{FromSql, Value},
};
use serde::de::DeserializeOwned;

use crate::wire::{CostJson, FinalistJson, ObjectiveJson, ProtocolJson, ProvenanceJson, ViolationJson, from_json};
use crate::{
    CostRecord, Evaluation, EvaluationProtocol, Event, EventKind, Finalist, Header, ObjectiveValue, StudyError,
    Timestamp, Trial, TrialState, Violation,
};

/// A record that is kept in a table of its own.
pub(super) trait Record: Sized {
    const TABLE: &'static str;
    /// The columns that [`Record::read`] asks for, `id` among them.
    const COLUMNS: &'static str;

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError>;
}

/// One row of a known table.
pub(super) struct Fields<'a, 'b> {
    row: &'a Row<'b>,
    table: &'static str,
    id: i64,
}

impl<'a, 'b> Fields<'a, 'b> {
    pub(super) fn new(table: &'static str, row: &'a Row<'b>) -> Self {
        let id = row.get("id").unwrap_or(-1);
        Self { row, table, id }
    }

    fn wrong(&self, column: &str, reason: impl Display) -> StudyError {
        StudyError::Row {
            table: self.table,
            row: self.id.to_string(),
            reason: format!("column `{column}`: {reason}"),
        }
    }

    fn get<T: FromSql>(&self, column: &str) -> Result<T, StudyError> {
        self.row.get(column).map_err(|error| self.wrong(column, error))
    }

    fn finite(&self, column: &str) -> Result<f64, StudyError> {
        let value: f64 = self.get(column)?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.wrong(column, "not a finite number"))
        }
    }

    fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StudyError> {
        let text: String = self.get(column)?;
        text.parse().map_err(|error: T::Err| self.wrong(column, error))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StudyError> {
        let text: String = self.get(column)?;
        from_json(&text).map_err(|error| self.wrong(column, error))
    }

    /// The parsed text of a column; none where it is NULL.
    fn optional<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, StudyError> {
        match self.get::<Option<String>>(column)? {
            Some(_) => self.parsed(column).map(Some),
            None => Ok(None),
        }
    }

    /// The values of a column with a JSON list; nothing where it is NULL.
    fn list<J: DeserializeOwned, T: TryFrom<J, Error: Display>>(&self, column: &str) -> Result<Vec<T>, StudyError> {
        if self.get::<Option<String>>(column)?.is_none() {
            return Ok(Vec::new());
        }
        let list = self.json::<Vec<J>>(column)?.into_iter();
        list.map(|json| T::try_from(json).map_err(|error| self.wrong(column, error)))
            .collect()
    }

    fn time(&self, column: &str) -> Result<Timestamp, StudyError> {
        Ok(Timestamp::from_unix_millis(self.get(column)?))
    }

    fn seed(&self) -> Result<u64, StudyError> {
        Ok(self.get::<i64>("seed")?.cast_unsigned())
    }

    fn named<T: Copy>(&self, column: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, StudyError> {
        let text: String = self.get(column)?;
        let found = all.iter().copied().find(|&one| name(one) == text);
        found.ok_or_else(|| self.wrong(column, format!("`{text}` is not known")))
    }
}

/// Every value of a row, whatever it means.
pub(super) fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

/// The inputs of a subject, from their JSON.
pub(super) fn inputs(subject: &str, text: &str) -> Result<Inputs, StudyError> {
    serde_json::from_str(text).map_err(|error| StudyError::Row {
        table: "basis",
        row: subject.to_owned(),
        reason: format!("column `detail`: {error}"),
    })
}

/// A record with the key of the inputs that it belongs to.
pub(super) struct Keyed<R> {
    pub(super) key: String,
    pub(super) record: R,
}

impl<R: Record> Keyed<R> {
    pub(super) fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        Ok(Self {
            key: fields.get("key")?,
            record: R::read(fields)?,
        })
    }
}

/// A row of the table `basis`.
pub(super) struct BasisRow {
    pub(super) subject: String,
    pub(super) key: String,
    pub(super) inputs: Option<Inputs>,
    /// 1 for the present one, 2 for the last one of a closed subject.
    pub(super) present: i64,
}

impl Record for BasisRow {
    const TABLE: &'static str = "basis";
    const COLUMNS: &'static str = "id, subject, key, detail, present";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        let subject: String = fields.get("subject")?;
        let detail: Option<String> = fields.get("detail")?;
        Ok(Self {
            inputs: detail.map(|text| inputs(&subject, &text)).transpose()?,
            subject,
            key: fields.get("key")?,
            present: fields.get("present")?,
        })
    }
}

impl Record for Header {
    const TABLE: &'static str = "study";
    const COLUMNS: &'static str = "id, name, run, space, space_hash, dataset, panarch_version, created_ms";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        Ok(Self {
            name: fields.get("name")?,
            run: fields.get("run")?,
            space: fields.get("space")?,
            space_hash: fields.parsed("space_hash")?,
            dataset: fields.get("dataset")?,
            panarch_version: fields.get("panarch_version")?,
            created: fields.time("created_ms")?,
        })
    }
}

impl Record for Evaluation {
    const TABLE: &'static str = "evaluation";
    const COLUMNS: &'static str = "id, genotype, network, accuracy, accuracy_low, accuracy_high, accuracy_level, \
                                   provenance, seed, time_s, created_ms, protocol, protocol_detail";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        let accuracy = Estimate {
            value: Accuracy::from_share(fields.finite("accuracy")?),
            low: Accuracy::from_share(fields.finite("accuracy_low")?),
            high: Accuracy::from_share(fields.finite("accuracy_high")?),
            level: fields.finite("accuracy_level")?,
        };
        let protocol: EvaluationProtocol = fields.json::<ProtocolJson>("protocol_detail")?.into();
        if protocol.key() != fields.parsed::<ContentHash>("protocol")? {
            return Err(fields.wrong("protocol", "not the key of what `protocol_detail` says"));
        }
        Ok(Self {
            genotype: fields.parsed::<Genotype>("genotype")?,
            protocol,
            network: fields.parsed::<ContentHash>("network")?,
            accuracy,
            provenance: fields.json::<ProvenanceJson>("provenance")?.into(),
            seed: fields.seed()?,
            seconds: fields.finite("time_s")?,
            created: fields.time("created_ms")?,
        })
    }
}

impl Record for CostRecord {
    const TABLE: &'static str = "cost";
    const COLUMNS: &'static str = "id, genotype, device, protocol, detail, created_ms";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        Ok(Self {
            genotype: fields.parsed("genotype")?,
            device: fields.get("device")?,
            protocol: fields.parsed("protocol")?,
            summary: fields.json::<CostJson>("detail")?.into(),
            created: fields.time("created_ms")?,
        })
    }
}

impl Record for Trial {
    const TABLE: &'static str = "trial";
    const COLUMNS: &'static str = "id, search, number, genotype, seed, state, objectives, violations, protocol, reason, \
                                   started_ms, finished_ms";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        let number: i64 = fields.get("number")?;
        let finished: Option<i64> = fields.get("finished_ms")?;
        Ok(Self {
            search: fields.get("search")?,
            number: u64::try_from(number).map_err(|error| fields.wrong("number", error))?,
            genotype: fields.parsed("genotype")?,
            seed: fields.seed()?,
            state: fields.named("state", &TrialState::ALL, TrialState::name)?,
            objectives: fields.list::<ObjectiveJson, ObjectiveValue>("objectives")?,
            violations: fields.list::<ViolationJson, Violation>("violations")?,
            protocol: fields.optional("protocol")?,
            reason: fields.get("reason")?,
            started: fields.time("started_ms")?,
            finished: finished.map(Timestamp::from_unix_millis),
        })
    }
}

impl Record for Finalist {
    const TABLE: &'static str = "finalist";
    const COLUMNS: &'static str = "id, genotype, name, network, detail, updated_ms";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        let json: FinalistJson = fields.json("detail")?;
        let (roles, test_accuracy, costs, files) = json.into_parts();
        Ok(Self {
            genotype: fields.parsed("genotype")?,
            name: fields.get("name")?,
            roles,
            network: fields.parsed("network")?,
            test_accuracy,
            costs,
            files,
            updated: fields.time("updated_ms")?,
        })
    }
}

impl Record for Event {
    const TABLE: &'static str = "event";
    const COLUMNS: &'static str = "id, phase, kind, detail, created_ms";

    fn read(fields: &Fields<'_, '_>) -> Result<Self, StudyError> {
        Ok(Self {
            phase: fields.get("phase")?,
            kind: fields.named("kind", &EventKind::ALL, EventKind::name)?,
            detail: fields.get("detail")?,
            created: fields.time("created_ms")?,
        })
    }
}
