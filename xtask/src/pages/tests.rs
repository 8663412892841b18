use super::{PAGES, Page, Tables, run};
use crate::root;

fn read(page: &Page) -> (String, Tables) {
    let text = std::fs::read_to_string(root().join(page.path)).expect("the page is there");
    (text, Tables::read(&root(), page.tables).expect("its tables are there"))
}

/// What CI runs: every page says what its tables say.
#[test]
fn every_page_follows_its_tables() {
    assert!(
        run(&root(), true).expect("the pages can be made"),
        "`cargo xtask pages` writes them anew"
    );
}

/// The text with one number of one cell changed, for a cell in each row of at most `rows` rows spread over the table.
fn changed(csv: &str, rows: usize) -> Vec<String> {
    let lines: Vec<&str> = csv.lines().collect();
    let mut all = Vec::new();
    let step = lines.len().div_ceil(rows).max(1);
    for row in (1..lines.len()).step_by(step) {
        let cells: Vec<&str> = lines[row].split(',').collect();
        for (place, cell) in cells.iter().enumerate() {
            let Ok(number) = cell.parse::<f64>() else { continue };
            // Half as much again, and whole where it was whole.
            let other = if cell.contains(['.', 'e']) {
                format!("{}", number * 1.5 + 0.1)
            } else {
                format!("{}", (number * 1.5).round() + 1.0)
            };
            let mut cells: Vec<String> = cells.iter().map(|it| (*it).to_owned()).collect();
            cells[place] = other;
            let line = cells.join(",");
            let mut lines: Vec<&str> = lines.clone();
            lines[row] = &line;
            all.push(lines.join("\n") + "\n");
        }
    }
    all
}

/// A page without what only says which tables it is from, sums included.
fn without_sums(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.contains("<!--=tables-->") && !line.contains("<!--=sums-->"));
    lines.join("\n")
}

/// Whatever number of a table is changed, its page fails; and some number of every table is a figure of the page, so that not
/// the sum alone tells.
#[test]
fn a_page_fails_when_one_number_of_its_tables_is_changed() {
    for page in &PAGES {
        let (text, tables) = read(page);
        for (index, (path, csv)) in tables.0.iter().enumerate() {
            let variants = changed(csv, 12);
            assert!(!variants.is_empty(), "{path} has no number");
            let told = variants.iter().any(|variant| {
                let mut tables = tables.clone();
                tables.0[index].1.clone_from(variant);
                // A table that no figure can be made of any more fails the page, too.
                let Ok(made) = page.made(&text, &tables) else {
                    return true;
                };
                assert_ne!(made, text, "{} does not notice a change of {path}", page.path);
                without_sums(&made) != without_sums(&text)
            });
            assert!(told, "no figure of {} is from {path}", page.path);
        }
    }
}

/// From the files to the verdict: a copy of the pages holds, and holds no more when one number of one table is changed.
#[test]
fn a_copy_of_the_pages_fails_with_another_number() {
    let copy = std::env::temp_dir().join(format!("pages-{}", std::process::id()));
    for path in PAGES.iter().flat_map(|page| page.tables.iter().chain([&page.path])) {
        let to = copy.join(path);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder can be made");
        std::fs::copy(root().join(path), to).expect("a file can be copied");
    }
    assert!(run(&copy, true).expect("the copy can be made"));
    for page in &PAGES {
        let path = copy.join(page.tables[0]);
        let before = std::fs::read_to_string(&path).expect("a table");
        std::fs::write(&path, &changed(&before, 3)[0]).expect("a table can be written");
        assert!(
            !run(&copy, true).unwrap_or(false),
            "{} holds with another {}",
            page.path,
            page.tables[0]
        );
        std::fs::write(&path, before).expect("a table can be written");
    }
    // Written anew it holds again.
    assert!(run(&copy, false).expect("the copy can be made") && run(&copy, true).expect("the copy can be made"));
    std::fs::remove_dir_all(&copy).expect("the copy can be removed");
}
