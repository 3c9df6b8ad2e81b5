//! The program itself in a real pseudo-terminal, over the demo platform: what it does to the terminal, and what the
//! terminal does to it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "what is tested here takes time, and that is measured")]

#[path = "pty/console.rs"]
mod console;
#[path = "terminal/harness.rs"]
mod harness;
#[path = "pty/keys.rs"]
mod keys;
#[path = "pty/life.rs"]
mod life;
#[path = "pty/load.rs"]
mod load;
#[path = "pty/panic.rs"]
mod panic;
#[path = "pty/picture.rs"]
mod picture;
#[path = "pty/plans.rs"]
mod plans;
#[path = "pty/plugin.rs"]
mod plugin;
