//! Children: started with one environment, logged to a file, followed line by line, stopped at a limit.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::progress::Step;
use crate::workspace::Workspace;

/// Lines of a failed child's log that are shown.
const TAIL_LINES: usize = 60;

/// A child to be.
pub(crate) struct Run<'a> {
    ws: &'a Workspace,
    command: Command,
    program: OsString,
    limit: Option<Duration>,
}

/// How a logged child ended.
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) output: String,
    pub(crate) log: PathBuf,
    pub(crate) elapsed: Duration,
}

impl<'a> Run<'a> {
    pub(crate) fn new(ws: &'a Workspace, program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        let mut command = Command::new(&program);
        command.current_dir(&ws.root).stdin(Stdio::null());
        // `cargo run` describes this package to its child; a grandchild that is a cargo of its own must not see that.
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            let ours = name_text == "CARGO"
                || name_text.starts_with("CARGO_PKG_")
                || name_text.starts_with("CARGO_MANIFEST_")
                || name_text == "CARGO_BIN_NAME"
                || name_text == "CARGO_CRATE_NAME"
                || name_text == "CARGO_PRIMARY_PACKAGE";
            if ours {
                command.env_remove(&name);
            }
        }
        command
            .env("PATH", ws.search_path())
            .env("CARGO_TARGET_DIR", &ws.target);
        if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
            let foreign = env::split_paths(&libraries)
                .filter(|folder| !folder.starts_with(&ws.target) && !is_toolchain(folder));
            match env::join_paths(foreign) {
                Ok(kept) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", kept),
                _ => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        Self {
            ws,
            command,
            program,
            limit: None,
        }
    }

    /// Cargo of the pinned toolchain, or of the one that `toolchain` names.
    pub(crate) fn cargo(ws: &'a Workspace, toolchain: Option<&str>) -> Self {
        let mut run = Self::new(ws, "cargo");
        if let Some(name) = toolchain {
            run.command.env("RUSTUP_TOOLCHAIN", name);
        }
        // Cargo counts its crates only when it believes in a terminal.
        run.command
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120");
        run
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Standard output of a quick probe; `None` when it cannot be started, fails, or takes longer than ten seconds.
    pub(crate) fn probe(mut self) -> Option<String> {
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdout = child.stdout.take()?;
        let reader = std::thread::spawn(move || read_all(stdout));
        let status = wait(&mut child, Some(Duration::from_secs(10))).ok()?;
        let text = reader.join().ok()?;
        status.success().then(|| text.trim().to_owned())
    }

    /// Runs as a shown step. A failure is an error that carries the end of the log.
    pub(crate) fn step(self, title: &str) -> Result<Outcome> {
        let outcome = self.try_step(title)?;
        if outcome.ok {
            return Ok(outcome);
        }
        Err(format!(
            "{title} failed\n\n{}\n\nthe whole log: {}",
            tail(&outcome.output),
            outcome.log.display()
        )
        .into())
    }

    /// Runs as a shown step and returns how it went. An error means that it could not be started.
    pub(crate) fn try_step(mut self, title: &str) -> Result<Outcome> {
        let log = self
            .ws
            .cache
            .join("logs")
            .join(format!("{}.log", slug(title)));
        let file = Arc::new(Mutex::new(File::create(&log)?));
        let step = Step::start(title);
        let started = Instant::now();
        let spawned = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child =
            spawned.map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        let output = Arc::new(Mutex::new(String::new()));
        let follow = |stream: Box<dyn Read + Send>| {
            let sink = Sink {
                file: Arc::clone(&file),
                output: Arc::clone(&output),
                detail: step.detail(),
            };
            std::thread::spawn(move || sink.follow(stream))
        };
        let readers = [
            child.stdout.take().map(|stream| follow(Box::new(stream))),
            child.stderr.take().map(|stream| follow(Box::new(stream))),
        ];
        let status = wait(&mut child, self.limit);
        for reader in readers.into_iter().flatten() {
            // A reader that panicked has lost output; the status still decides.
            let _ = reader.join();
        }
        let ok = matches!(&status, Ok(status) if status.success());
        let output = output.lock().map(|text| text.clone()).unwrap_or_default();
        if ok {
            step.done("")
        } else {
            step.failed()
        }
        let output = match status {
            Ok(_) => output,
            Err(error) => format!("{output}\n{error}"),
        };
        Ok(Outcome {
            ok,
            output,
            log,
            elapsed: started.elapsed(),
        })
    }

    /// Becomes the program: the terminal and every signal are its own from here on. Comes back only with the reason why not.
    #[cfg(unix)]
    pub(crate) fn become_it(mut self) -> Result<ExitCode> {
        use std::os::unix::process::CommandExt;
        let error = self.command.stdin(Stdio::inherit()).exec();
        Err(format!("cannot start {}: {error}", self.program.display()).into())
    }

    /// Runs in the foreground with the caller's terminal until it ends.
    #[cfg(not(unix))]
    pub(crate) fn become_it(mut self) -> Result<ExitCode> {
        let status = self.command.stdin(Stdio::inherit()).status();
        let status =
            status.map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

struct Sink {
    file: Arc<Mutex<File>>,
    output: Arc<Mutex<String>>,
    detail: Arc<Mutex<String>>,
}

impl Sink {
    /// Splits at line feeds and carriage returns: progress bars rewrite one line.
    fn follow(&self, mut stream: Box<dyn Read + Send>) {
        let mut line = Vec::new();
        let mut buffer = [0_u8; 8192];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            for byte in buffer.iter().take(count) {
                match byte {
                    b'\n' | b'\r' => self.line(std::mem::take(&mut line), *byte == b'\n'),
                    _ => line.push(*byte),
                }
            }
        }
        self.line(line, true);
    }

    fn line(&self, bytes: Vec<u8>, whole: bool) {
        let text = strip_escapes(&String::from_utf8_lossy(&bytes));
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        if let Ok(mut detail) = self.detail.lock() {
            *detail = describe(text);
        }
        // A bar is progress, not output.
        if !whole || text.trim_start().starts_with("Building [") {
            return;
        }
        if let Ok(mut file) = self.file.lock() {
            // The log is a convenience; a full disk shows itself elsewhere.
            let _ = writeln!(file, "{text}");
        }
        if let Ok(mut output) = self.output.lock() {
            output.push_str(text);
            output.push('\n');
        }
    }
}

/// `Building [==>  ] 12/300: foo, bar` becomes `12/300 foo, bar`; other lines stay as they are.
fn describe(line: &str) -> String {
    let line = line.trim();
    match line
        .strip_prefix("Building [")
        .and_then(|rest| rest.split_once("] "))
    {
        Some((_, rest)) => rest.replacen(": ", " ", 1),
        None => line.to_owned(),
    }
}

fn strip_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            // A control sequence ends at its first byte in `@` to `~`.
            Some('[') => drop(characters.find(|next| matches!(next, '@'..='~'))),
            // A character set is named by one letter.
            Some('(') => drop(characters.next()),
            _ => {}
        }
    }
    plain
}

fn wait(child: &mut Child, limit: Option<Duration>) -> Result<ExitStatus> {
    let Some(limit) = limit else {
        return Ok(child.wait()?);
    };
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if started.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("stopped after its limit of {} s", limit.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read_all(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // What was read before a broken pipe is still the answer.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let skip = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(skip).collect::<Vec<_>>().join("\n")
}

fn slug(title: &str) -> String {
    let letters = title.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    letters
        .collect::<String>()
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn is_toolchain(folder: &Path) -> bool {
    folder
        .components()
        .any(|part| part.as_os_str() == "toolchains")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_progress_becomes_a_count_and_names() {
        assert_eq!(
            describe("    Building [====>     ] 12/300: syn, quote"),
            "12/300 syn, quote"
        );
        assert_eq!(describe("   Compiling syn v2.0.0"), "Compiling syn v2.0.0");
    }

    #[test]
    fn escapes_are_removed_and_text_is_kept() {
        assert_eq!(
            strip_escapes("\u{1b}[32mok\u{1b}[0m\u{1b}(B done"),
            "ok done"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_outlives_its_limit_is_stopped() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let error = wait(&mut child, Some(Duration::from_millis(50))).unwrap_err();
        assert!(error.to_string().contains("limit"), "{error}");
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn titles_make_file_names() {
        assert_eq!(slug("Install trunk 0.21.14"), "install-trunk-0-21-14");
    }
}
