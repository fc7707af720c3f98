//! A fault put in on purpose, for simulations that must find it.

use std::cell::Cell;

thread_local! {
    static WINDOWS_REOPEN: Cell<bool> = const { Cell::new(false) };
}

/// Lets records of closed windows in, on this thread.
pub fn let_windows_reopen(broken: bool) {
    WINDOWS_REOPEN.set(broken);
}

pub(crate) fn windows_reopen() -> bool {
    WINDOWS_REOPEN.get()
}
