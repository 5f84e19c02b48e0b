//! Steps that are shown: a live line on a terminal, and a heartbeat line elsewhere.
//!
//! ```text
//! ▸ Build the verifier for wasm32
//!   … 15 s  212/300 alloy-consensus
//! ✓ Build the verifier for wasm32  48 s
//! ```

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a line is printed where there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A step shorter than this is not announced, only reported.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(1);

/// One step, shown until it is finished or dropped.
pub(crate) struct Step {
    title: String,
    started: Instant,
    detail: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
}

impl Step {
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let started = Instant::now();
        let detail = Arc::new(Mutex::new(String::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let painter = {
            let (title, detail, stop) = (title.clone(), Arc::clone(&detail), Arc::clone(&stop));
            std::thread::spawn(move || paint(&title, started, &detail, &stop))
        };
        Self {
            title,
            started,
            detail,
            stop,
            painter: Some(painter),
        }
    }

    /// What the step is doing now, for example the crate that is being compiled.
    pub(crate) fn detail(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.detail)
    }

    pub(crate) fn done(mut self, note: &str) {
        self.stop_painter();
        let elapsed = format_duration(self.started.elapsed());
        let note = if note.is_empty() {
            String::new()
        } else {
            format!("  {note}")
        };
        eprintln!("{} {}  {elapsed}{note}", green("✓"), self.title);
    }

    pub(crate) fn failed(mut self) {
        self.stop_painter();
        eprintln!(
            "{} {}  {}",
            red("✗"),
            self.title,
            format_duration(self.started.elapsed())
        );
    }

    fn stop_painter(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter.take() {
            painter.thread().unpark();
            // A painter that panicked has nothing to tell: the step itself goes on.
            let _ = painter.join();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.stop_painter();
    }
}

fn paint(title: &str, started: Instant, detail: &Mutex<String>, stop: &AtomicBool) {
    let live = std::io::stderr().is_terminal();
    let mut frame = 0_usize;
    let mut announced = false;
    let mut next_beat = HEARTBEAT;
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(if live { 100 } else { 250 }));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let elapsed = started.elapsed();
        let now = detail.lock().map(|text| text.clone()).unwrap_or_default();
        if live {
            let spinner = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"];
            let mark = spinner.get(frame % spinner.len()).unwrap_or(&"·");
            eprint!(
                "\r\x1b[2K{mark} {title}  {}  {}",
                format_duration(elapsed),
                clip(&now, 60)
            );
            // The live line is a courtesy: a closed terminal must not stop the work.
            let _ = std::io::stderr().flush();
            frame = frame.wrapping_add(1);
        } else if !announced && elapsed >= ANNOUNCE_AFTER {
            eprintln!("▸ {title}");
            announced = true;
        } else if elapsed >= next_beat {
            eprintln!("  … {}  {}", format_duration(elapsed), clip(&now, 100));
            next_beat = elapsed + HEARTBEAT;
        }
    }
    if live {
        eprint!("\r\x1b[2K");
    }
}

fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

pub(crate) fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

pub(crate) fn green(text: &str) -> String {
    colour(text, 32)
}

pub(crate) fn red(text: &str) -> String {
    colour(text, 31)
}

pub(crate) fn bold(text: &str) -> String {
    colour(text, 1)
}

fn colour(text: &str, code: u8) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stderr().is_terminal();
    if plain {
        text.to_owned()
    } else {
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        assert_eq!(format_duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(format_duration(Duration::from_secs(61)), "61 s");
        assert_eq!(format_duration(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn clipping_counts_characters_and_not_bytes() {
        assert_eq!(clip("ääää", 4), "ääää");
        assert_eq!(clip("äääää", 4), "äää…");
    }
}
