//! Giving memory back to the system after a large piece of work: the C library keeps what was freed, and reading a hundred
//! thousand schedules frees more than it leaves.

/// Gives back what is free. Costs milliseconds for a large heap, so it is called where that does not matter.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a function of the C library without any condition")]
    // SAFETY: malloc_trim(3) may be called at any time, from any thread; it touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}
