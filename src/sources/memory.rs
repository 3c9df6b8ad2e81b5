//! Memory that is given back to the system after a large list. Nothing here is on the path of single changes.
//!
//! The pages of a list are decoded from texts of megabytes. glibc keeps what those leave free, a third of the whole
//! process at 50,000 pods, because its threshold for trimming grows with the largest block ever freed.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "glibc offers this as a C function only, and no safe crate wraps it")
)]

/// Lets all threads share one heap. Only the first heap can be given back whole: of every other one glibc keeps its
/// upper end, megabytes after a list. To be called before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn share_one_heap() {
    /// `malloc.h`
    const M_ARENA_MAX: std::ffi::c_int = -8;
    // SAFETY: `int mallopt(int, int)` (malloc.h) takes plain numbers and the allocator's own locks; it may be called
    // at any time, and a parameter that it does not know is refused by its return value.
    unsafe extern "C" {
        safe fn mallopt(parameter: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
    }
    // refused: more memory is used, nothing else
    let _ = mallopt(M_ARENA_MAX, 1);
}

/// Other allocators have their own ways.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn share_one_heap() {}

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
