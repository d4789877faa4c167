//! How fast the learner of a log goes, by a rule: walk what lies before the test window at several paces,
//! and keep the one whose predictions lost least on the last part of it.

use super::folder::{Folder, FolderError};
use crate::ranking::learner::rows::Pace;

/// A log with fewer rows before its test window is walked at the usual pace.
const ROWS_MIN: usize = 2_000;
/// Rows, and rows of history, that a pace is judged by at most: the choice is to cost seconds.
const ROWS_MAX: usize = 500_000;
const HISTORY_MAX: usize = 2_000_000;
/// Share of the rows that are learned from before predictions count, in percent.
const FIRST_PART_PERCENT: usize = 60;
/// One step of a factor.
const STEP: f32 = 2.0;
/// Steps from the usual in either direction.
const STEPS_MAX: i32 = 2;
/// Gains below this are chance.
const GAIN_MIN: f64 = 1e-4;
/// Probabilities are held to this before a logarithm.
const P_MIN: f64 = 1e-6;

/// The factors of a pace, as numbers of steps.
type Steps = [i32; 3];

fn pace(steps: Steps) -> Pace {
    let [weights, caution, recent] = steps.map(|steps| STEP.powi(steps));
    Pace { weights, caution, recent }
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The pace.
    pub pace: Pace,
    /// What was tried, in turn, with the mean over tasks of log loss over entropy.
    pub tried: Vec<(Pace, f64)>,
}

/// Which pace is tried next: one factor after the other, in one direction and then the other, as long as it
/// gets better.
#[derive(Debug)]
pub(super) struct Paces {
    until: usize,
    history: usize,
    best: (Steps, f64),
    tried: Vec<(Steps, f64)>,
    /// Factor and direction that are being gone along, and how many steps.
    way: (usize, i32, i32),
    losses: Vec<Loss>,
}

impl Paces {
    pub(super) fn new(folder: &Folder) -> Result<Self, FolderError> {
        let test = folder.window("test")?;
        let before = folder.log.t_ms.partition_point(|&at_ms| at_ms < test.from_ms);
        Ok(Self::of(before, folder.warm.len()))
    }

    fn of(before: usize, history: usize) -> Self {
        Self {
            until: if before < ROWS_MIN { 0 } else { before.min(ROWS_MAX) },
            history: history.min(HISTORY_MAX),
            best: ([0; 3], f64::INFINITY),
            tried: Vec::new(),
            way: (0, 1, 0),
            losses: Vec::new(),
        }
    }

    /// Rows of the log that are walked.
    pub(super) fn until(&self) -> usize {
        self.until
    }

    /// Rows of history that are counted first.
    pub(super) fn history(&self) -> usize {
        self.history
    }

    /// About how much of the trying is done.
    pub(super) fn share(&self) -> f32 {
        self.tried.len() as f32 / 8.0_f32.max(self.tried.len() as f32 + 1.0)
    }

    fn steps(&self) -> Option<Steps> {
        if self.until == 0 {
            return None;
        }
        if self.tried.is_empty() {
            return Some([0; 3]);
        }
        let (factor, direction, _) = self.way;
        let mut steps = self.best.0;
        *steps.get_mut(factor)? += direction;
        Some(steps)
    }

    /// The pace to be tried now; `None` once it is settled.
    pub(super) fn next(&mut self) -> Option<Pace> {
        self.losses.clear();
        self.steps().map(pace)
    }

    /// Takes in what was predicted for a row and what came.
    pub(super) fn judge(&mut self, at: usize, p: &[f32], labels: &[f32]) {
        if at < self.until * FIRST_PART_PERCENT / 100 {
            return;
        }
        self.losses.resize_with(labels.len(), Loss::default);
        for (loss, (&p, &label)) in self.losses.iter_mut().zip(p.iter().zip(labels)) {
            if !label.is_nan() {
                loss.add(f64::from(p), label > 0.5);
            }
        }
    }

    /// Ends the trial of a pace.
    pub(super) fn end(&mut self) {
        let Some(steps) = self.steps() else { return };
        let losses: Vec<f64> = self.losses.iter().filter_map(Loss::over_entropy).collect();
        let loss = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        let is_first = self.tried.is_empty();
        self.tried.push((steps, loss));
        if is_first {
            self.best = (steps, loss);
            return;
        }
        let (factor, direction, gone) = self.way;
        let is_better = loss < self.best.1 - GAIN_MIN;
        if is_better {
            self.best = (steps, loss);
        }
        self.way = match (is_better, gone + 1 < STEPS_MAX) {
            (true, true) => (factor, direction, gone + 1),
            // What is worse in one direction may be better in the other; what was better is not.
            (false, _) if direction > 0 && gone == 0 => (factor, -1, 0),
            _ => (factor + 1, 1, 0),
        };
    }

    pub(super) fn chosen(self) -> Chosen {
        let tried = self.tried.into_iter().map(|(steps, loss)| (pace(steps), loss)).collect();
        Chosen { pace: pace(self.best.0), tried }
    }
}

/// A task's log loss and how often it came.
#[derive(Clone, Copy, Debug, Default)]
struct Loss {
    sum: f64,
    rows: f64,
    ones: f64,
}

impl Loss {
    fn add(&mut self, p: f64, came: bool) {
        let p = p.clamp(P_MIN, 1.0 - P_MIN);
        self.sum -= if came { p.ln() } else { (1.0 - p).ln() };
        self.rows += 1.0;
        self.ones += f64::from(u8::from(came));
    }

    /// `None` where all labels are alike.
    fn over_entropy(&self) -> Option<f64> {
        let mean = self.ones / self.rows;
        let entropy = -(mean * mean.ln() + (1.0 - mean) * (1.0 - mean).ln());
        (mean > 0.0 && mean < 1.0).then(|| self.sum / self.rows / entropy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predictions that are worse the further the pace is from `best`.
    fn settle(best: Steps) -> Chosen {
        let mut paces = Paces::of(10_000, 0);
        while let Some(tried) = paces.next() {
            let off: f32 = [tried.weights, tried.caution, tried.recent]
                .iter()
                .zip(best)
                .map(|(factor, best)| (factor.log2() - best as f32).abs())
                .sum();
            for at in 0..paces.until() {
                let label = f32::from(u8::from(at % 2 == 0));
                let p = 0.5 + (label - 0.5) * (0.8 - 0.05 * off);
                paces.judge(at, &[p], &[label]);
            }
            paces.end();
        }
        paces.chosen()
    }

    #[test]
    fn the_pace_that_loses_least_is_found_in_few_trials() {
        for best in [[0, 0, 0], [1, 0, 0], [-2, 1, 0], [0, -1, 2], [2, 2, -2]] {
            let chosen = settle(best);
            assert_eq!(chosen.pace, pace(best), "{chosen:?}");
            assert!(chosen.tried.len() <= 10, "{chosen:?}");
        }
        let beyond = settle([9, 0, 0]);
        assert_eq!(beyond.pace, pace([2, 0, 0]), "{beyond:?}");
    }

    #[test]
    fn a_short_log_is_walked_at_the_usual_pace() {
        let mut paces = Paces::of(ROWS_MIN - 1, 5);
        assert_eq!(paces.next(), None);
        assert_eq!(paces.chosen(), Chosen { pace: Pace::default(), tried: Vec::new() });
    }

    #[test]
    fn only_the_last_part_counts() {
        let mut paces = Paces::of(10_000, 0);
        paces.next();
        paces.judge(5_999, &[0.0], &[1.0]);
        assert!(paces.losses.is_empty());
        paces.judge(6_000, &[0.5, 0.5], &[1.0, f32::NAN]);
        paces.judge(6_001, &[0.5, 0.5], &[0.0, f32::NAN]);
        let losses: Vec<_> = paces.losses.iter().map(Loss::over_entropy).collect();
        assert!(losses[0].is_some_and(|loss| (loss - 1.0).abs() < 1e-9) && losses[1].is_none());
    }
}
