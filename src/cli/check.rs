//! `conn check`: whether definitions are right, before anything knows of them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::CheckArgs;
use super::exit::{CliError, Exit};
use super::print::{lines, notice, say, say_json};
use crate::run::complaint::Complaint;
use crate::run::output::OutStream;
use crate::site::definitions::{Checked, check as read_and_check};

/// `conn check`. Needs no engine and changes nothing.
pub fn check(args: &CheckArgs, quiet: bool) -> Result<Exit, CliError> {
    let checked = read_and_check(&args.paths);
    if args.json {
        say_json(&to_json(&checked))?;
    } else {
        for complaint in &checked.complaints {
            lines(OutStream::Stderr, &(complaint.with_caret() + "\n"))?;
        }
        if !quiet {
            summary(&checked)?;
        }
    }
    Ok(if checked.complaints.is_empty() {
        Exit::Ok
    } else {
        Exit::Usage
    })
}

fn summary(checked: &Checked) -> Result<(), CliError> {
    for file in &checked.passed_over {
        let file = file.display().to_string();
        notice(&format!(
            "{}: not checked, it is no definition known here",
            file.escape_debug()
        ))?;
    }
    let count = checked.complaints.len();
    if count > 0 {
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        return notice(&format!("{count} {noun}"));
    }
    for source in checked.book.iter() {
        let definition = &source.definition;
        say(&format!(
            "{:<6}  {:<24}  {}",
            definition.kind().word(),
            definition.name,
            source.file.escape_debug()
        ))?;
    }
    for file in &checked.others {
        say(&format!(
            "{:<6}  {:<24}  {}",
            "site",
            "",
            file.display().to_string().escape_debug()
        ))?;
    }
    Ok(())
}

fn to_json(checked: &Checked) -> Value {
    let definitions: Vec<Value> = checked
        .book
        .iter()
        .map(|source| {
            json!({
                "kind": source.definition.kind().word(),
                "name": source.definition.name,
                "file": source.file,
            })
        })
        .collect();
    let paths = |paths: &[PathBuf]| -> Vec<String> {
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    };
    json!({
        "ok": checked.complaints.is_empty(),
        "definitions": definitions,
        "others": paths(&checked.others),
        "not_checked": paths(&checked.passed_over),
        "complaints": checked.complaints.iter().map(complaint).collect::<Vec<_>>(),
    })
}

/// A complaint for other programs.
pub fn complaint(complaint: &Complaint) -> Value {
    let number = |number: u32| (number > 0).then_some(number);
    json!({
        "file": complaint.place.file,
        "line": number(complaint.place.line),
        "column": number(complaint.place.column),
        "message": complaint.message,
        "hint": complaint.hint,
    })
}
