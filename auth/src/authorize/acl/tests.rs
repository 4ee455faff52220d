use super::*;
use crate::authorize::privilege::Privilege;
use crate::identity::tests::Edges;

const OWNER: RoleId = RoleId(10);
const A: RoleId = RoleId(101);
const B: RoleId = RoleId(102);
const C: RoleId = RoleId(103);
const G: RoleId = RoleId(104);
const SELECT: Privileges = Privileges::SELECT;

/// `o` is the owner; the others are named by their letter.
fn role_name(role: RoleId) -> Option<std::borrow::Cow<'static, str>> {
    [(OWNER, "o"), (A, "a"), (B, "b"), (C, "c"), (G, "g")]
        .into_iter()
        .find(|(id, _)| *id == role)
        .map(|(_, name)| name.into())
}

/// A list and the graph of roles under which it changes; every step says what PostgreSQL prints.
struct Script {
    acl: Acl,
    graph: Edges,
}

impl Script {
    fn table() -> Self {
        Self { acl: Acl::default_for(ObjectKind::Table, OWNER), graph: Edges::default() }
    }

    fn grant(&mut self, grantor: RoleId, grantee: RoleId, privileges: Privileges, option: bool, expected: &str) {
        let item = AclItem::for_grant(Some(grantee), grantor, privileges, option);
        self.acl.grant(item, OWNER, &self.graph).unwrap();
        assert_eq!(self.acl.to_text(role_name), expected);
    }

    fn revoke(
        &mut self,
        grantor: RoleId,
        grantee: RoleId,
        scope: RevokeScope,
        behavior: RevokeBehavior,
    ) -> Result<String, AuthorizationError> {
        let item = AclItem::for_revoke(Some(grantee), grantor, SELECT, scope);
        self.acl.revoke(item, behavior, OWNER, &self.graph)?;
        Ok(self.acl.to_text(role_name))
    }
}

/// o → a → b → c, all of SELECT with grant option but the last.
fn chain() -> Script {
    let mut script = Script::table();
    script.grant(OWNER, A, SELECT, true, "{o=arwdDxt/o,a=r*/o}");
    script.grant(A, B, SELECT, true, "{o=arwdDxt/o,a=r*/o,b=r*/a}");
    script.grant(B, C, SELECT, false, "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b}");
    script
}

#[test]
fn defaults_are_those_of_acldefault() {
    for (letter, expected) in [
        ('c', "{}"),
        ('r', "{o=arwdDxt/o}"),
        ('s', "{o=rwU/o}"),
        ('f', "{=X/o,o=X/o}"),
        ('p', "{o=sA/o}"),
        ('t', "{o=C/o}"),
        ('d', "{=Tc/o,o=CTc/o}"),
        ('l', "{=U/o,o=U/o}"),
        ('L', "{o=rw/o}"),
        ('n', "{o=UC/o}"),
        ('T', "{=U/o,o=U/o}"),
        ('F', "{o=U/o}"),
        ('S', "{o=U/o}"),
    ] {
        let kind = ObjectKind::from_letter(letter).unwrap();
        assert_eq!(Acl::default_for(kind, OWNER).to_text(role_name), expected, "{letter}");
    }
    assert_eq!(ObjectKind::from_letter('?'), None);
}

#[test]
fn grants_add_up_in_place() {
    let mut script = Script::table();
    script.grant(OWNER, A, SELECT, false, "{o=arwdDxt/o,a=r/o}");
    script.grant(OWNER, B, Privileges::INSERT, false, "{o=arwdDxt/o,a=r/o,b=a/o}");
    script.grant(OWNER, A, Privileges::UPDATE, true, "{o=arwdDxt/o,a=rw*/o,b=a/o}");
    script.grant(OWNER, A, SELECT, true, "{o=arwdDxt/o,a=r*w*/o,b=a/o}");
    script.grant(OWNER, C, Privileges::NONE, false, "{o=arwdDxt/o,a=r*w*/o,b=a/o}");
    assert!(script.acl.mentions(A) && script.acl.mentions(OWNER) && !script.acl.mentions(C));
}

#[test]
fn the_owner_may_revoke_its_own() {
    let mut script = Script::table();
    let all = ObjectKind::Table.all_privileges();
    let item = AclItem::for_revoke(Some(OWNER), OWNER, all, RevokeScope::Privilege);
    script.acl.revoke(item, RevokeBehavior::Restrict, OWNER, &script.graph).unwrap();
    assert_eq!(script.acl.to_text(role_name), "{}");
}

#[test]
fn public_has_no_grant_options() {
    let mut acl = Acl::default();
    let refused = acl.grant(AclItem::for_grant(None, OWNER, SELECT, true), OWNER, &Edges::default());
    assert_eq!(refused, Err(AuthorizationError::GrantOptionToPublic));
    acl.grant(AclItem::for_grant(None, OWNER, SELECT, false), OWNER, &Edges::default()).unwrap();
    assert_eq!(acl.to_text(role_name), "{=r/o}");
    let item = AclItem::for_revoke(None, OWNER, SELECT, RevokeScope::Privilege);
    acl.revoke(item, RevokeBehavior::Restrict, OWNER, &Edges::default()).unwrap();
    assert_eq!(acl.to_text(role_name), "{}");
}

#[test]
fn revoke_restrict_leaves_the_list_alone() {
    for scope in [RevokeScope::Privilege, RevokeScope::GrantOption] {
        let mut script = chain();
        let before = script.acl.clone();
        let refused = script.revoke(OWNER, A, scope, RevokeBehavior::Restrict);
        assert_eq!(refused, Err(AuthorizationError::DependentPrivileges));
        assert_eq!(script.acl, before);
    }
}

#[test]
fn revoke_cascade_takes_the_chain() {
    let cascade = |scope| chain().revoke(OWNER, A, scope, RevokeBehavior::Cascade);
    assert_eq!(cascade(RevokeScope::Privilege).unwrap(), "{o=arwdDxt/o}");
    assert_eq!(cascade(RevokeScope::GrantOption).unwrap(), "{o=arwdDxt/o,a=r/o}");
    // The end of the chain depends on nobody.
    let end = chain().revoke(B, C, RevokeScope::Privilege, RevokeBehavior::Restrict);
    assert_eq!(end.unwrap(), "{o=arwdDxt/o,a=r*/o,b=r*/a}");
    // What was never granted is passed over.
    let nothing = chain().revoke(OWNER, C, RevokeScope::Privilege, RevokeBehavior::Restrict);
    assert_eq!(nothing.unwrap(), "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b}");
}

#[test]
fn a_second_source_of_the_option_keeps_what_depends_on_it() {
    let mut script = chain();
    script.grant(OWNER, B, SELECT, true, "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b,b=r*/o}");
    let kept = script.revoke(OWNER, A, RevokeScope::Privilege, RevokeBehavior::Cascade);
    assert_eq!(kept.unwrap(), "{o=arwdDxt/o,c=r/b,b=r*/o}");
}

#[test]
fn an_option_held_through_a_role_counts() {
    let mut script = Script::table();
    script.graph.parents.push((A, G));
    script.grant(OWNER, G, SELECT, true, "{o=arwdDxt/o,g=r*/o}");
    script.grant(OWNER, A, SELECT, true, "{o=arwdDxt/o,g=r*/o,a=r*/o}");
    script.grant(A, B, SELECT, false, "{o=arwdDxt/o,g=r*/o,a=r*/o,b=r/a}");
    let kept = script.revoke(OWNER, A, RevokeScope::Privilege, RevokeBehavior::Restrict);
    assert_eq!(kept.unwrap(), "{o=arwdDxt/o,g=r*/o,b=r/a}");
}

#[test]
fn options_do_not_go_back_to_their_source() {
    let mut script = chain();
    let back = AclItem::for_grant(Some(A), B, SELECT, true);
    let refused = script.acl.grant(back, OWNER, &script.graph);
    assert_eq!(refused, Err(AuthorizationError::CircularGrantOption));
    // Without the option there is no circle.
    script.grant(B, A, SELECT, false, "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b,a=r/b}");
    // With a source of its own, b may.
    script.grant(OWNER, B, SELECT, true, "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b,a=r/b,b=r*/o}");
    script.grant(B, A, SELECT, true, "{o=arwdDxt/o,a=r*/o,b=r*/a,c=r/b,a=r*/b,b=r*/o}");
}

#[test]
fn a_new_owner_takes_the_place_of_the_old() {
    let mut script = Script::table();
    script.grant(OWNER, A, SELECT, true, "{o=arwdDxt/o,a=r*/o}");
    script.grant(A, B, SELECT, false, "{o=arwdDxt/o,a=r*/o,b=r/a}");
    script.grant(OWNER, B, SELECT, true, "{o=arwdDxt/o,a=r*/o,b=r/a,b=r*/o}");
    script.acl.change_owner(OWNER, A);
    assert_eq!(script.acl.to_text(role_name), "{a=ar*wdDxt/a,b=r*/a}");
}

#[test]
fn a_long_chain_is_no_recursion() {
    let mut acl = Acl::default();
    let roles = Edges::default();
    const LENGTH: u32 = 2_000;
    for index in 0..LENGTH {
        let grantor = if index == 0 { OWNER } else { RoleId(1_000 + index) };
        let item = AclItem::for_grant(Some(RoleId(1_001 + index)), grantor, SELECT, true);
        acl.items.push(item);
    }
    let item = AclItem::for_revoke(Some(RoleId(1_001)), OWNER, SELECT, RevokeScope::Privilege);
    acl.revoke(item, RevokeBehavior::Cascade, OWNER, &roles).unwrap();
    assert!(acl.items.is_empty());
}

#[test]
fn keywords_and_letters_name_the_same_privilege() {
    for privilege in Privilege::ALL {
        assert_eq!(Privilege::from_keyword(&privilege.keyword().to_lowercase()), Some(privilege));
        assert_eq!(Privilege::from_letter(privilege.letter()), Some(privilege));
        assert_eq!(Privileges::from(privilege).iter().collect::<Vec<_>>(), [privilege]);
    }
    assert_eq!(Privilege::from_keyword("temp"), Some(Privilege::Temporary));
    assert_eq!(Privilege::from_keyword("ALL"), None);
    assert_eq!(Privilege::from_letter('*'), None);
    assert_eq!(Privileges::try_from(Privileges::ALL.bits()), Ok(Privileges::ALL));
    assert!(Privileges::try_from(1 << 14).is_err());
}
