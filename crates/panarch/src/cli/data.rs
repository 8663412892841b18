//! `panarch data`.

use std::path::Path;

use panarch::lookup;
use panarch_data::{Damaged, DataRoot, DatasetSource, FolderOptions, Generated, Inventory, KnownDataset};
use panarch_report::{Cell, Column, Format, Table};

use super::args::DataCommand;
use super::output::{Printer, say, write};
use super::shell;

pub fn data(command: DataCommand) -> anyhow::Result<()> {
    let root = DataRoot::from_environment();
    match command {
        DataCommand::Fetch { name } => fetch(&root, &name)?,
        DataCommand::Generate {
            folder,
            train,
            test,
            seed,
        } => generate(&folder, Generated { train, test, seed })?,
        DataCommand::List(format) => Printer::new(format).table(&list(&root)?),
        DataCommand::Check { dataset, format } => check(&root, &dataset, Printer::new(format))?,
    }
    Ok(())
}

fn fetch(root: &DataRoot, name: &str) -> Result<(), panarch::Error> {
    let known = KnownDataset::named(name)?;
    let Some(fetch) = known.fetch else {
        let advice = known.advice(&root.dataset(name)?);
        return Err(panarch::Error::Input(format!("`{name}` cannot be fetched; {advice}")));
    };
    let (folder, from) = fetch(root, &mut |line| say(line))?;
    write(&format!("{name} is in {} ({from})\n", folder.display()));
    Ok(())
}

fn generate(folder: &Path, wanted: Generated) -> Result<(), panarch::Error> {
    let count = panarch_data::generate(folder, wanted)?;
    let shown = folder.display().to_string();
    write(&format!(
        "{count} pictures of {} are in {shown}\nnext: {}\n",
        panarch_data::GENERATED_CLASSES.join(", "),
        shell::command(["data", "check", &as_folder(&shown)])
    ));
    Ok(())
}

/// A folder as the commands know one: with a `/` in it, where a name would be a dataset's.
fn as_folder(path: &str) -> String {
    if path.contains('/') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

fn list(root: &DataRoot) -> Result<Table, panarch::Error> {
    let columns = vec![Column::text("dataset"), Column::text("present"), Column::text("folder")];
    let mut table = Table::new("Datasets", columns);
    for status in panarch_data::list(root)? {
        let folder = status.folder.display().to_string();
        table.push(vec![
            Cell::text(status.name),
            Cell::flag(status.present),
            Cell::text(folder),
        ]);
    }
    table.note("`panarch data fetch fashion-mnist` obtains it. A folder with train/CLASS/*.png works anywhere a dataset is named.");
    Ok(table)
}

/// Looks at everything before it judges: damaged pictures are listed with all else, and are an error at the end.
fn check(root: &DataRoot, named: &str, printer: Printer) -> Result<(), panarch::Error> {
    let (name, mut options) = match lookup::is_run_file(named) {
        true => {
            let file = lookup::run_file(Path::new(named), &[])?;
            let options = file.data.folder_options(&file.output.directory);
            (file.data.dataset, options)
        }
        false => (named.to_owned(), FolderOptions::default()),
    };
    let asked = std::mem::replace(&mut options.damaged, Damaged::Skip);
    let dataset = panarch_data::open(&DatasetSource::parse(&name)?, root, &options)?;
    let inventory = dataset.inventory();
    printer.table(&checked(
        &panarch_data::check(&dataset),
        inventory,
        asked,
        printer.format(),
    ));
    match inventory.map_or(0, |inventory| inventory.damaged.len()) {
        0 => Ok(()),
        _ if asked == Damaged::Skip => Ok(()),
        count => Err(panarch::Error::CheckFailed(format!(
            "damaged pictures: {count}; mend or remove them, or leave them out with data.damaged = \"skip\""
        ))),
    }
}

/// Classes, then whatever is not as it should be, a row each.
fn checked(check: &panarch_data::Check, inventory: Option<&Inventory>, asked: Damaged, format: Format) -> Table {
    let own = match check.validation_images {
        0 => String::new(),
        count => format!(", {count} validation"),
    };
    let title = format!(
        "{}: {}×{}×{}, {} training{own} and {} test images",
        check.name, check.channels, check.height, check.width, check.train_images, check.test_images
    );
    let columns = vec![
        Column::text("kind"),
        Column::text("name"),
        Column::number("training images"),
        Column::number("validation images"),
        Column::number("test images"),
        Column::text("remark"),
    ];
    let mut table = Table::new(title, columns);
    for (class, counts) in &check.classes {
        let [train, validation, test] = counts.map(|count| Cell::count(count as u64));
        table.push(vec![
            Cell::text("class"),
            Cell::text(class),
            train,
            validation,
            test,
            Cell::missing(),
        ]);
    }
    let mut list = Listing {
        table: &mut table,
        most: if format == Format::Table { SHOWN } else { usize::MAX },
    };
    if let Some(inventory) = inventory {
        let damaged = inventory
            .damaged
            .iter()
            .map(|it| (it.path.display().to_string(), it.fault.clone()));
        list.rows("damaged", damaged);
        let passed_over = inventory.passed_over.iter();
        list.rows(
            "passed over",
            passed_over.map(|it| (it.path.display().to_string(), it.reason.words(false).to_owned())),
        );
    }
    list.rows("more than once", check.duplicates.iter().map(duplicate));
    let left_out = inventory
        .filter(|_| asked == Damaged::Skip)
        .and_then(Inventory::left_out);
    for remark in inventory
        .map(Inventory::remarks)
        .unwrap_or_default()
        .into_iter()
        .chain(left_out)
    {
        table.note(remark);
    }
    table.note(format!("largest class / smallest class: {:.2}", check.imbalance));
    table.note(format!(
        "mean {:?}, standard deviation {:?}, of values from 0 to 1",
        check.normalisation.mean, check.normalisation.deviation
    ));
    table
}

/// Rows of one kind that a table for people has at the most.
const SHOWN: usize = 40;

/// Rows without counts.
struct Listing<'a> {
    table: &'a mut Table,
    most: usize,
}

impl Listing<'_> {
    fn rows(&mut self, kind: &str, rows: impl ExactSizeIterator<Item = (String, String)>) {
        let more = rows.len().saturating_sub(self.most);
        for (name, remark) in rows.take(self.most) {
            let counts = std::array::from_fn::<_, 3, _>(|_| Cell::missing());
            let cells = [Cell::text(kind), Cell::text(name)].into_iter().chain(counts);
            self.table.push(cells.chain([Cell::text(remark)]).collect());
        }
        if more > 0 {
            self.table.note(format!(
                "{more} more rows of the kind \"{kind}\"; --format csv lists all"
            ));
        }
    }
}

/// A picture that is there more than once: where it is first, and where else.
fn duplicate(duplicate: &panarch_data::Duplicate) -> (String, String) {
    let place = |place: &panarch_data::Place| match &place.file {
        Some(file) => file.display().to_string(),
        None => format!("image {} of {}", place.index, place.part),
    };
    let mut places = duplicate
        .places
        .iter()
        .map(|it| format!("{} ({}, class {})", place(it), it.part, it.class));
    let first = places.next().unwrap_or_default();
    let others: Vec<String> = places.by_ref().take(4).collect();
    let more = match places.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    (first, format!("also {}{more}", others.join(", ")))
}
