//! What the page says about itself as a whole: one word, and the age of what it shows.

use sidelight_client::dto::{ClientState, FaultView, Status};

/// The state of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// The verifier is being loaded or opens its store.
    Starting,
    /// Blocks are being fetched and checked.
    Syncing,
    /// At the head.
    Live,
    /// Connected, but the newest verified block is old.
    Stale,
    /// No node can be reached.
    Offline,
    /// Two signed blocks at one height.
    Conflict,
    /// Closed.
    Halted,
    /// The verifier could not be started.
    Failed(String),
}

impl Health {
    /// The state that a status amounts to.
    pub(crate) fn of(status: Option<&Status>) -> Self {
        match status.map(|status| status.state) {
            None | Some(ClientState::Starting) => Self::Starting,
            Some(ClientState::Syncing) => Self::Syncing,
            Some(ClientState::Live) => Self::Live,
            Some(ClientState::Stale) => Self::Stale,
            Some(ClientState::Offline) => Self::Offline,
            Some(ClientState::Halted) => Self::Halted,
            Some(ClientState::Conflict) => Self::Conflict,
        }
    }

    /// The word for it.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Offline => "offline",
            Self::Conflict => "conflict",
            Self::Halted => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}

/// A fault, and how often the same one came.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct SeenFault {
    /// As it was told first; `at` is the last time.
    pub(crate) fault: FaultView,
    /// 1 and more.
    pub(crate) times: u32,
}

/// Reports that are kept. A node that lies on must not fill the tab.
const MAX_REPORTS: usize = 64;

/// Adds a fault to the reports, newest first; the same lie told again is counted, not repeated. Says whether it was new.
pub(crate) fn note_fault(reports: &mut Vec<SeenFault>, fault: FaultView) -> bool {
    let is_told_again = |seen: &&mut SeenFault| {
        let known = &seen.fault;
        (&known.kind, known.block, &known.peer, &known.field)
            == (&fault.kind, fault.block, &fault.peer, &fault.field)
    };
    if let Some(seen) = reports.iter_mut().find(is_told_again) {
        // The client lists its newest faults in every status: only a later one is another telling.
        if fault.at > seen.fault.at {
            seen.times = seen.times.saturating_add(1);
            seen.fault.at = fault.at;
        }
        return false;
    }
    reports.insert(0, SeenFault { fault, times: 1 });
    reports.truncate(MAX_REPORTS);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: &str, block: u64, at: u64) -> FaultView {
        FaultView {
            kind: kind.to_owned(),
            block: Some(block),
            peer: "http://one".to_owned(),
            field: "state_root".to_owned(),
            expected: "0x1".to_owned(),
            got: "0x2".to_owned(),
            message: String::new(),
            at,
        }
    }

    #[test]
    fn the_same_lie_is_counted_not_repeated() {
        let mut reports = Vec::new();
        assert!(note_fault(&mut reports, fault("bad_root", 7, 1)));
        assert!(!note_fault(&mut reports, fault("bad_root", 7, 2)));
        assert_eq!((reports.len(), reports[0].times), (1, 2));
    }

    #[test]
    fn one_event_heard_twice_counts_once() {
        let mut reports = Vec::new();
        for at in [1, 2, 1, 2] {
            note_fault(&mut reports, fault("bad_root", 7, at));
        }
        assert_eq!(reports[0].times, 2);
    }

    #[test]
    fn another_block_is_another_report_and_the_newest_stands_first() {
        let mut reports = Vec::new();
        note_fault(&mut reports, fault("bad_root", 7, 1));
        note_fault(&mut reports, fault("bad_root", 8, 2));
        assert_eq!(
            reports
                .iter()
                .map(|seen| seen.fault.block)
                .collect::<Vec<_>>(),
            [Some(8), Some(7)]
        );
    }

    #[test]
    fn a_node_that_lies_on_does_not_fill_the_tab() {
        let mut reports = Vec::new();
        for block in 0..10_000 {
            note_fault(&mut reports, fault("bad_root", block, block));
        }
        assert_eq!(reports.len(), MAX_REPORTS);
    }

    #[test]
    fn no_status_yet_means_starting() {
        assert_eq!(Health::of(None), Health::Starting);
    }
}
