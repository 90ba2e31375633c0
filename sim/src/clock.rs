//! The broker's two clocks: a monotonic one that runs a little fast or slow, and a wall clock that jumps.

use ottla_core::time::{Monotonic, Now, WallClock};

use crate::agenda::{Span, Time};
use crate::chance::Chance;
use crate::plan::ClockPlan;

/// Both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// What the monotonic clock says at the beginning of the world.
    origin: u64,
    drift_ppm: i64,
    wall_origin_ms: i64,
    /// How far the last jump took the wall clock from where it should be.
    jumped_ms: i64,
}

const MILLION: i128 = 1_000_000;

impl Clocks {
    /// Clocks of these ways.
    #[must_use]
    pub fn new(plan: ClockPlan, chance: &mut Chance) -> Self {
        Self {
            origin: chance.between(0..=1_000_000_000_000),
            drift_ppm: plan.drift_ppm,
            wall_origin_ms: 1_700_000_000_000 + chance.between(0..=100_000_000_000) as i64,
            jumped_ms: 0,
        }
    }

    /// What they say at `at`.
    #[must_use]
    pub fn now(&self, at: Time) -> Now {
        let elapsed = i128::from(at.0) * (MILLION + i128::from(self.drift_ppm)) / MILLION;
        let elapsed = u64::try_from(elapsed).expect("time goes forward");
        let wall_ms = self.wall_origin_ms + self.jumped_ms + i64::try_from(at.0 / 1_000).expect("short worlds");
        Now { monotonic: Monotonic(self.origin + elapsed), wall: WallClock(wall_ms) }
    }

    /// The first moment at which the monotonic clock says `deadline`.
    #[must_use]
    pub fn when(&self, deadline: Monotonic) -> Time {
        let elapsed = i128::from(deadline.0.saturating_sub(self.origin));
        let speed = MILLION + i128::from(self.drift_ppm);
        Time(u64::try_from((elapsed * MILLION + speed - 1) / speed).unwrap_or(u64::MAX))
    }

    /// The wall clock jumps, either way, to no further than `longest` from where it should be.
    pub fn jump(&mut self, longest: Span, chance: &mut Chance) {
        let by = i64::try_from(chance.span_up_to(longest).0 / 1_000).expect("short jumps");
        self.jumped_ms = if chance.coin() { by } else { -by };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Stream;
    use crate::plan::Plan;

    #[test]
    fn a_deadline_has_come_at_its_moment_and_not_before() {
        for drift_ppm in [0, 500, -500, 100_000] {
            let plan = ClockPlan { drift_ppm, ..Plan::of(1).clock };
            let clocks = Clocks::new(plan, &mut Chance::new(1, Stream::Clock));
            for wait_ms in [0, 1, 7, 500, 30_000] {
                let deadline = clocks.now(Time(123_457)).monotonic.plus_ms(wait_ms);
                let when = clocks.when(deadline);
                assert!(clocks.now(when).monotonic >= deadline);
                assert!(when.0 == 0 || clocks.now(Time(when.0 - 1)).monotonic < deadline);
            }
        }
    }

    #[test]
    fn a_jump_moves_the_wall_clock_and_nothing_else() {
        let mut chance = Chance::new(1, Stream::Clock);
        let mut clocks = Clocks::new(Plan::of(1).clock, &mut chance);
        let before = clocks.now(Time(5));
        clocks.jump(Span::seconds(60), &mut chance);
        let after = clocks.now(Time(5));
        assert_eq!(before.monotonic, after.monotonic);
        assert_ne!(before.wall, after.wall);
    }
}
