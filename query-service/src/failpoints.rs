//! Points at which a test has this process die or go wrong: docs/testing.md names them. Compiled with the feature
//! `failpoints`, which only builds for tests have; without it each is an empty function.

#[cfg(feature = "failpoints")]
mod switched {
    use nix::sys::signal::{Signal, raise};
    use shared_events::ConsistencyToken;

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

    /// A token that promises less than it was given for.
    pub fn spoilt(mut token: ConsistencyToken) -> ConsistencyToken {
        if planted("planted::token_off_by_one") {
            token.version = token.version.saturating_sub(1);
        }
        token
    }
}

#[cfg(not(feature = "failpoints"))]
mod switched {
    use shared_events::ConsistencyToken;

    pub const fn begin() {}

    pub const fn cut(_: &'static str) {}

    pub const fn planted(_: &'static str) -> bool {
        false
    }

    pub fn spoilt(token: ConsistencyToken) -> ConsistencyToken {
        token
    }
}

pub use switched::{begin, cut, planted, spoilt};
