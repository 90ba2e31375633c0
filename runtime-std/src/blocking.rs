//! A few threads for work that may wait long for a disk. They come with the work and go when there is none.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ottla_runtime::Job;

/// Threads at the same time.
const MAX_THREADS: usize = 16;
/// How long a thread waits for more work.
const MAX_IDLE: Duration = Duration::from_secs(10);

/// The threads of one broker.
#[derive(Clone, Default)]
pub struct BlockingThreads {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    has_work: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle_threads: usize,
}

impl BlockingThreads {
    /// Runs a job as soon as a thread is free.
    pub fn run(&self, job: Job) {
        let mut queue = self.shared.lock();
        queue.jobs.push_back(job);
        if queue.idle_threads >= queue.jobs.len() || queue.threads >= MAX_THREADS {
            self.shared.has_work.notify_one();
            return;
        }
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new().name("disk".into()).spawn(move || shared.work());
        match spawned {
            Ok(_) => queue.threads += 1,
            // Those that there are will come to it.
            Err(_) if queue.threads > 0 => {}
            Err(_) => {
                let job = queue.jobs.pop_back();
                drop(queue);
                job.into_iter().for_each(|job| job());
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            while let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                job();
                queue = self.lock();
            }
            queue.idle_threads += 1;
            let waited = self.has_work.wait_timeout_while(queue, MAX_IDLE, |queue| queue.jobs.is_empty());
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.idle_threads -= 1;
            if queue.jobs.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_that_wait_for_each_other_run_at_the_same_time() {
        let threads = BlockingThreads::default();
        let barrier = Arc::new(Barrier::new(MAX_THREADS + 1));
        for _ in 0..MAX_THREADS {
            let barrier = Arc::clone(&barrier);
            threads.run(Box::new(move || _ = barrier.wait()));
        }
        barrier.wait();
    }

    #[test]
    fn every_job_is_run_and_threads_are_kept_few() {
        let threads = BlockingThreads::default();
        let (sender, receiver) = mpsc::channel();
        for number in 0..1_000 {
            let sender = sender.clone();
            threads.run(Box::new(move || sender.send(number).unwrap()));
        }
        drop(sender);
        let mut numbers: Vec<i32> = receiver.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
        assert!(threads.shared.lock().threads <= MAX_THREADS);
    }
}
