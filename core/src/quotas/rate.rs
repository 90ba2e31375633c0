//! How fast something goes: by samples over windows of time, and by a bucket of tokens. Both are Kafka's, so that a client is
//! told to wait as long as Kafka would have it wait.

use alloc::vec::Vec;

/// How far a rate looks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// So many samples are kept.
    pub(super) samples: i64,
    /// What each spans.
    pub(super) size_ms: i64,
}

/// Units a second, over the last samples and the one that is being taken.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: Vec<Sample>,
    current: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    start_ms: i64,
    last_ms: i64,
    sum: f64,
}

impl Sample {
    fn new(now_ms: i64) -> Self {
        Self { start_ms: now_ms, last_ms: now_ms, sum: 0.0 }
    }
}

impl Rate {
    /// Counts `value` at this time.
    pub(super) fn record(&mut self, window: Window, value: f64, now_ms: i64) {
        if self.samples.is_empty() {
            self.samples.push(Sample::new(now_ms));
        } else if now_ms - self.samples[self.current].start_ms >= window.size_ms {
            self.advance(window, now_ms);
        }
        let sample = &mut self.samples[self.current];
        sample.sum += value;
        sample.last_ms = now_ms;
    }

    /// What is too fast for `limit` has to wait so long that it no longer is, in ms; 0 where it is slow enough.
    pub(super) fn throttle_ms(&mut self, window: Window, limit: f64, now_ms: i64) -> i64 {
        self.forget(window, now_ms);
        let elapsed_ms = self.elapsed_ms(window, now_ms);
        let sum: f64 = self.samples.iter().map(|sample| sample.sum).sum();
        let rate = sum / (elapsed_ms as f64 / 1_000.0);
        if rate <= limit { 0 } else { rounded((rate - limit) / limit * elapsed_ms as f64) }
    }

    /// Whether nothing is known of the time that counts.
    pub(super) fn is_idle(&self, idle_ms: i64, now_ms: i64) -> bool {
        self.samples.iter().all(|sample| now_ms - sample.last_ms >= idle_ms)
    }

    /// One more sample than is kept, so that those kept are whole.
    fn advance(&mut self, window: Window, now_ms: i64) {
        self.current = (self.current + 1) % (window.samples as usize + 1);
        if self.current >= self.samples.len() {
            self.samples.push(Sample::new(now_ms));
            self.current = self.samples.len() - 1;
        } else {
            self.samples[self.current] = Sample::new(now_ms);
        }
    }

    fn forget(&mut self, window: Window, now_ms: i64) {
        for sample in &mut self.samples {
            if now_ms - sample.last_ms >= window.samples * window.size_ms {
                *sample = Sample::new(now_ms);
            }
        }
    }

    /// A rate is never taken over less than all samples but one: a burst at the beginning is not taken for the rule.
    fn elapsed_ms(&self, window: Window, now_ms: i64) -> i64 {
        let oldest = self.samples.iter().map(|sample| sample.start_ms).min().unwrap_or(now_ms);
        let elapsed_ms = now_ms - oldest;
        let missing = (window.samples - 1 - elapsed_ms / window.size_ms).max(0);
        (elapsed_ms + missing * window.size_ms).max(1)
    }
}

/// Tokens that come at the rate of the limit, up to as many as fit; each unit takes one.
#[derive(Debug, Default)]
pub(super) struct TokenBucket {
    tokens: f64,
    /// `None` for a bucket that nobody has looked into: it is full.
    updated_ms: Option<i64>,
}

impl TokenBucket {
    /// Takes tokens, more than there are if need be.
    pub(super) fn take(&mut self, window: Window, limit: f64, tokens: f64, now_ms: i64) {
        self.refill(window, limit, now_ms);
        self.tokens -= tokens;
    }

    /// How long until no token is owed any more, in ms; 0 where none is.
    pub(super) fn throttle_ms(&mut self, window: Window, limit: f64, now_ms: i64) -> i64 {
        self.refill(window, limit, now_ms);
        if self.tokens >= 0.0 { 0 } else { rounded(-self.tokens / limit * 1_000.0) }
    }

    /// Whether nothing was taken for so long.
    pub(super) fn is_idle(&self, idle_ms: i64, now_ms: i64) -> bool {
        self.updated_ms.is_none_or(|updated_ms| now_ms - updated_ms >= idle_ms)
    }

    fn refill(&mut self, window: Window, limit: f64, now_ms: i64) {
        let most = window.samples as f64 * (window.size_ms as f64 / 1_000.0) * limit;
        let grown = self.updated_ms.map(|updated_ms| limit * (now_ms - updated_ms) as f64 / 1_000.0);
        self.tokens = grown.map_or(most, |grown| most.min(self.tokens + grown));
        self.updated_ms = Some(now_ms);
    }
}

/// To the nearest whole number; what is huge stays at the end of the range.
fn rounded(value: f64) -> i64 {
    (value + 0.5) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { samples: 11, size_ms: 1_000 };

    #[test]
    fn what_is_slow_enough_does_not_wait() {
        let mut rate = Rate::default();
        for second in 0..30 {
            rate.record(WINDOW, 100.0, second * 1_000);
            assert_eq!(rate.throttle_ms(WINDOW, 110.0, second * 1_000), 0);
        }
    }

    #[test]
    fn a_burst_at_the_beginning_counts_over_ten_seconds_and_waits_until_the_rate_is_met() {
        let mut rate = Rate::default();
        rate.record(WINDOW, 1_000.0, 5);
        assert_eq!(rate.throttle_ms(WINDOW, 100.0, 5), 0, "100 a second over 10 s");
        rate.record(WINDOW, 500.0, 5);
        assert_eq!(rate.throttle_ms(WINDOW, 100.0, 5), 5_000, "50 too many a second");
    }

    #[test]
    fn what_is_older_than_the_samples_is_forgotten() {
        let mut rate = Rate::default();
        rate.record(WINDOW, 5_000.0, 0);
        assert!(rate.throttle_ms(WINDOW, 100.0, 0) > 0);
        assert_eq!(rate.throttle_ms(WINDOW, 100.0, 11_000), 0);
        assert!(rate.is_idle(11_000, 22_000));
    }

    #[test]
    fn tokens_are_saved_up_and_then_owed() {
        let mut bucket = TokenBucket::default();
        bucket.take(WINDOW, 2.0, 22.0, 100);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 100), 0, "22 had been saved");
        bucket.take(WINDOW, 2.0, 5.0, 100);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 100), 2_500);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 2_600), 0);
    }
}
