//! Gives memory back to the system after a large list. Never called on the path of single changes.
//!
//! The pages of a list are decoded from texts of megabytes. glibc keeps what those leave free, a third of the whole
//! process at 50,000 pods, because its threshold for trimming grows with the largest block ever freed.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "glibc offers this as a C function only, and no safe crate wraps it")
)]

/// Returns free pages of the heap to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: `int malloc_trim(size_t)` (malloc.h, glibc since 2.0) has no precondition: it may be called at any time
    // by any thread, takes the allocator's own locks, and touches only pages that hold no live block.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // whether something could be returned changes nothing for us
    let _ = malloc_trim(0);
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
