//! The `rpc` suite: files of requests and answers, in the format of [ethereum/execution-apis](https://github.com/ethereum/execution-apis/tree/main/tests), played against node-lite.
//!
//! ```text
//!   genesis.json, chain.rlp --> import --> the JSON-RPC server on a port of its own
//!   headfcu.json ------------> the head, `safe` and `finalized`            ^
//!   */*.io: >> request ----------------------------------------------------+
//!           << answer  --> equal, or of the same shape where the file is `speconly`
//! ```
//! It knows no file of any vector set: it takes any folder in that format.

mod compare;
mod folder;
mod play;
mod script;

pub use folder::{Folder, FolderError, Forkchoice};
pub use play::{RunError, run};
