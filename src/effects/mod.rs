//! What is done on the operator's word: single reads and followed logs.

pub mod logs;
pub mod read;
