//! Finds or starts the servers that the system needs, and the two services on top of them.
//!
//! Blocking and light on purpose: this crate is compiled before anything else may start. Tests of other crates use
//! [`for_tests`], [`binary`], [`free_port`], [`ServiceProcess`] and [`schemas::register`]; the launcher `xtask` uses the
//! rest.

mod account;
mod compose;
mod external;
mod http;
mod identity;
mod interrupt;
mod launch;
mod log;
mod maven;
mod native;
mod packages;
mod places;
mod port;
mod probe;
mod progress;
mod run;
pub mod schemas;
mod servers;
mod service;
mod state;
mod stopping;
mod testing;
pub mod workspace;

pub use external::{Database, External, app_url, with_database};
pub use identity::ProcessIdentity;
pub use interrupt::{Interrupt, Interrupted};
pub use launch::{
    ApiPorts, Binaries, Profile, SYSTEM_RUN, begin_detached, begin_own, check_ports, clean_up_remains,
    install_build_packages, servers_and_binaries, start_services, take_down,
};
pub use native::{Native, NativeServers};
pub use places::RunFiles;
pub use port::free_port;
pub use progress::{PlainLines, Progress};
pub use run::Run;
pub use servers::Mode;
pub use servers::postgres::bin_folder as postgres_programs;
pub use service::{ServiceBuilder, ServiceProcess, Signal};
pub use state::{Phase, Servers, State};
pub use stopping::{DataFolder, lock, stop, wipe};
pub use testing::{SHARED_RUN, TestServers, for_tests};
pub use workspace::binary;
