//! The files of a history and how they are edited.

use crate::dice::Dice;
use crate::plan::{Catalogue, NAMES, rhythm, work};

pub(crate) struct Files {
    pub(crate) now: Catalogue,
    /// Jobs whose file is away for a while.
    pub(crate) gone: Catalogue,
}

impl Files {
    pub(crate) fn edit(&mut self, slow: bool, dice: &mut Dice) {
        let id = dice.pick(&NAMES);
        let Some(place) = self.now.iter().position(|work| work.id == id) else {
            let old = self.gone.iter().rposition(|work| work.id == id).filter(|_| dice.chance(70));
            self.now.push(old.map_or_else(|| work(id, slow, dice), |old| self.gone[old].clone()));
            return;
        };
        let job = &mut self.now[place];
        match dice.of(0..7) {
            0 | 1 => self.gone.push(self.now.remove(place)),
            2 | 3 => job.enabled = !job.enabled,
            4 => {
                let schedule = job.schedules.last_mut().unwrap();
                schedule.enabled = !schedule.enabled;
            }
            5 => job.schedules[0].rhythm = rhythm(slow, dice),
            _ => job.steps.push((10, 0, true)),
        }
    }
}
