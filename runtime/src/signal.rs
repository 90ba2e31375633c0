//! Waking who waits, whatever it is: a task of an executor or a thread. Both are woken through [`Waker`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Something that happens again and again, and that one waiter waits for.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<SignalState>,
}

#[derive(Debug, Default)]
struct SignalState {
    is_set: bool,
    waker: Option<Waker>,
}

impl Signal {
    /// It happened. The waiter, if it sleeps, is to be woken by the caller, after its locks.
    #[must_use]
    pub fn set(&self) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.is_set = true;
        state.waker.take()
    }

    /// Ready once for all that happened since the last time.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_set {
            state.is_set = false;
            state.waker = None;
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// Something that happens once, and that many may wait for.
#[derive(Debug, Default)]
pub struct Latch {
    state: Mutex<LatchState>,
}

#[derive(Debug, Default)]
struct LatchState {
    is_set: bool,
    wakers: Vec<Waker>,
}

impl Latch {
    /// It happened.
    pub fn set(&self) {
        let wakers = {
            let mut state = lock(&self.state);
            state.is_set = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ready from when it happened on.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_set {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// What these locks protect is whole after every statement, so a panic elsewhere does not spoil it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
