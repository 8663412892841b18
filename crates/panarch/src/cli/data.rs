//! `panarch data`.

use std::path::Path;

use panarch_report::{Cell, Column, Table};
use panarch_train::TrainError;
use panarch_train::data::{self, DataRoot, DatasetSource, Generated, fashion_mnist};

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
        DataCommand::Check { dataset, format } => {
            let source = DatasetSource::parse(&dataset).map_err(panarch::Error::from)?;
            let dataset = data::open(&source, &root, None).map_err(panarch::Error::from)?;
            Printer::new(format).table(&check(&data::check(&dataset)));
        }
    }
    Ok(())
}

fn fetch(root: &DataRoot, name: &str) -> Result<(), panarch::Error> {
    if name != fashion_mnist::NAME {
        if !data::NAMES.contains(&name) {
            let (name, known) = (name.to_owned(), data::NAMES.to_vec());
            return Err(TrainError::UnknownDataset { name, known }.into());
        }
        let folder = root.dataset(name)?;
        let message = format!(
            "`{name}` cannot be fetched; put its binary files into {}",
            folder.display()
        );
        return Err(panarch::Error::Input(message));
    }
    let (folder, from) = fashion_mnist::fetch(root, &fashion_mnist::Sources::default(), &mut |line| say(line))?;
    write(&format!(
        "{name} is in {} ({from}; SHA-256 of all four files checked)\n",
        folder.display()
    ));
    Ok(())
}

fn generate(folder: &Path, wanted: Generated) -> Result<(), panarch::Error> {
    let count = data::generate(folder, wanted)?;
    let shown = folder.display().to_string();
    write(&format!(
        "{count} pictures of {} are in {shown}\nnext: {}\n",
        data::GENERATED_CLASSES.join(", "),
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
    for status in data::list(root)? {
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

fn check(check: &data::Check) -> Table {
    let title = format!(
        "{}: {}×{}×{}, {} training and {} test images",
        check.name, check.channels, check.height, check.width, check.train_images, check.test_images
    );
    let columns = vec![
        Column::text("class"),
        Column::number("training images"),
        Column::number("test images"),
    ];
    let mut table = Table::new(title, columns);
    for (class, train, test) in &check.classes {
        table.push(vec![
            Cell::text(class),
            Cell::count(*train as u64),
            Cell::count(*test as u64),
        ]);
    }
    table.note(format!("largest class / smallest class: {:.2}", check.imbalance));
    table.note(format!(
        "mean {:?}, standard deviation {:?}, of values from 0 to 1",
        check.normalisation.mean, check.normalisation.deviation
    ));
    table
}
