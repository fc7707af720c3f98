//! Golden SQL: the cases in `tests/golden`, each run through the engine in many ways that must not matter.
//!
//! `TIDEMILL_GOLDEN=tumble/late` runs the cases whose path contains that; `TIDEMILL_TEST_SEED` chooses the one seed of
//! random runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod case;
mod cells;
mod manifest;
mod runs;
mod table;
mod verdict;
mod world;

use std::path::{Path, PathBuf};

use case::Case;

/// Random runs of each case.
const SEEDS: u64 = 8;

#[test]
fn every_case_gives_its_rows_in_every_run() {
    let cases = cases();
    assert!(!cases.is_empty(), "there are no cases");
    let mut failures = Vec::new();
    let mut runs = 0;
    for path in &cases {
        let case = Case::read(path);
        match check(&case) {
            Ok(count) => runs += count,
            Err(failure) => failures.push(format!("{}: {failure}", case.file)),
        }
    }
    println!("{} cases in {runs} runs", cases.len());
    assert!(
        failures.is_empty(),
        "{} of {} cases failed\n\n{}\n",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}

/// Runs a case in every way, up to the first that fails; how many ways there were.
fn check(case: &Case) -> Result<usize, String> {
    let plan = match (manifest::plan(case), &case.errors) {
        (Err(found), Some(expected)) if found == *expected => return Ok(1),
        (Err(found), Some(expected)) => {
            return Err(format!(
                "errors\nexpected {expected:#?}\nfound    {found:#?}"
            ));
        }
        (Err(found), None) => return Err(format!("it is refused: {found:#?}")),
        (Ok(_), Some(expected)) => {
            return Err(format!("it is accepted, and expected were {expected:#?}"));
        }
        (Ok(plan), None) => plan,
    };
    let ways = runs::ways(SEEDS);
    for way in &ways {
        runs::run(case, &plan, *way).map_err(|failure| format!("{way}: {failure}"))?;
    }
    Ok(ways.len())
}

/// The files of all cases, in order.
fn cases() -> Vec<PathBuf> {
    let mut files = Vec::new();
    find(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"),
        &mut files,
    );
    let wanted = std::env::var("TIDEMILL_GOLDEN").unwrap_or_default();
    files.retain(|file| file.to_string_lossy().contains(&wanted));
    files.sort();
    files
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "sql") {
            files.push(path);
        }
    }
}
