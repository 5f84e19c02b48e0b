//! `replay FOLDER`: runs every file of `FOLDER/TARGET/` through its target, without a fuzzer. Findings become vectors: they are kept in `vectors`, and run with every test.
//! `replay` alone prints the names of the targets.

use std::{fs, path::Path, process::ExitCode};

use sidelight_fuzz::TARGETS;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        TARGETS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let mut count = 0;
    for (name, target) in TARGETS {
        let Ok(files) = fs::read_dir(Path::new(&folder).join(name)) else {
            continue;
        };
        for file in files.flatten() {
            match fs::read(file.path()) {
                Ok(data) => target(&data),
                Err(error) => {
                    eprintln!("{}: {error}", file.path().display());
                    return ExitCode::FAILURE;
                }
            }
            count += 1;
        }
    }
    println!("{count} inputs");
    ExitCode::SUCCESS
}
