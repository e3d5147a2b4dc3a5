//! Points at which a test has this process die or go wrong: docs/testing.md names them. Compiled with the feature
//! `failpoints`, which only builds for tests have; without it each is an empty function.

#[cfg(feature = "failpoints")]
mod switched {
    use nix::sys::signal::{Signal, raise};

    use crate::application::ports::Commit;

    /// Takes what the variable `FAILPOINTS` says, such as `relay::after_mark=1*return;planted::lag_zero=return`.
    pub fn begin() {
        // It would forget what it was told when it is dropped.
        std::mem::forget(fail::FailScenario::setup());
    }

    /// Dies where this point's action says `return`: at once, as by SIGKILL from without.
    pub fn cut(point: &'static str) {
        if fail::eval(point, |_| ()).is_some() {
            eprintln!("fail point {point}: this process dies");
            _ = raise(Signal::SIGKILL);
            std::process::abort();
        }
    }

    /// Whether the wrong behaviour is switched on.
    pub fn planted(fault: &'static str) -> bool {
        fail::eval(fault, |_| ()).is_some()
    }

    /// A commit without what has to be in it.
    pub fn spoilt(mut commit: Commit) -> Commit {
        if planted("planted::key_not_committed") {
            commit.key = None;
        }
        if planted("planted::follow_ups_not_stored") {
            commit.follow_ups.clear();
        }
        if planted("planted::told_not_stored") {
            commit.told.clear();
        }
        commit
    }
}

#[cfg(not(feature = "failpoints"))]
mod switched {
    use crate::application::ports::Commit;

    pub const fn begin() {}

    pub const fn cut(_: &'static str) {}

    pub const fn planted(_: &'static str) -> bool {
        false
    }

    pub fn spoilt(commit: Commit) -> Commit {
        commit
    }
}

pub use switched::{begin, cut, planted, spoilt};
