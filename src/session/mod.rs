//! The running console: terminal, keys in, frames out.

pub mod clock;
pub mod copy;
mod encode;
mod gate;
pub mod input;
mod keys;
pub mod panic;
mod picture;
pub mod run;
mod scroll;
pub mod signals;
pub mod start;
pub mod terminal;
pub mod watchdog;
pub mod writer;

#[cfg(test)]
mod replay;
