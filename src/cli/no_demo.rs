//! In place of the demo platform, where the build leaves it out.

use std::io::Write;
use std::process::ExitCode;

use color_eyre::eyre::Result;

use super::args::DemoArgs;
use super::parse::Start;
use crate::session::start::Unusable;

/// There is none.
#[derive(Debug)]
pub(super) enum Demo {}

/// Whoever asks for it is refused.
pub(super) fn within(start: &mut Start) -> Result<Option<Demo>> {
    if start.demo { Err(missing().into()) } else { Ok(None) }
}

/// There is none to serve.
pub(super) fn serve(_args: DemoArgs, _out: &mut dyn Write) -> Result<ExitCode> {
    Err(missing().into())
}

/// Why there is none.
fn missing() -> Unusable {
    Unusable("this build has no demo platform: it was made without the feature `demo`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Mode, parse};
    use crate::config::env::Env;

    #[test]
    fn whoever_asks_for_the_demo_is_refused_with_the_reason() {
        let Ok(Mode::Console(mut start)) = parse(["watchkeeper", "--demo"], Env::default(), None) else {
            panic!("no console")
        };
        let why = within(&mut start).err().map(|error| error.to_string());
        assert!(why.is_some_and(|why| why.contains("made without the feature `demo`")));
        let Ok(Mode::Demo(args)) = parse(["watchkeeper", "demo"], Env::default(), None) else { panic!("no demo") };
        assert!(serve(args, &mut Vec::new()).is_err_and(|error| error.is::<Unusable>()));
    }
}
