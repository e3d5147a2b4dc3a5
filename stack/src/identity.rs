//! Tells a process that was started from another one that got its number later.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process as the kernel knows it: its number alone may be given to another process once it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub pid: i32,
    /// Clock ticks after boot.
    pub start_time: u64,
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: i32,
    state: char,
    group: i32,
    start_time: u64,
}

impl ProcessIdentity {
    /// The running process with this number.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = read_stat(i32::try_from(pid).ok()?)?;
        Some(Self {
            pid: stat.pid,
            start_time: stat.start_time,
        })
    }

    pub fn of_this_process() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether that very process still runs; one that has ended but was not reaped does not.
    pub fn is_alive(&self) -> bool {
        read_stat(self.pid).is_some_and(|stat| self.matches(&stat) && !has_ended(stat.state))
    }

    fn matches(&self, stat: &Stat) -> bool {
        stat.pid == self.pid && stat.start_time == self.start_time
    }

    /// Sends a signal to the group that this process leads, and to nobody else. False when nothing of it runs.
    pub fn signal_group(&self, signal: Signal) -> bool {
        self.group_runs() && kill(Pid::from_raw(-self.pid), signal).is_ok()
    }

    pub fn signal(&self, signal: Signal) -> bool {
        self.is_alive() && kill(Pid::from_raw(self.pid), signal) != Err(Errno::ESRCH)
    }

    /// Whether the leader or a process that it left behind in its group runs.
    ///
    /// The kernel gives no number away that a group still bears. So when the number belongs to another process by now, the
    /// group of ours is gone; when it belongs to none, the group's members are ours.
    pub fn group_runs(&self) -> bool {
        match read_stat(self.pid) {
            Some(stat) if !self.matches(&stat) => false,
            Some(stat) if !has_ended(stat.state) => true,
            _ => all_stats().any(|stat| {
                stat.group == self.pid && stat.start_time >= self.start_time && !has_ended(stat.state)
            }),
        }
    }
}

/// Changes with each boot of the machine, which makes all older process numbers void.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn has_ended(state: char) -> bool {
    matches!(state, 'Z' | 'X')
}

fn all_stats() -> impl Iterator<Item = Stat> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| read_stat(entry.file_name().to_str()?.parse().ok()?))
}

fn read_stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field is the program's name in brackets, and may itself hold brackets and blanks.
fn parse_stat(line: &str) -> Option<Stat> {
    let (head, tail) = line.rsplit_once(')')?;
    let pid = head.split_whitespace().next()?.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    Some(Stat {
        pid,
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_read() {
        let line = "42 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        let expected = Stat {
            pid: 42,
            state: 'S',
            group: 7,
            start_time: 98_765,
        };
        assert_eq!(parse_stat(line), Some(expected));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn this_process_is_alive_and_one_with_its_number_but_another_start_is_not() {
        let this = ProcessIdentity::of_this_process().unwrap();
        assert!(this.is_alive());
        let earlier = ProcessIdentity {
            start_time: this.start_time - 1,
            ..this
        };
        assert!(!earlier.is_alive());
        assert!(!earlier.group_runs());
        assert!(
            !earlier.signal_group(Signal::SIGKILL),
            "a recycled number must not be killed"
        );
    }

    #[test]
    fn a_process_that_ended_but_was_not_reaped_is_not_alive() {
        let mut child = Command::new("true").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        while identity.is_alive() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!identity.is_alive());
    }

    #[test]
    fn what_a_dead_leader_left_behind_is_found_and_ended() {
        let script = "sleep 60 & echo $!; exit 0";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        let left: u32 = line.trim().parse().unwrap();
        let left = ProcessIdentity::of(left).unwrap();
        while identity.is_alive() {
            std::thread::yield_now();
        }
        assert!(identity.group_runs());
        assert!(identity.signal_group(Signal::SIGKILL));
        while left.is_alive() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!identity.group_runs());
    }
}
