//! Whether anything may be written at all. A [`Permit`] is made here and nowhere else, and without one nothing is sent:
//! this is the one choke point of everything that changes a cluster.

use crate::domain::ages::Time;
use crate::domain::locked::{Locked, says_why};

/// How long an unlocked context stays so, in seconds.
pub const UNLOCKED_FOR: i64 = 15 * 60;

/// The state of one connection's lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// `None` when it may be written to.
    pub locked: Option<Locked>,
    /// Unlocked until then.
    pub until: Option<Time>,
}

/// Leave to write, once. It cannot be made outside of this module.
#[derive(Debug)]
pub struct Permit(());

/// Leave for one plan: what an open lock let begin may come to its end, so that nothing is left half done because the
/// unlocking has run out meanwhile.
#[derive(Debug)]
pub struct Leave(());

impl Leave {
    pub fn permit(&self) -> Permit {
        Permit(())
    }
}

impl Lock {
    /// Leave to run a plan from now on.
    pub fn begin(&self, now: Time) -> Result<Leave, String> {
        self.permit(now).map(|Permit(())| Leave(()))
    }

    pub fn permit(&self, now: Time) -> Result<Permit, String> {
        match (&self.locked, self.until) {
            (None, _) => Ok(Permit(())),
            (Some(locked), Some(until)) if now < until && locked.instead.is_none() => Ok(Permit(())),
            (Some(locked), Some(_)) => Err(format!("read-only again, the unlocking has ended: {}", locked.why)),
            (Some(locked), None) => Err(format!("read-only: {}", locked.why)),
        }
    }

    /// Whether it can be unlocked for this reason; why not.
    pub fn may_unlock(&self, reason: &str) -> Result<(), String> {
        match &self.locked {
            None => Err("this context is not read-only".to_owned()),
            Some(Locked { why, instead: Some(instead) }) => {
                // the way out first: this is one line, and a narrow one is cut at its end
                Err(format!("read-only, and cannot be unlocked: {instead}; {why}"))
            }
            Some(_) if !says_why(reason) => Err("unlocking needs a reason in words".to_owned()),
            Some(_) => Ok(()),
        }
    }

    /// Opens it for a while, if it can be opened.
    pub fn unlock(&mut self, reason: &str, now: Time) -> Result<(), String> {
        self.may_unlock(reason)?;
        self.until = Some(now.plus(UNLOCKED_FOR));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(instead: Option<&str>) -> Locked {
        Locked { why: "the context matches *prod*".into(), instead: instead.map(str::to_owned) }
    }

    #[test]
    fn a_locked_context_gives_no_permit_and_an_unlocked_one_only_for_a_while() {
        let mut lock = Lock { locked: Some(locked(None)), until: None };
        assert!(lock.permit(Time(100)).unwrap_err().contains("*prod*"));
        lock.unlock("incident", Time(100)).unwrap();
        assert!(lock.permit(Time(100 + UNLOCKED_FOR - 1)).is_ok());
        assert!(lock.permit(Time(100 + UNLOCKED_FOR)).is_err());
        assert!(Lock::default().permit(Time(0)).is_ok());
    }

    #[test]
    fn what_was_set_read_only_is_not_unlocked_and_nothing_is_without_a_reason() {
        let mut fixed = Lock { locked: Some(locked(Some("start without --readonly"))), until: None };
        let why = fixed.unlock("incident", Time(100)).unwrap_err();
        assert!(why.contains("cannot be unlocked: start without --readonly"), "{why}");
        // whatever was written there meanwhile
        fixed.until = Some(Time(1000));
        assert!(fixed.permit(Time(100)).is_err());
        let mut lock = Lock { locked: Some(locked(None)), until: None };
        for reason in ["", "  ", "\u{200b}", "."] {
            assert!(lock.unlock(reason, Time(100)).unwrap_err().contains("reason"), "{reason:?}");
        }
        assert!(lock.permit(Time(100)).is_err());
    }
}
