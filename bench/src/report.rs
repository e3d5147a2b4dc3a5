//! The table: what was measured, on what, beside what.

use std::fmt::Write as _;

/// Rows in the order in which they were measured; each is also printed as it comes.
pub struct Report {
    rows: Vec<[String; 4]>,
}

impl Report {
    pub fn start() -> Self {
        let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = model
            .lines()
            .find_map(|line| line.strip_prefix("model name\t: "))
            .unwrap_or("unknown");
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!("{cores} cores of {model}; servers, services and load generators share them\n");
        Self { rows: Vec::new() }
    }

    /// `ratio` is ours divided by raw, where that says something.
    pub fn row(&mut self, stage: &str, ours: String, raw: String, ratio: Option<f64>) {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        println!("  {stage}: {ours}  {raw}  {ratio}");
        self.rows.push([stage.to_owned(), ours, raw, ratio]);
    }

    pub fn print(&self) {
        let head = ["stage", "ours", "raw, same run", "ratio"].map(str::to_owned);
        let width = |column: usize| {
            self.rows
                .iter()
                .chain([&head])
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2), width(3)];
        let line = |row: &[String; 4]| {
            row.iter()
                .zip(widths)
                .fold("|".to_owned(), |mut line, (cell, width)| {
                    // Writing to a String cannot fail.
                    let _ = write!(line, " {cell:width$} |");
                    line
                })
        };
        println!("\n{}", line(&head));
        println!(
            "|{}",
            widths.map(|width| format!("{}|", "-".repeat(width + 2))).concat()
        );
        for row in &self.rows {
            println!("{}", line(row));
        }
    }
}
