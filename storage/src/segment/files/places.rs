//! All places of a store: its own folder, and the storages that were mounted.
//!
//! The path of a file in a mounted place begins with `@`, the place's number and `/`. No path of the store's own folder
//! begins with `@`.

use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::{Files, NewFile, ReadFile};
use crate::error::{Error, Result};

const MARK: char = '@';

/// A place that was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(pub u32);

/// A path, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacePath<'a> {
    /// None: the store's own folder.
    pub place: Option<PlaceId>,
    /// Within the place.
    pub path: &'a str,
}

impl<'a> PlacePath<'a> {
    pub fn parse(path: &'a str) -> Self {
        let marked = path.strip_prefix(MARK).and_then(|rest| rest.split_once('/'));
        match marked.and_then(|(place, path)| Some((place.parse().ok()?, path))) {
            Some((place, path)) => Self { place: Some(PlaceId(place)), path },
            None => Self { place: None, path },
        }
    }
}

impl std::fmt::Display for PlacePath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Some(PlaceId(place)) => write!(f, "{MARK}{place}/{}", self.path),
            None => f.write_str(self.path),
        }
    }
}

/// The places of one store.
pub(crate) struct Places {
    home: Arc<dyn Files>,
    mounted: RwLock<FxHashMap<PlaceId, Arc<dyn Files>>>,
}

impl Places {
    pub(crate) fn new(home: Arc<dyn Files>) -> Self {
        Self { home, mounted: RwLock::default() }
    }

    pub(crate) fn home(&self) -> Arc<dyn Files> {
        Arc::clone(&self.home)
    }

    /// Makes a place known, or known in another way.
    pub(crate) fn mount(&self, place: PlaceId, files: Arc<dyn Files>) {
        self.mounted.write().insert(place, files);
    }

    pub(crate) fn unmount(&self, place: PlaceId) {
        self.mounted.write().remove(&place);
    }

    fn resolve<'a>(&self, path: &'a str) -> Result<(Arc<dyn Files>, &'a str)> {
        let PlacePath { place, path } = PlacePath::parse(path);
        let files = match place {
            None => Some(Arc::clone(&self.home)),
            Some(place) => self.mounted.read().get(&place).cloned(),
        };
        let files = files.ok_or_else(|| Error::Io(format!("file {path}: its storage is not there")))?;
        Ok((files, path))
    }
}

impl Files for Places {
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        let (files, path) = self.resolve(path)?;
        files.create(path)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        let (files, path) = self.resolve(path)?;
        files.open(path)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let (files, path) = self.resolve(path)?;
        files.delete(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::MemoryFiles;

    #[test]
    fn a_path_says_its_place() {
        for path in ["a/b", "@7/a/b", "@16400/x"] {
            assert_eq!(PlacePath::parse(path).to_string(), path);
        }
        assert_eq!(PlacePath::parse("@7/a/b"), PlacePath { place: Some(PlaceId(7)), path: "a/b" });
        assert_eq!(PlacePath::parse("@x/a").place, None);
    }

    #[test]
    fn a_file_is_where_its_path_says() {
        let (home, away) = (MemoryFiles::new(), MemoryFiles::new());
        let places = Places::new(Arc::new(home.clone()));
        assert!(places.create("@7/a").is_err());
        places.mount(PlaceId(7), Arc::new(away.clone()));
        places.create("@7/a").unwrap().finish().unwrap();
        places.create("a").unwrap().finish().unwrap();
        assert_eq!((home.names(), away.names()), (vec!["a".to_owned()], vec!["a".to_owned()]));
        places.delete("@7/a").unwrap();
        assert_eq!((home.names().len(), away.names().len()), (1, 0));
        places.unmount(PlaceId(7));
        assert!(places.open("@7/a").is_err());
    }
}
