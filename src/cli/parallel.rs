//! Work on many items at once, with the results taken in the order of the items.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::failure::Failure;

/// Stack of a worker: the shell's grammar nests.
const STACK: usize = 8 << 20;

/// How many items a worker may be ahead of the one that is taken next, so that one slow item doesn't fill the memory with
/// the results behind it.
const AHEAD: usize = 256;

/// How many items a worker takes at once: handing over costs more than many a Dockerfile.
const CHUNK: usize = 8;

/// Below this number of items, a second thread costs more time than it saves.
const FEW: usize = 4;

/// Calls `work` for each item on as many threads as there are processors, and `take`, on the caller's thread, with the
/// results in order. `work` must not panic.
///
/// # Errors
/// What `take` fails with, at once; or that no thread can be started.
pub(super) fn ordered<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = if items.len() < FEW { 1 } else { processors.min(items.len()) };
    let queue = Queue { state: Mutex::default(), moved: Condvar::new(), length: items.len() };
    thread::scope(|scope| {
        // However this closure is left, no worker waits for ever.
        let _stop = Stop(&queue);
        let (sender, results) = mpsc::channel();
        for started in 0..workers {
            let (queue, work, sender) = (&queue, &work, sender.clone());
            let run = move || {
                while let Some(chunk) = queue.next() {
                    let results: Vec<R> = items[chunk.clone()].iter().map(work).collect();
                    if sender.send((chunk.start, results)).is_err() {
                        return;
                    }
                }
            };
            match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run) {
                Ok(_) => {}
                Err(_) if started > 0 => break,
                Err(error) => {
                    let message = format!("no thread can be started ({error}); raise the limit on threads or memory");
                    return Err(Failure::Usage(message));
                }
            }
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut taken = 0;
        for (start, chunk) in results {
            waiting.insert(start, chunk);
            while let Some(chunk) = waiting.remove(&taken) {
                for result in chunk {
                    take(&items[taken], result)?;
                    taken += 1;
                }
                queue.advance(taken);
            }
        }
        Ok(())
    })
}

/// Which items are worked on next, and how many are taken.
struct Queue {
    state: Mutex<State>,
    moved: Condvar,
    length: usize,
}

#[derive(Default)]
struct State {
    next: usize,
    taken: usize,
    stopped: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next items to work on, as soon as they aren't too far ahead.
    fn next(&self) -> Option<Range<usize>> {
        let ahead = |state: &mut State| !state.stopped && state.next < self.length && state.next >= state.taken + AHEAD;
        let mut state = self.moved.wait_while(self.state(), ahead).unwrap_or_else(PoisonError::into_inner);
        if state.stopped || state.next >= self.length {
            return None;
        }
        let start = state.next;
        state.next = self.length.min(start + CHUNK);
        Some(start..state.next)
    }

    fn advance(&self, taken: usize) {
        self.state().taken = taken;
        self.moved.notify_all();
    }
}

struct Stop<'a>(&'a Queue);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.state().stopped = true;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_takes_longest() {
        let items: Vec<usize> = (0..1000).collect();
        let slow =
            |item: &usize| if item.is_multiple_of(100) { (0..20_000).fold(*item, |a, b| a ^ b ^ b) } else { *item };
        let mut taken = Vec::new();
        let result = ordered(&items, slow, |item, result| {
            taken.push((*item, result));
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(taken, items.iter().map(|item| (*item, *item)).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_stops_the_work() {
        let items: Vec<usize> = (0..100_000).collect();
        let mut taken = 0;
        let result = ordered(
            &items,
            |item| *item,
            |_, _| {
                taken += 1;
                if taken == 10 { Err(Failure::Usage("enough".to_owned())) } else { Ok(()) }
            },
        );
        assert!(matches!(result, Err(Failure::Usage(_))));
        assert_eq!(taken, 10);
    }
}
