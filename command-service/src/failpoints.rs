//! Points at which a test has this process die or go wrong: docs/testing.md names them. Compiled with the feature
//! `failpoints`, which only builds for tests have; without it each is an empty function.

#[cfg(feature = "failpoints")]
mod switched {
    use nix::sys::signal::{Signal, raise};

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
}

#[cfg(not(feature = "failpoints"))]
mod switched {
    pub const fn begin() {}

    pub const fn cut(_: &'static str) {}

    pub const fn planted(_: &'static str) -> bool {
        false
    }
}

pub use switched::{begin, cut, planted};
