//! Golden scripts: blocks of commands with what they answered beneath `---`, a blank line between blocks. A line that
//! begins with `=` is the title of a case.

use std::fmt::Write;
use std::path::Path;

/// The commands of each block.
pub(crate) fn blocks(script: &str) -> impl Iterator<Item = &str> {
    script.trim_end().split("\n\n").map(|block| block.split("\n---").next().unwrap_or_default())
}

/// Puts a block behind those before it.
pub(crate) fn write_block(script: &mut String, commands: &str, answers: &str) {
    if !script.is_empty() {
        script.push('\n');
    }
    writeln!(script, "{commands}").expect("a string takes all");
    if !answers.is_empty() {
        write!(script, "---\n{answers}").expect("a string takes all");
    }
}

/// The blocks that differ, with the case they belong to.
pub(crate) fn differences(script: &Path, player: &str, expected: &str, found: &str) -> String {
    let mut report = format!("{} on {player}:\n", script.display());
    let mut case = "";
    for (expected, found) in expected.split("\n\n").zip(found.split("\n\n")) {
        case = expected.lines().find(|line| line.starts_with('=')).unwrap_or(case);
        if expected.trim_end() != found.trim_end() {
            let (_, answers) = found.split_once("\n---\n").unwrap_or_default();
            write!(report, "{case}\n{expected}\n--- but found\n{answers}\n\n").expect("a string takes all");
        }
    }
    report
}
