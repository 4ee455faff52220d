//! System views that are queries over other system relations.
//!
//! Every relation is named with its schema. Whoever asks reads them with the rights of the system's owner, so a view
//! says itself whose rows it shows.

use super::columns::queries;
use super::relation::{Kind, Relation, Source};
use super::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::types::oid::*;

queries! {
    PG_CATALOG:
    12151 pg_stat_sys_tables =
        "select * from pg_catalog.pg_stat_all_tables
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8, n_dead_tup INT8,
        n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ, last_autovacuum TIMESTAMPTZ,
        last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8, autovacuum_count INT8,
        analyze_count INT8, autoanalyze_count INT8,
    }
    12160 pg_stat_user_tables =
        "select * from pg_catalog.pg_stat_all_tables
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8, n_dead_tup INT8,
        n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ, last_autovacuum TIMESTAMPTZ,
        last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8, autovacuum_count INT8,
        analyze_count INT8, autoanalyze_count INT8,
    }
    ;
    INFORMATION_SCHEMA:
    13230 information_schema_catalog_name = "select current_database()" {
        catalog_name NAME,
    }
    13325 enabled_roles =
        "select r.rolname from pg_catalog.pg_authid r where pg_has_role(r.oid, 'USAGE')" {
        role_name NAME,
    }
    13236 applicable_roles =
        "select m.rolname, r.rolname,
             case when am.admin_option or m.oid = r.oid then 'YES' else 'NO' end::varchar
         from pg_catalog.pg_auth_members am
             join pg_catalog.pg_authid m on am.member = m.oid
             join pg_catalog.pg_authid r on am.roleid = r.oid
         where pg_has_role(m.oid, 'USAGE')" {
        grantee NAME, role_name NAME, is_grantable VARCHAR,
    }
    13241 administrable_role_authorizations =
        "select * from information_schema.applicable_roles where is_grantable = 'YES'" {
        grantee NAME, role_name NAME, is_grantable VARCHAR,
    }
    13265 collations =
        "select current_database(), n.nspname, c.collname, 'NO PAD'::varchar
         from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
         where c.collencoding in (-1, 6)" {
        collation_catalog NAME, collation_schema NAME, collation_name NAME, pad_attribute VARCHAR,
    }
    13270 collation_character_set_applicability =
        "select current_database(), n.nspname, c.collname, null::name, null::name, 'UTF8'::name
         from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
         where c.collencoding in (-1, 6)" {
        collation_catalog NAME, collation_schema NAME, collation_name NAME, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME,
    }
    13250 character_sets =
        "select null::name, null::name, 'UTF8'::name, 'UCS'::name, 'UTF8'::name, current_database(), n.nspname,
             c.collname
         from pg_catalog.pg_database d
             left join pg_catalog.pg_collation c on c.collname = 'default'
             left join pg_catalog.pg_namespace n on n.oid = c.collnamespace
         where d.datname = current_database()" {
        character_set_catalog NAME, character_set_schema NAME, character_set_name NAME, character_repertoire NAME,
        form_of_use NAME, default_collate_catalog NAME, default_collate_schema NAME, default_collate_name NAME,
    }
    13416 table_privileges =
        "select u_grantor.rolname, coalesce(grantee.rolname, 'PUBLIC'::name), current_database(), nc.nspname,
             c.relname, c.privilege_type::varchar,
             case when c.is_grantable or pg_has_role(c.grantee, c.relowner, 'USAGE') then 'YES' else 'NO' end::varchar,
             case when c.privilege_type = 'SELECT' then 'YES' else 'NO' end::varchar
         from (select c.relname, c.relnamespace, c.relowner, c.relkind, a.grantor, a.grantee, a.privilege_type,
                   a.is_grantable
               from pg_catalog.pg_class c
                   cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a) c
             join pg_catalog.pg_namespace nc on nc.oid = c.relnamespace
             join pg_catalog.pg_authid u_grantor on u_grantor.oid = c.grantor
             left join pg_catalog.pg_authid grantee on grantee.oid = c.grantee
         where c.relkind in ('r', 'v', 'f', 'p') and (c.grantee = 0 or grantee.oid is not null)
             and c.privilege_type in
                 ('INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER')
             and (pg_has_role(u_grantor.oid, 'USAGE') or c.grantee = 0 or pg_has_role(c.grantee, 'USAGE'))" {
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR, with_hierarchy VARCHAR,
    }
    13362 role_table_grants =
        "select * from information_schema.table_privileges
         where grantor in (select role_name from information_schema.enabled_roles)
             or grantee in (select role_name from information_schema.enabled_roles)" {
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR, with_hierarchy VARCHAR,
    }
    13285 column_privileges =
        "select u_grantor.rolname, coalesce(grantee.rolname, 'PUBLIC'::name), current_database(), nc.nspname,
             x.relname, x.attname, x.privilege_type::varchar,
             case when x.is_grantable or pg_has_role(x.grantee, x.relowner, 'USAGE') then 'YES' else 'NO' end::varchar
         from (select c.grantor, c.grantee, a.attname, c.relname, c.relnamespace, c.privilege_type, c.is_grantable,
                   c.relowner
               from (select c.oid, c.relname, c.relnamespace, c.relowner, c.relkind, a.grantor, a.grantee,
                         a.privilege_type, a.is_grantable
                     from pg_catalog.pg_class c
                         cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a) c
                   join pg_catalog.pg_attribute a on a.attrelid = c.oid
               where c.relkind in ('r', 'v', 'f', 'p') and a.attnum > 0 and not a.attisdropped
               union
               select a.grantor, a.grantee, a.attname, c.relname, c.relnamespace, a.privilege_type, a.is_grantable,
                   c.relowner
               from (select a.attrelid, a.attname, e.grantor, e.grantee, e.privilege_type, e.is_grantable
                     from pg_catalog.pg_attribute a cross join lateral aclexplode(a.attacl) e
                     where a.attnum > 0 and not a.attisdropped) a
                   join pg_catalog.pg_class c on c.oid = a.attrelid
               where c.relkind in ('r', 'v', 'f', 'p')) x
             join pg_catalog.pg_namespace nc on nc.oid = x.relnamespace
             join pg_catalog.pg_authid u_grantor on u_grantor.oid = x.grantor
             left join pg_catalog.pg_authid grantee on grantee.oid = x.grantee
         where (x.grantee = 0 or grantee.oid is not null)
             and x.privilege_type in ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES')
             and (pg_has_role(u_grantor.oid, 'USAGE') or x.grantee = 0 or pg_has_role(x.grantee, 'USAGE'))" {
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13348 role_column_grants =
        "select * from information_schema.column_privileges
         where grantor in (select role_name from information_schema.enabled_roles)
             or grantee in (select role_name from information_schema.enabled_roles)" {
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13310 domain_constraints =
        "select current_database(), rs.nspname, con.conname, current_database(), n.nspname, t.typname,
             case when con.condeferrable then 'YES' else 'NO' end::varchar,
             case when con.condeferred then 'YES' else 'NO' end::varchar
         from pg_catalog.pg_constraint con
             join pg_catalog.pg_type t on t.oid = con.contypid
             join pg_catalog.pg_namespace rs on rs.oid = con.connamespace
             join pg_catalog.pg_namespace n on n.oid = t.typnamespace
         where pg_has_role(t.typowner, 'USAGE')" {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, domain_catalog NAME, domain_schema NAME,
        domain_name NAME, is_deferrable VARCHAR, initially_deferred VARCHAR,
    }
    13280 column_domain_usage =
        "select current_database(), nt.nspname, t.typname, current_database(), nc.nspname, c.relname, a.attname
         from pg_catalog.pg_type t
             join pg_catalog.pg_namespace nt on nt.oid = t.typnamespace
             join pg_catalog.pg_attribute a on a.atttypid = t.oid
             join pg_catalog.pg_class c on c.oid = a.attrelid
             join pg_catalog.pg_namespace nc on nc.oid = c.relnamespace
         where t.typtype = 'd' and c.relkind in ('r', 'v', 'f', 'p') and a.attnum > 0 and not a.attisdropped
             and pg_has_role(t.typowner, 'USAGE')" {
        domain_catalog NAME, domain_schema NAME, domain_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, column_name NAME,
    }
    13290 column_udt_usage =
        "select current_database(), coalesce(nbt.nspname, nt.nspname), coalesce(bt.typname, t.typname),
             current_database(), nc.nspname, c.relname, a.attname
         from pg_catalog.pg_attribute a
             join pg_catalog.pg_class c on c.oid = a.attrelid
             join pg_catalog.pg_namespace nc on nc.oid = c.relnamespace
             join pg_catalog.pg_type t on t.oid = a.atttypid
             join pg_catalog.pg_namespace nt on nt.oid = t.typnamespace
             left join pg_catalog.pg_type bt on t.typtype = 'd' and t.typbasetype = bt.oid
             left join pg_catalog.pg_namespace nbt on nbt.oid = bt.typnamespace
         where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v', 'f', 'p')
             and pg_has_role(coalesce(bt.typowner, t.typowner), 'USAGE')" {
        udt_catalog NAME, udt_schema NAME, udt_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
        column_name NAME,
    }
    13305 constraint_table_usage =
        "select current_database(), nr.nspname, r.relname, current_database(), nc.nspname, c.conname
         from pg_catalog.pg_constraint c
             join pg_catalog.pg_namespace nc on nc.oid = c.connamespace
             join pg_catalog.pg_class r on r.oid = case when c.contype = 'f' then c.confrelid else c.conrelid end
             join pg_catalog.pg_namespace nr on nr.oid = r.relnamespace
         where c.contype in ('f', 'p', 'u') and r.relkind in ('r', 'p') and pg_has_role(r.relowner, 'USAGE')" {
        table_catalog NAME, table_schema NAME, table_name NAME, constraint_catalog NAME, constraint_schema NAME,
        constraint_name NAME,
    }
    ;
}
