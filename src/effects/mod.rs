//! What is done on the operator's word: single reads and followed logs, plans and what they fetch.

pub mod asking;
pub mod audit;
pub mod confirmed;
pub mod deeds;
pub mod evictions;
mod exact;
pub mod fetch;
pub mod local;
pub mod lock;
pub mod logs;
pub mod namespaces;
pub mod private;
pub mod reach;
pub mod read;
pub mod rehearsal;
pub mod rights;
pub mod runner;
pub mod send;
pub mod timeline;
pub mod unfinished;

/// Seconds: after an answer that was lost, its proof is looked for this long.
const DOUBT: u32 = 30;
