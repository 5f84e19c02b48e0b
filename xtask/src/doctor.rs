//! `cargo xtask doctor`: what was found, and how to get what was not.

use std::process::ExitCode;

use crate::Result;
use crate::progress::{Step, bold};
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn command(ws: &Workspace, _: &[&str]) -> Result<ExitCode> {
    let step = Step::start("Look for the tools");
    let survey = tools::survey(ws);
    step.done("");
    let rows: Vec<[String; 4]> = survey
        .iter()
        .map(|tool| {
            let (found, place) = match &tool.found {
                Some(found) => (found.version.clone(), found.place.display().to_string()),
                None => ("-".to_owned(), format!("get it: {}", tool.how)),
            };
            [tool.name.clone(), tool.needed.clone(), found, place]
        })
        .collect();
    print_table(["tool", "needed", "found", "where"], &rows);
    println!("\ncheckout  {}", ws.root.display());
    println!("target    {}", ws.target.display());
    println!("cache     {}", ws.cache.display());
    let missing = survey
        .iter()
        .filter(|tool| tool.required && tool.found.is_none())
        .count();
    if missing == 0 {
        println!("\nnothing is missing that `run` or `test` need");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{missing} missing; `cargo xtask setup` installs what it can");
    Ok(ExitCode::FAILURE)
}

fn print_table(head: [&str; 4], rows: &[[String; 4]]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default();
        longest.max(head.get(column).map_or(0, |title| title.len()))
    };
    let (a, b, c) = (width(0), width(1), width(2));
    println!(
        "{}",
        bold(&format!(
            "{:a$}  {:b$}  {:c$}  {}",
            head[0], head[1], head[2], head[3]
        ))
    );
    for [name, needed, found, place] in rows {
        println!("{name:a$}  {needed:b$}  {found:c$}  {place}");
    }
}
