//! How much memory each role has had at most.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(2);

/// Of all processes of a role that there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peak {
    /// KiB of resident memory.
    pub kib: u64,
    pub processes: u64,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<u32, (String, u64)>>>);

impl Memory {
    pub async fn watch(self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            self.look();
        }
    }

    /// The roles are this process's children; the kernel remembers the most that each has had.
    fn look(&self) {
        let own = std::process::id();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
                continue;
            };
            if number(&status, "PPid:") != Some(u64::from(own)) {
                continue;
            }
            let Some(peak) = number(&status, "VmHWM:") else {
                continue;
            };
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if let Some(role) = role(&command) {
                let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let of = seen.entry(pid).or_insert((role, 0));
                of.1 = of.1.max(peak);
            }
        }
    }

    pub fn peaks(&self) -> BTreeMap<String, Peak> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut peaks: BTreeMap<String, Peak> = BTreeMap::new();
        for (role, kib) in seen.values() {
            let peak = peaks.entry(role.clone()).or_default();
            peak.kib = peak.kib.max(*kib);
            peak.processes += 1;
        }
        peaks
    }
}

fn number(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Such as `command-service relay`.
fn role(command: &[u8]) -> Option<String> {
    let mut words = command.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next()?;
    let service = program.rsplit('/').next()?;
    let subcommand = words.next()?;
    let roles = ["api", "relay", "worker", "projector", "rebuild"];
    let known = ["command-service", "query-service"].contains(&service) && roles.contains(&&*subcommand);
    known.then(|| format!("{service} {subcommand}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_told_by_its_command_line() {
        let relay = b"/somewhere/command-service\0relay\0";
        assert_eq!(role(relay), Some("command-service relay".to_owned()));
        assert_eq!(role(b"/bin/java\0-Xmx1g\0"), None);
    }

    #[test]
    fn the_status_has_numbers() {
        let status = "Name:\trelay\nPPid:\t77\nVmHWM:\t  12345 kB\n";
        assert_eq!(number(status, "PPid:"), Some(77));
        assert_eq!(number(status, "VmHWM:"), Some(12_345));
    }
}
