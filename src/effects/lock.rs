//! Whether anything may be written at all. A [`Permit`] is made here and nowhere else, and without one nothing is sent:
//! this is the one choke point of everything that changes a cluster.

use crate::domain::ages::Time;

/// How long an unlocked context stays so, in seconds.
pub const UNLOCKED_FOR: i64 = 15 * 60;

/// The state of one connection's lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// Why the context is read-only; `None` when it is not.
    pub locked: Option<String>,
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
            (Some(_), Some(until)) if now < until => Ok(Permit(())),
            (Some(why), Some(_)) => Err(format!("read-only again, the unlocking has ended: {why}")),
            (Some(why), None) => Err(format!("read-only: {why}")),
        }
    }

    pub fn unlock(&mut self, now: Time) {
        self.until = Some(now.plus(UNLOCKED_FOR));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_context_gives_no_permit_and_an_unlocked_one_only_for_a_while() {
        let mut lock = Lock { locked: Some("the context matches *prod*".into()), until: None };
        assert!(lock.permit(Time(100)).unwrap_err().contains("*prod*"));
        lock.unlock(Time(100));
        assert!(lock.permit(Time(100 + UNLOCKED_FOR - 1)).is_ok());
        assert!(lock.permit(Time(100 + UNLOCKED_FOR)).is_err());
        assert!(Lock::default().permit(Time(0)).is_ok());
    }
}
