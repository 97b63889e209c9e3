//! Where memory comes from, and how long it stays.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// A click makes and drops a few small texts on one thread and hands others to a second; this allocator is made for
/// that, and is the same on every system that Waypost is built on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's `mimalloc.h`, which the crate has no name for.
const PURGE_DELAY: mi_option_t = 15;

/// How long memory that was freed may stay with the process. A round of counting takes some tens of megabytes once a second
/// or two and frees them. Given back in between, which is what mimalloc does after a second, they cost a fault for each
/// page, and the redirect threads an interruption for each piece: with many links a fifth of what counting costs.
const FREE_MEMORY_MS: c_long = 60_000;

/// `MIMALLOC_PURGE_DELAY`, where it is set, says otherwise.
#[expect(unsafe_code, reason = "there is no safe call for it")]
pub(crate) fn keep_free_memory() {
    // SAFETY: stores a number, which says no more than how often memory is given back.
    unsafe { mi_option_set_default(PURGE_DELAY, FREE_MEMORY_MS) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: reads a number.
        #[expect(unsafe_code, reason = "there is no safe call for it")]
        let purge_delay = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(purge_delay(), 1_000, "mimalloc's own, by its options.c; another number may be another option");
        keep_free_memory();
        assert_eq!(purge_delay(), FREE_MEMORY_MS);
    }
}
