//! What is known of types that SQL defines, for whoever has only their oid.
//!
//! The catalog is where such types live. But conversions and operators are chosen by oid in places that see no catalog,
//! so what never changes about a type (that it is an enum, which type a domain is over, the oid of its array) is also
//! kept here, for the whole process: oids are never given out twice, so an entry whose transaction was rolled back is
//! merely one that nobody asks for. Names in it are for messages only; labels and constraints are not in it at all.

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::builtin::TypeInfo;

/// The first oid of objects that SQL defines.
pub(crate) const FIRST_OID: u32 = 16384;

static TYPES: RwLock<Option<FxHashMap<u32, &'static TypeInfo>>> = RwLock::new(None);

/// The type that SQL defined under that oid.
pub(super) fn info(oid: u32) -> Option<&'static TypeInfo> {
    TYPES.read().as_ref()?.get(&oid).copied()
}

/// Makes a type known. One that is the same already costs nothing; each new one stays as long as the process.
pub(crate) fn register(info: TypeInfo) {
    let mut types = TYPES.write();
    let types = types.get_or_insert_default();
    if types.get(&info.oid).is_none_or(|known| **known != info) {
        types.insert(info.oid, Box::leak(Box::new(info)));
    }
}

/// A name that lives as long as the process.
pub(crate) fn lasting(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

/// The name a type is known by, to save making it again.
pub(crate) fn known_name(oid: u32, name: &str) -> Option<&'static str> {
    info(oid).map(|info| info.name).filter(|known| *known == name)
}
