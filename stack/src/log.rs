//! The end of a log, for messages about a failed start.

use std::path::Path;

/// The last `lines` lines of a file, indented; says so when there are none.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    if all.is_empty() {
        return format!("  (nothing in {})", path.display());
    }
    let start = all.len().saturating_sub(lines);
    let end: Vec<String> = all.iter().skip(start).map(|line| format!("  {line}")).collect();
    format!("  … end of {}:\n{}", path.display(), end.join("\n"))
}

/// The last line that holds anything; empty when there is none.
pub fn last_line(path: &Path) -> String {
    let text = std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    text.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_shown() {
        let path = std::env::temp_dir().join(format!("stack-tail-{}", std::process::id()));
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let shown = tail(&path, 2);
        std::fs::remove_file(&path).unwrap();
        assert!(
            shown.ends_with("  two\n  three") && !shown.contains("one"),
            "{shown}"
        );
    }
}
