//! What a process has to bear: the state of its misfortunes, and the traps that wait for one of its calls.

/// What a trap does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Harm {
    Die,
    StandStill(u64),
    LoseAnswer,
}

/// Something that happens to a process at a call.
#[derive(Clone, Debug)]
pub(crate) struct Trap {
    /// `None` = whichever call.
    pub(crate) call: Option<&'static str>,
    /// So many of them go well before.
    pub(crate) calls: u32,
    /// After the store has done it, not before.
    pub(crate) done: bool,
    pub(crate) harm: Harm,
}

/// What a process has to bear.
#[derive(Default)]
pub(crate) struct Lot {
    /// Since when it is dead.
    pub(crate) died: Option<u64>,
    pub(crate) trap: Option<Trap>,
    /// Moments at which a trap closed, and until when it hurt.
    pub(crate) hurt: Vec<(u64, u64)>,
    pub(crate) stands_still_until: u64,
    pub(crate) away_until: u64,
    /// Until when, percent of calls that fail before the store did anything, percent whose answer is lost.
    pub(crate) flaky: (u64, u64, u64),
}

impl Lot {
    /// Counts a call down and closes the trap; true when the answer is lost.
    pub(crate) fn spring(&mut self, what: &str, done: bool, now: u64) -> bool {
        let Some(trap) = self.trap.as_mut().filter(|t| t.done == done && t.call.is_none_or(|call| call == what)) else {
            return false;
        };
        if trap.calls > 0 {
            trap.calls -= 1;
            return false;
        }
        let harm = trap.harm;
        self.trap = None;
        match harm {
            Harm::Die => self.died = Some(now),
            Harm::StandStill(millis) => {
                self.stands_still_until = self.stands_still_until.max(now + millis);
                self.hurt.push((now, now + millis));
            }
            Harm::LoseAnswer => self.hurt.push((now, now)),
        }
        matches!(harm, Harm::LoseAnswer)
    }
}
