use super::*;

/// A graph written down as its edges.
#[derive(Default)]
pub(crate) struct Edges {
    pub(crate) parents: Vec<(RoleId, RoleId)>,
    pub(crate) noinherit: Vec<RoleId>,
    pub(crate) superusers: Vec<RoleId>,
    pub(crate) kinds: Vec<(RoleId, RoleKind)>,
}

impl RoleGraph for Edges {
    fn parents(&self, role: RoleId) -> impl Iterator<Item = RoleId> {
        self.parents.iter().filter(move |(member, _)| *member == role).map(|(_, parent)| *parent)
    }

    fn inherits(&self, role: RoleId) -> bool {
        !self.noinherit.contains(&role)
    }

    fn kind(&self, role: RoleId) -> RoleKind {
        if self.superusers.contains(&role) {
            return RoleKind::System;
        }
        let found = self.kinds.iter().find(|(other, _)| *other == role);
        found.map_or(RoleKind::User, |(_, kind)| *kind)
    }
}

const A: RoleId = RoleId(101);
const B: RoleId = RoleId(102);
const C: RoleId = RoleId(103);
const D: RoleId = RoleId(104);

#[test]
fn privileges_come_nearest_first_and_cycles_end() {
    let graph = Edges { parents: vec![(A, B), (A, C), (B, D), (C, D), (D, A)], ..Edges::default() };
    let principal = Principal::resolve(A, "a", &graph);
    assert_eq!(principal.roles(), [A, B, C, D]);
    assert!(principal.has_privileges_of(D));
    assert!(!principal.has_privileges_of(RoleId(999)));
}

#[test]
fn noinherit_stops_privileges_but_not_membership() {
    let graph = Edges { parents: vec![(A, B), (B, C)], noinherit: vec![B], ..Edges::default() };
    assert!(has_privileges_of(A, B, &graph));
    assert!(!has_privileges_of(A, C, &graph));
    assert!(!has_privileges_of(B, C, &graph));
    assert!(is_member_of(A, C, &graph));
    assert!(!is_member_of(C, A, &graph));
}

#[test]
fn superuser_has_everything_but_is_not_inherited() {
    let graph = Edges { parents: vec![(A, B)], superusers: vec![B], ..Edges::default() };
    assert!(Principal::resolve(B, "b", &graph).has_privileges_of(D));
    let member = Principal::resolve(A, "a", &graph);
    assert!(!member.is_superuser());
    assert!(!member.has_privileges_of(D));
    assert!(has_privileges_of(B, D, &graph) && is_member_of(B, D, &graph));
}

#[test]
fn attributes_limit_sessions_and_passwords() {
    let mut attributes = RoleAttributes::default();
    assert!(attributes.may_open_session(100_000));
    attributes.connection_limit = 2;
    assert!(attributes.may_open_session(1));
    assert!(!attributes.may_open_session(2));
    attributes.superuser = true;
    assert!(attributes.may_open_session(2));

    assert!(!attributes.is_password_expired(i64::MAX));
    attributes.valid_until = Some(10);
    assert!(!attributes.is_password_expired(10));
    assert!(attributes.is_password_expired(11));
    attributes.valid_until = Some(i64::MAX);
    assert!(!attributes.is_password_expired(i64::MAX));
}

#[test]
fn a_superuser_and_the_kind_system_are_one() {
    let mut attributes = RoleAttributes::default();
    assert_eq!(attributes.kind(), RoleKind::User);
    attributes.set_kind(RoleKind::System);
    assert!(attributes.superuser);
    attributes.superuser = false;
    assert_eq!(attributes.kind(), RoleKind::User);
    attributes.set_kind(RoleKind::Dba);
    attributes.superuser = true;
    assert_eq!(attributes.kind(), RoleKind::System);
    attributes.set_kind(RoleKind::Service);
    assert_eq!((attributes.superuser, attributes.kind()), (false, RoleKind::Service));
}

#[test]
fn kinds_are_not_inherited() {
    let graph = Edges { parents: vec![(A, B)], kinds: vec![(B, RoleKind::Dba)], ..Edges::default() };
    assert_eq!(Principal::resolve(A, "a", &graph).kind(), RoleKind::User);
    assert_eq!(Principal::resolve(B, "b", &graph).kind(), RoleKind::Dba);
}
