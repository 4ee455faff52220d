//! How much memory there is.

use std::fs::read_to_string;

/// Where the limit of a control group is told, in its two versions.
const GROUP_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The machine's memory, or less if the process is in a group with a limit; None where nobody tells.
pub(crate) fn available_bytes() -> Option<usize> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total_bytes(&text));
    // "max" is no number, and no limit.
    let limits = GROUP_LIMITS.iter().filter_map(|file| read_to_string(file).ok()?.trim().parse().ok());
    limits.chain(machine).min()
}

/// `MemTotal` of `/proc/meminfo`, which counts in units of 1024 bytes.
fn total_bytes(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total_bytes("MemTotal:       16384 kB\nMemFree:  1 kB\n"), Some(16 << 20));
        assert_eq!(total_bytes("MemFree: 1 kB\n"), None);
    }
}
