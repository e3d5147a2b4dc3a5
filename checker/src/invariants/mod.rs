//! What must hold, one promise a file. Each looks at the whole history and changes nothing.

mod i10_policies;
mod i11_push;
mod i12_rebuild;
mod i13_accounted;
mod i14_honest;
mod i15_live;
mod i1_durable;
mod i2_atomic;
mod i3_streams;
mod i4_published;
mod i5_effect_once;
mod i6_monotonic;
mod i7_token;
mod i8_idempotency;
mod i9_no_lost_update;

use crate::context::Context;
use crate::history::History;
use crate::report::Verdict;

pub struct Invariant {
    pub id: &'static str,
    pub name: &'static str,
    pub check: fn(&History, &Context<'_>, Verdict) -> Verdict,
}

const fn invariant(
    id: &'static str,
    name: &'static str,
    check: fn(&History, &Context<'_>, Verdict) -> Verdict,
) -> Invariant {
    Invariant { id, name, check }
}

pub const ALL: [Invariant; 15] = [
    invariant("I1", "durable", i1_durable::check),
    invariant("I2", "atomic", i2_atomic::check),
    invariant("I3", "streams", i3_streams::check),
    invariant("I4", "published", i4_published::check),
    invariant("I5", "effect once", i5_effect_once::check),
    invariant("I6", "monotonic", i6_monotonic::check),
    invariant("I7", "token", i7_token::check),
    invariant("I8", "idempotency", i8_idempotency::check),
    invariant("I9", "no lost update", i9_no_lost_update::check),
    invariant("I10", "policies", i10_policies::check),
    invariant("I11", "push", i11_push::check),
    invariant("I12", "rebuild", i12_rebuild::check),
    invariant("I13", "accounted", i13_accounted::check),
    invariant("I14", "honest", i14_honest::check),
    invariant("I15", "live", i15_live::check),
];
