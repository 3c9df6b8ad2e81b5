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
    // built, so that the commands know their own flags
    let mut command = command;
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    writeln!(out, ".SH COMMANDS")?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        entry(&[command.get_name(), sub.get_name()], sub, out)?;
    }
    page.render_extra_section(out)?;
    page.render_version_section(out)
}

/// A command of this page: its usage, and what it does. Its subcommands follow.
fn entry(path: &[&str], command: &Command, out: &mut impl Write) -> io::Result<()> {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let below: Vec<&Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if below.is_empty() {
        let arguments = command.get_positionals().map(|argument| format!(" {argument}")).collect::<Vec<_>>().concat();
        writeln!(out, ".TP\n\\fB{}\\fR{}\n{}", plain(&path.join(" ")), plain(&arguments), plain(&about))?;
    }
    below.into_iter().try_for_each(|sub| entry(&[path, &[sub.get_name()]].concat(), sub, out))
}

/// Text that roff takes as it is.
fn plain(text: &str) -> String {
    text.replace('\\', "\\\\").replace('-', "\\-")
}

/// Writes the completions of `command` for a shell. They are made first: clap panics when its writer fails.
///
/// # Errors
/// `out` cannot be written.
pub fn completions(mut command: Command, shell: Shell, out: &mut impl Write) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    out.write_all(&text)?;
    out.flush()
}
