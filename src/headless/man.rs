//! `watchkeeper generate`: the man page and the shell completions, from the same definitions that parse the command
//! line. Writes to the given stream only.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;

/// Writes the man page of `command`.
///
/// # Errors
/// `out` cannot be written.
pub fn man(command: Command, out: &mut impl Write) -> io::Result<()> {
    clap_mangen::Man::new(command).render(out)
}

/// Writes the completions of `command` for a shell.
pub fn completions(mut command: Command, shell: Shell, out: &mut impl Write) {
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, out);
}
