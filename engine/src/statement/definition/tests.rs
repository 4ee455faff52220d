use auth::Privileges;

use super::{Deed, Definition, NewBody, PrivilegeObjects, RoleChange, RoleName, RoutineKind, SettingChange};
use crate::statement::{Statement, parse_single};

fn parsed(sql: &str) -> Definition {
    match parse_single(sql) {
        Ok(Some(Statement::Definition(definition))) => *definition,
        other => panic!("{sql}: {other:?}"),
    }
}

fn refused(sql: &str) -> String {
    parse_single(sql).map(|_| ()).expect_err(sql).message.to_string()
}

#[test]
fn roles_are_read_as_postgresql_reads_them() {
    let Definition::CreateRole { name, options } =
        parsed("CREATE USER Alice WITH ENCRYPTED PASSWORD 'x' NOINHERIT IN ROLE a, b")
    else {
        panic!("another definition");
    };
    assert_eq!(name, "alice");
    assert_eq!(
        (options.login, options.inherit, options.password),
        (Some(true), Some(false), Some(Some("x".to_owned())))
    );
    assert_eq!(options.in_roles.len(), 2);
    assert!(matches!(parsed("ALTER ROLE a SET search_path = x, y"), Definition::AlterRole {
        change: RoleChange::Settings { database: None, change: SettingChange::Set { values: Some(values), .. } }, ..
    } if values == ["x", "y"]));
    assert!(matches!(parsed("ALTER USER a IN DATABASE b SET TIME ZONE 'UTC'"), Definition::AlterRole {
        change: RoleChange::Settings { database: Some(database), change: SettingChange::Set { name, values } }, ..
    } if database == "b" && name == "timezone" && values == Some(vec!["UTC".to_owned()])));
    assert!(matches!(parsed("ALTER ROLE ALL IN DATABASE b RESET ALL"), Definition::AlterEveryRole {
        database: Some(database), change: SettingChange::ResetAll
    } if database == "b"));
    assert_eq!(refused("ALTER ROLE a IN DATABASE b LOGIN"), "syntax error at or near \"LOGIN\"");
    assert_eq!(refused("CREATE ROLE a LOGIN NOLOGIN"), "conflicting or redundant options");
    assert_eq!(refused("CREATE ROLE a FLY"), "syntax error at or near \"FLY\"");
}

#[test]
fn grants_of_roles_and_privileges_are_told_apart() {
    let Definition::Membership(change) = parsed("GRANT a, b TO c WITH ADMIN OPTION") else {
        panic!("another definition")
    };
    assert!(change.grant && change.admin_option && change.roles == ["a", "b"]);
    let Definition::Privileges(change) = parsed("GRANT SELECT, TEMP ON t, s.u TO PUBLIC, GROUP g WITH GRANT OPTION")
    else {
        panic!("another definition")
    };
    assert_eq!(change.privileges, Some(Privileges::SELECT | Privileges::TEMPORARY));
    assert_eq!(change.grantees, [RoleName::Public, RoleName::Named("g".to_owned())]);
    assert!(matches!(change.deed, Deed::Grant { with_grant_option: true }));
    assert!(matches!(change.objects, PrivilegeObjects::Tables(names) if names.len() == 2));
    assert_eq!(refused("GRANT FLY ON t TO a"), "unrecognized privilege type \"fly\"");
    assert!(matches!(parsed("REVOKE SELECT (a) ON t FROM b"), Definition::Privileges(_)));
}

#[test]
fn what_sqlparser_cannot_read_is_read_without_the_word() {
    assert!(matches!(parsed("CREATE UNLOGGED TABLE t (a int)"), Definition::UnloggedTable(_)));
    assert!(matches!(parsed("DROP INDEX CONCURRENTLY IF EXISTS i"), Definition::DropConcurrently(_)));
    assert!(matches!(parsed("ALTER TABLE t SET SCHEMA s"), Definition::AlterTable { .. }));
    assert!(matches!(parsed("ALTER TABLE t SET (fillfactor = 70)"), Definition::AlterTable { .. }));
}

#[test]
fn a_body_between_begin_atomic_and_end_is_part_of_its_statement() {
    let lengths = |sql: &str| crate::statement::parse_script(sql).map(|statements| statements.len()).ok();
    let body = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END";
    assert_eq!(lengths(body), Some(1));
    assert_eq!(lengths(&format!("SELECT 0; {body}; SELECT 3")), Some(3));
    assert_eq!(lengths("CREATE PROCEDURE p() BEGIN ATOMIC END; SELECT 1"), Some(2));
    // Words in a string are none, and a body that has no end reaches to that of the text.
    assert_eq!(lengths("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'begin atomic; x'; SELECT 1"), Some(2));
    assert_eq!(lengths("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2"), None);
    let Definition::CreateFunction(new) = parsed(body) else { panic!("another definition") };
    assert!(matches!(new.body, Some(NewBody::Atomic(queries)) if queries.len() == 2));
}

#[test]
fn routines_are_named_with_their_kind() {
    let Definition::DropFunctions { kind, functions, cascade: true, .. } =
        parsed("DROP ROUTINE f, p(int, OUT text) CASCADE")
    else {
        panic!("another definition");
    };
    assert_eq!((kind, functions.len()), (RoutineKind::Routine, 2));
    assert!(functions[0].arguments.is_none());
    assert_eq!(functions[1].arguments.as_ref().map(Vec::len), Some(1));
    assert_eq!(functions[1].all_arguments.len(), 2);
    assert_eq!(refused("CREATE PROCEDURE p() LANGUAGE sql STRICT AS ''"), "invalid attribute in procedure definition");
    assert_eq!(refused("CALL p"), "syntax error at end of input");
}
