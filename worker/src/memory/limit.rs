//! The limit of a process' memory: what it is told, or the limit of its container, or what the machine has.

use std::fs::read_to_string;
use std::path::Path;
use std::str::FromStr;

use tidemill_crds::Size;

/// How much of the memory the state may take. The rest is for what goes through: records that are read, rows that wait
/// for their commit, the clients' buffers, and what allocators and hash tables keep in reserve while they grow.
const STATE: (usize, usize) = (2, 5);
/// How much of it is for blocks that are read from disk.
const CACHE: (usize, usize) = (1, 20);

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

/// Text that is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LimitError(String);

impl FromStr for Limit {
    type Err = LimitError;

    /// A size as in manifests: `512Mi`.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let size: Size = text
            .parse()
            .map_err(|problem| LimitError(format!("{problem}")))?;
        Ok(Self(usize::try_from(size.as_bytes()).unwrap_or(usize::MAX)))
    }
}

impl Limit {
    /// The lowest limit that a control group of this process has, or else what the machine has.
    #[must_use]
    pub fn of_the_process() -> Self {
        let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = files(&groups).into_iter();
        let limits =
            files.filter_map(|file| read_to_string(Path::new("/sys/fs/cgroup").join(file)).ok());
        let machine = read_to_string("/proc/meminfo").ok();
        let machine = machine.and_then(|text| machine_memory(&text));
        let limit = limits
            .filter_map(|text| text.trim().parse().ok())
            .chain(machine)
            .min();
        Self(limit.unwrap_or(usize::MAX))
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.0
    }

    /// Bytes that state may take.
    pub(super) fn state(self) -> usize {
        self.part(STATE)
    }

    /// Bytes for what is read from disk.
    pub(super) fn cache(self) -> usize {
        self.part(CACHE).clamp(1 << 20, 256 << 20)
    }

    fn part(self, (part, of): (usize, usize)) -> usize {
        self.0 / of * part
    }
}

/// The files that say how much memory control groups allow, those of the groups around them included. In a container the
/// group's own path may be that of the host, which is not there, and the limit is at the root.
fn files(groups: &str) -> Vec<String> {
    let mut files = vec![
        "memory.max".to_owned(),
        "memory/memory.limit_in_bytes".to_owned(),
    ];
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (folder, file) = match controllers {
            "" => ("", "memory.max"),
            some if some.split(',').any(|it| it == "memory") => ("memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        for path in Path::new(path.trim_start_matches('/')).ancestors() {
            let file = Path::new(folder).join(path).join(file);
            files.push(file.to_string_lossy().into_owned());
        }
    }
    files
}

/// The machine's memory, as Linux tells it.
fn machine_memory(text: &str) -> Option<usize> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn groups_name_their_files_and_those_around_them() {
        let found = files("0::/kubepods.slice/pod1/worker\n");
        for file in [
            "memory.max",
            "kubepods.slice/pod1/worker/memory.max",
            "kubepods.slice/memory.max",
        ] {
            assert!(
                found.iter().any(|f| f == file),
                "{file} is not in {found:?}"
            );
        }
        let found = files("12:cpu:/a\n9:memory:/docker/1\nnonsense\n");
        assert!(
            found
                .iter()
                .any(|f| f == "memory/docker/1/memory.limit_in_bytes"),
            "{found:?}"
        );
        assert!(!found.iter().any(|f| f.contains("/a/")), "{found:?}");
    }

    #[test]
    fn a_machine_says_what_it_has() {
        let text = "MemTotal:       24648356 kB\nMemFree: 1 kB\n";
        assert_eq!(machine_memory(text), Some(24_648_356 * 1024));
        assert_eq!(machine_memory("MemTotal: many kB"), None);
        assert!(Limit::of_the_process().bytes() > 1 << 20);
    }

    #[test]
    fn state_gets_its_part() {
        let limit: Limit = "500Mi".parse().unwrap();
        assert_eq!(limit.state(), 200 << 20);
        assert_eq!(limit.cache(), 25 << 20);
        assert!("lots".parse::<Limit>().is_err());
    }
}
