use super::*;
use crate::authorize::acl::AclItem;
use crate::authorize::privilege::Privilege;
use crate::identity::tests::Edges;

const SUPERUSER: RoleId = RoleId(10);
const OWNER: RoleId = RoleId(100);
const A: RoleId = RoleId(101);
const B: RoleId = RoleId(102);
const G: RoleId = RoleId(104);
/// A member of `G` without INHERIT.
const N: RoleId = RoleId(105);
const READER: RoleId = RoleId(106);
const WRITER: RoleId = RoleId(107);

fn graph() -> Edges {
    Edges {
        parents: vec![(A, G), (N, G), (READER, RoleId::READ_ALL_DATA), (WRITER, RoleId::WRITE_ALL_DATA)],
        noinherit: vec![N],
        superusers: vec![SUPERUSER],
        kinds: Vec::new(),
    }
}

fn principal(role: RoleId) -> Principal {
    Principal::resolve(role, "somebody", &graph())
}

/// `{o=arwdDxt/o,g=a*r*/o,=w/o}`
fn acl() -> Acl {
    let mut acl = Acl::default_for(ObjectKind::Table, OWNER);
    let shared = Privileges::SELECT | Privileges::INSERT;
    acl.grant(AclItem::for_grant(Some(G), OWNER, shared, true), OWNER, &graph()).unwrap();
    acl.grant(AclItem::for_grant(None, OWNER, Privileges::UPDATE, false), OWNER, &graph()).unwrap();
    acl
}

fn access(kind: ObjectKind, acl: Option<&Acl>) -> ObjectAccess<'_> {
    ObjectAccess { owner: OWNER, kind, acl }
}

fn letters(privileges: Privileges) -> String {
    privileges.iter().map(Privilege::letter).collect()
}

#[test]
fn who_may_do_what_on_a_table() {
    let acl = acl();
    let table = access(ObjectKind::Table, Some(&acl));
    for (role, expected) in [
        (SUPERUSER, "arwdDxt"),
        (OWNER, "arwdDxt"),
        (A, "arw"),
        (B, "w"),
        (G, "arw"),
        (N, "w"),
        (READER, "rw"),
        (WRITER, "awd"),
    ] {
        let principal = principal(role);
        let held = held_privileges(&principal, &table, ObjectKind::Table.all_privileges());
        assert_eq!(letters(held), expected, "{role}");
        for privilege in ObjectKind::Table.all_privileges().iter() {
            let allowed = decide(&principal, &table, privilege.into()).is_allowed();
            assert_eq!(allowed, expected.contains(privilege.letter()), "{role} {privilege:?}");
        }
    }
}

#[test]
fn all_of_what_is_wanted_is_needed() {
    let acl = acl();
    let table = access(ObjectKind::Table, Some(&acl));
    assert!(decide(&principal(A), &table, Privileges::SELECT | Privileges::UPDATE).is_allowed());
    assert_eq!(decide(&principal(B), &table, Privileges::SELECT | Privileges::UPDATE), Decision::Denied);
    assert!(decide(&principal(B), &table, Privileges::NONE).is_allowed());
}

#[test]
fn predefined_roles_read_and_write_everything() {
    let check = |role, kind, expected: &str| {
        let held = held_privileges(&principal(role), &access(kind, None), kind.all_privileges());
        assert_eq!(letters(held), expected, "{role} {kind:?}");
    };
    check(READER, ObjectKind::Sequence, "r");
    check(WRITER, ObjectKind::Sequence, "w");
    check(READER, ObjectKind::Schema, "U");
    check(WRITER, ObjectKind::Schema, "U");
    check(READER, ObjectKind::LargeObject, "");
    check(A, ObjectKind::Sequence, "");
    check(A, ObjectKind::Schema, "");
}

#[test]
fn an_untouched_list_means_the_default() {
    let check = |role, kind: ObjectKind| {
        let default = Acl::default_for(kind, OWNER);
        let implied = held_privileges(&principal(role), &access(kind, None), Privileges::ALL);
        let listed = held_privileges(&principal(role), &access(kind, Some(&default)), Privileges::ALL);
        assert_eq!(implied, listed, "{role} {kind:?}");
    };
    for letter in "rcsdflLntFSTp".chars() {
        for role in [SUPERUSER, OWNER, A, READER] {
            check(role, ObjectKind::from_letter(letter).unwrap());
        }
    }
    assert!(decide(&principal(B), &access(ObjectKind::Function, None), Privileges::EXECUTE).is_allowed());
    assert!(!decide(&principal(B), &access(ObjectKind::Table, None), Privileges::SELECT).is_allowed());
}

#[test]
fn an_owner_may_lock_itself_out_but_keeps_its_grant_options() {
    let empty = Acl::default();
    let table = access(ObjectKind::Table, Some(&empty));
    assert_eq!(decide(&principal(OWNER), &table, Privileges::SELECT), Decision::Denied);
    assert_eq!(held_grant_options(&principal(OWNER), &table, Privileges::SELECT), Privileges::SELECT);
    assert!(decide(&principal(SUPERUSER), &table, Privileges::SELECT).is_allowed());
    let authority = GrantAuthority { grantor: OWNER, privileges: Privileges::SELECT };
    assert_eq!(choose_grantor(&principal(OWNER), &table, Privileges::SELECT), Some(authority));
}

#[test]
fn the_grantor_is_whoever_has_the_options() {
    let mut acl = acl();
    let check = |acl: &Acl, role, wanted, expected: Option<(RoleId, &str)>| {
        let chosen = choose_grantor(&principal(role), &access(ObjectKind::Table, Some(acl)), wanted);
        let chosen = chosen.map(|chosen| (chosen.grantor, letters(chosen.privileges)));
        assert_eq!(chosen, expected.map(|(grantor, privileges)| (grantor, privileges.to_owned())), "{role}");
    };
    let both = Privileges::SELECT | Privileges::UPDATE;
    check(&acl, SUPERUSER, both, Some((OWNER, "rw")));
    check(&acl, OWNER, both, Some((OWNER, "rw")));
    check(&acl, A, Privileges::SELECT, Some((G, "r")));
    check(&acl, A, both, Some((G, "r")));
    // Having any privilege gets by, to no effect.
    check(&acl, N, Privileges::SELECT, Some((N, "")));
    let item = AclItem::for_revoke(None, OWNER, Privileges::UPDATE, crate::RevokeScope::Privilege);
    acl.revoke(item, crate::RevokeBehavior::Restrict, OWNER, &graph()).unwrap();
    check(&acl, N, Privileges::SELECT, None);
    check(&acl, B, Privileges::SELECT, None);
    let options = held_grant_options(&principal(A), &access(ObjectKind::Table, Some(&acl)), both);
    assert_eq!(options, Privileges::SELECT);
}
