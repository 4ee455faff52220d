//! The views of `information_schema` that are queries over `pg_catalog`.
//!
//! Every relation is named with its schema, as in `views`. The standard describes routines and types at length; what
//! PostgreSQL does not fill in is NULL here too.

use super::INFORMATION_SCHEMA;
use super::columns::queries;
use super::relation::{Kind, Relation, Source};
use crate::types::oid::*;

queries! {
    INFORMATION_SCHEMA:
    13230 information_schema_catalog_name = "select current_database()" {
        catalog_name NAME,
    }
    13440 triggers =
        "select current_database(), n.nspname, t.tgname, e.word::varchar, current_database(), n.nspname, c.relname,
             rank() over (partition by n.nspname, c.relname, e.bit, t.tgtype & 1, t.tgtype & 66 order by t.tgname)::int4,
             case when pg_has_role(c.relowner, 'USAGE')
                 then substring(pg_get_triggerdef(t.oid) from ' WHEN \\((.*)\\) EXECUTE FUNCTION ') end::varchar,
             substring(pg_get_triggerdef(t.oid) from 'EXECUTE FUNCTION .*')::varchar,
             case t.tgtype & 1 when 1 then 'ROW' else 'STATEMENT' end::varchar,
             case t.tgtype & 66 when 2 then 'BEFORE' when 64 then 'INSTEAD OF' else 'AFTER' end::varchar,
             t.tgoldtable, t.tgnewtable, null::name, null::name, null::timestamptz
         from pg_catalog.pg_trigger t
             join pg_catalog.pg_class c on c.oid = t.tgrelid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join (values (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE')) e (bit, word) on t.tgtype & e.bit <> 0
         where not t.tgisinternal
             and (pg_has_role(c.relowner, 'USAGE')
                 or has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                 or has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))" {
        trigger_catalog NAME, trigger_schema NAME, trigger_name NAME, event_manipulation VARCHAR,
        event_object_catalog NAME, event_object_schema NAME, event_object_table NAME, action_order INT4,
        action_condition VARCHAR, action_statement VARCHAR, action_orientation VARCHAR, action_timing VARCHAR,
        action_reference_old_table NAME, action_reference_new_table NAME, action_reference_old_row NAME,
        action_reference_new_row NAME, created TIMESTAMPTZ,
    }
    13435 triggered_update_columns =
        "select current_database(), n.nspname, t.tgname, current_database(), n.nspname, c.relname, a.attname
         from (select oid, tgrelid, tgname, unnest(tgattr) as number from pg_catalog.pg_trigger
               where not tgisinternal) t
             join pg_catalog.pg_class c on c.oid = t.tgrelid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join pg_catalog.pg_attribute a on a.attrelid = t.tgrelid and a.attnum = t.number
         where pg_has_role(c.relowner, 'USAGE') or has_column_privilege(c.oid, a.attnum, 'INSERT, UPDATE, REFERENCES')" {
        trigger_catalog NAME, trigger_schema NAME, trigger_name NAME, event_object_catalog NAME,
        event_object_schema NAME, event_object_table NAME, event_object_column NAME,
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
    13421 role_table_grants =
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
    13344 role_column_grants =
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
    13275 column_column_usage =
        "select current_database(), n.nspname, c.relname, used.attname, made.attname
         from pg_catalog.pg_depend d
             join pg_catalog.pg_class c on c.oid = d.objid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join pg_catalog.pg_attribute made on made.attrelid = d.objid and made.attnum = d.objsubid
             join pg_catalog.pg_attribute used on used.attrelid = d.refobjid and used.attnum = d.refobjsubid
         where d.classid = 1259 and d.refclassid = 1259 and d.objid = d.refobjid and d.objsubid > 0
             and made.attgenerated <> '' and pg_has_role(c.relowner, 'USAGE')" {
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, dependent_column NAME,
    }
    13488 data_type_privileges =
        "select object_catalog, object_schema, object_name, object_type, dtd_identifier
         from (select udt_catalog, udt_schema, udt_name, 'USER-DEFINED TYPE'::varchar, dtd_identifier
               from information_schema.attributes
               union all
               select table_catalog, table_schema, table_name, 'TABLE'::varchar, dtd_identifier
               from information_schema.columns
               union all
               select domain_catalog, domain_schema, domain_name, 'DOMAIN'::varchar, dtd_identifier
               from information_schema.domains
               union all
               select specific_catalog, specific_schema, specific_name, 'ROUTINE'::varchar, dtd_identifier
               from information_schema.parameters
               union all
               select specific_catalog, specific_schema, specific_name, 'ROUTINE'::varchar, dtd_identifier
               from information_schema.routines)
             described (object_catalog, object_schema, object_name, object_type, dtd_identifier)" {
        object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR, dtd_identifier NAME,
    }
    13315 domain_udt_usage =
        "select current_database(), nb.nspname, b.typname, current_database(), n.nspname, t.typname
         from pg_catalog.pg_type t
             join pg_catalog.pg_namespace n on n.oid = t.typnamespace
             join pg_catalog.pg_type b on b.oid = t.typbasetype
             join pg_catalog.pg_namespace nb on nb.oid = b.typnamespace
         where t.typtype = 'd' and pg_has_role(b.typowner, 'USAGE')" {
        udt_catalog NAME, udt_schema NAME, udt_name NAME, domain_catalog NAME, domain_schema NAME, domain_name NAME,
    }
    13493 element_types =
        "select current_database(), n.nspname, x.name, x.kind, x.place::name,
             case when ne.nspname = 'pg_catalog' then format_type(e.oid, null) else 'USER-DEFINED' end::varchar,
             null::int4, null::int4, null::name, null::name, null::name, null::name,
             case when co.collname <> 'default' then nco.nspname end,
             case when co.collname <> 'default' then co.collname end,
             null::int4, null::int4, null::int4, null::int4, null::varchar, null::int4, null::varchar,
             current_database(), ne.nspname, e.typname, null::name, null::name, null::name, null::int4,
             ('a' || x.place)::name
         from (select c.relnamespace, c.relname, case when c.relkind = 'c' then 'USER-DEFINED TYPE' else 'TABLE' end::varchar,
                   a.attnum::text, a.atttypid, a.attcollation, c.relowner
               from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid
               where c.relkind in ('r', 'v', 'f', 'p', 'c') and a.attnum > 0 and not a.attisdropped
               union all
               select t.typnamespace, t.typname, 'DOMAIN'::varchar, '1', t.typbasetype, t.typcollation, t.typowner
               from pg_catalog.pg_type t where t.typtype = 'd')
             x (space, name, kind, place, ty, collated, owner)
             join pg_catalog.pg_namespace n on n.oid = x.space
             join pg_catalog.pg_type a on a.oid = x.ty and a.typelem <> 0 and a.typlen = -1
             join pg_catalog.pg_type e on e.oid = a.typelem
             join pg_catalog.pg_namespace ne on ne.oid = e.typnamespace
             left join pg_catalog.pg_collation co on co.oid = x.collated
             left join pg_catalog.pg_namespace nco on nco.oid = co.collnamespace
         where (n.nspname, x.name, x.kind, x.place) in
             (select object_schema, object_name, object_type, dtd_identifier
              from information_schema.data_type_privileges)" {
        object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR, collection_type_identifier NAME,
        data_type VARCHAR, character_maximum_length INT4, character_octet_length INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, domain_default VARCHAR,
        udt_catalog NAME, udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME,
    }
    13377 routines =
        "select current_database(), n.nspname, (p.proname || '_' || p.oid::text)::name, current_database(), n.nspname, p.proname,
             case p.prokind when 'f' then 'FUNCTION' when 'p' then 'PROCEDURE' end::varchar,
             null::name, null::name, null::name, null::name, null::name, null::name,
             case when p.prokind = 'p' then null
                  when t.typelem <> 0 and t.typlen = -1 then 'ARRAY'
                  when nt.nspname = 'pg_catalog' then format_type(t.oid, null)
                  else 'USER-DEFINED' end::varchar,
             null::int4, null::int4, null::name, null::name, null::name, null::name, null::name, null::name,
             null::int4, null::int4, null::int4, null::int4, null::varchar, null::int4,
             case when p.prokind <> 'p' then current_database() end,
             case when p.prokind <> 'p' then nt.nspname end, case when p.prokind <> 'p' then t.typname end,
             null::name, null::name, null::name, null::int4, case when p.prokind <> 'p' then '0' end::name,
             case when l.lanname = 'sql' then 'SQL' else 'EXTERNAL' end::varchar,
             case when pg_has_role(p.proowner, 'USAGE') then p.prosrc end::varchar,
             case when l.lanname = 'c' then p.prosrc end::varchar, upper(l.lanname)::varchar, 'GENERAL'::varchar,
             case when p.provolatile = 'i' then 'YES' else 'NO' end::varchar, 'MODIFIES'::varchar,
             case when p.prokind <> 'p' then case when p.proisstrict then 'YES' else 'NO' end end::varchar,
             null::varchar, 'YES'::varchar, 0, null::varchar, null::varchar,
             case when p.prosecdef then 'DEFINER' else 'INVOKER' end::varchar, null::name, null::name, null::name,
             'NO'::varchar, null::timestamptz, null::timestamptz, null::varchar, 'NO'::varchar, null::varchar,
             null::varchar, null::int4, null::int4, null::name, null::name, null::name, null::name, null::name,
             null::name, null::int4, null::int4, null::int4, null::int4, null::varchar, null::int4, null::name,
             null::name, null::name, null::name, null::name, null::name, null::int4, null::name
         from pg_catalog.pg_proc p
             join pg_catalog.pg_namespace n on n.oid = p.pronamespace
             join pg_catalog.pg_language l on l.oid = p.prolang
             left join pg_catalog.pg_type t on t.oid = p.prorettype and p.prokind <> 'p'
             left join pg_catalog.pg_namespace nt on nt.oid = t.typnamespace
         where pg_has_role(p.proowner, 'USAGE') or has_function_privilege(p.oid, 'EXECUTE')" {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME, routine_schema NAME,
        routine_name NAME, routine_type VARCHAR, module_catalog NAME, module_schema NAME, module_name NAME,
        udt_catalog NAME, udt_schema NAME, udt_name NAME, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        collation_catalog NAME, collation_schema NAME, collation_name NAME, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4, interval_type VARCHAR,
        interval_precision INT4, type_udt_catalog NAME, type_udt_schema NAME, type_udt_name NAME, scope_catalog NAME,
        scope_schema NAME, scope_name NAME, maximum_cardinality INT4, dtd_identifier NAME, routine_body VARCHAR,
        routine_definition VARCHAR, external_name VARCHAR, external_language VARCHAR, parameter_style VARCHAR,
        is_deterministic VARCHAR, sql_data_access VARCHAR, is_null_call VARCHAR, sql_path VARCHAR,
        schema_level_routine VARCHAR, max_dynamic_result_sets INT4, is_user_defined_cast VARCHAR,
        is_implicitly_invocable VARCHAR, security_type VARCHAR, to_sql_specific_catalog NAME,
        to_sql_specific_schema NAME, to_sql_specific_name NAME, as_locator VARCHAR, created TIMESTAMPTZ,
        last_altered TIMESTAMPTZ, new_savepoint_level VARCHAR, is_udt_dependent VARCHAR,
        result_cast_from_data_type VARCHAR, result_cast_as_locator VARCHAR, result_cast_char_max_length INT4,
        result_cast_char_octet_length INT4, result_cast_char_set_catalog NAME, result_cast_char_set_schema NAME,
        result_cast_char_set_name NAME, result_cast_collation_catalog NAME, result_cast_collation_schema NAME,
        result_cast_collation_name NAME, result_cast_numeric_precision INT4, result_cast_numeric_precision_radix INT4,
        result_cast_numeric_scale INT4, result_cast_datetime_precision INT4, result_cast_interval_type VARCHAR,
        result_cast_interval_precision INT4, result_cast_type_udt_catalog NAME, result_cast_type_udt_schema NAME,
        result_cast_type_udt_name NAME, result_cast_scope_catalog NAME, result_cast_scope_schema NAME,
        result_cast_scope_name NAME, result_cast_maximum_cardinality INT4, result_cast_dtd_identifier NAME,
    }
    13334 parameters =
        "select current_database(), n.nspname, (p.proname || '_' || p.oid::text)::name, x.place::int4,
             case p.proargmodes[x.place] when 'o' then 'OUT' when 'b' then 'INOUT' when 't' then 'OUT' else 'IN'
             end::varchar,
             'NO'::varchar, 'NO'::varchar, nullif(p.proargnames[x.place], '')::name,
             case when t.typelem <> 0 and t.typlen = -1 then 'ARRAY'
                  when nt.nspname = 'pg_catalog' then format_type(t.oid, null)
                  else 'USER-DEFINED' end::varchar,
             null::int4, null::int4, null::name, null::name, null::name, null::name, null::name, null::name,
             null::int4, null::int4, null::int4, null::int4, null::varchar, null::int4, current_database(), nt.nspname,
             t.typname, null::name, null::name, null::name, null::int4, x.place::text::name,
             case when pg_has_role(p.proowner, 'USAGE') then pg_get_function_arg_default(p.oid, x.place::int4)
             end::varchar
         from pg_catalog.pg_proc p
             join pg_catalog.pg_namespace n on n.oid = p.pronamespace
             cross join lateral unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality x (ty, place)
             join pg_catalog.pg_type t on t.oid = x.ty
             join pg_catalog.pg_namespace nt on nt.oid = t.typnamespace
         where pg_has_role(p.proowner, 'USAGE') or has_function_privilege(p.oid, 'EXECUTE')" {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, ordinal_position INT4, parameter_mode VARCHAR,
        is_result VARCHAR, as_locator VARCHAR, parameter_name NAME, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        collation_catalog NAME, collation_schema NAME, collation_name NAME, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4, interval_type VARCHAR,
        interval_precision INT4, udt_catalog NAME, udt_schema NAME, udt_name NAME, scope_catalog NAME,
        scope_schema NAME, scope_name NAME, maximum_cardinality INT4, dtd_identifier NAME, parameter_default VARCHAR,
    }
    13353 routine_privileges =
        "select u_grantor.rolname, coalesce(grantee.rolname, 'PUBLIC'::name), current_database(), n.nspname,
             (p.proname || '_' || p.oid::text)::name, current_database(), n.nspname, p.proname, p.privilege_type::varchar,
             case when p.is_grantable or pg_has_role(p.grantee, p.proowner, 'USAGE') then 'YES' else 'NO' end::varchar
         from (select p.oid, p.proname, p.pronamespace, p.proowner, a.grantor, a.grantee, a.privilege_type,
                   a.is_grantable
               from pg_catalog.pg_proc p
                   cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a) p
             join pg_catalog.pg_namespace n on n.oid = p.pronamespace
             join pg_catalog.pg_authid u_grantor on u_grantor.oid = p.grantor
             left join pg_catalog.pg_authid grantee on grantee.oid = p.grantee
         where (p.grantee = 0 or grantee.oid is not null) and p.privilege_type = 'EXECUTE'
             and (pg_has_role(u_grantor.oid, 'USAGE') or p.grantee = 0 or pg_has_role(p.grantee, 'USAGE'))" {
        grantor NAME, grantee NAME, specific_catalog NAME, specific_schema NAME, specific_name NAME,
        routine_catalog NAME, routine_schema NAME, routine_name NAME, privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13358 role_routine_grants =
        "select * from information_schema.routine_privileges
         where grantor in (select role_name from information_schema.enabled_roles)
             or grantee in (select role_name from information_schema.enabled_roles)" {
        grantor NAME, grantee NAME, specific_catalog NAME, specific_schema NAME, specific_name NAME,
        routine_catalog NAME, routine_schema NAME, routine_name NAME, privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13445 udt_privileges =
        "select u_grantor.rolname, coalesce(grantee.rolname, 'PUBLIC'::name), current_database(), n.nspname, t.typname,
             'TYPE USAGE'::varchar,
             case when t.is_grantable or pg_has_role(t.grantee, t.typowner, 'USAGE') then 'YES' else 'NO' end::varchar
         from (select t.typname, t.typnamespace, t.typowner, a.grantor, a.grantee, a.privilege_type, a.is_grantable
               from pg_catalog.pg_type t
                   cross join lateral aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
               where t.typtype = 'c') t
             join pg_catalog.pg_namespace n on n.oid = t.typnamespace
             join pg_catalog.pg_authid u_grantor on u_grantor.oid = t.grantor
             left join pg_catalog.pg_authid grantee on grantee.oid = t.grantee
         where (t.grantee = 0 or grantee.oid is not null) and t.privilege_type = 'USAGE'
             and (pg_has_role(u_grantor.oid, 'USAGE') or t.grantee = 0 or pg_has_role(t.grantee, 'USAGE'))" {
        grantor NAME, grantee NAME, udt_catalog NAME, udt_schema NAME, udt_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    }
    13450 role_udt_grants =
        "select * from information_schema.udt_privileges
         where grantor in (select role_name from information_schema.enabled_roles)
             or grantee in (select role_name from information_schema.enabled_roles)" {
        grantor NAME, grantee NAME, udt_catalog NAME, udt_schema NAME, udt_name NAME, privilege_type VARCHAR,
        is_grantable VARCHAR,
    }
    13454 usage_privileges =
        "select u.rolname, 'PUBLIC'::name, current_database(), n.nspname, c.collname, 'COLLATION'::varchar, 'USAGE'::varchar,
             'NO'::varchar
         from pg_catalog.pg_collation c
             join pg_catalog.pg_authid u on u.oid = c.collowner
             join pg_catalog.pg_namespace n on n.oid = c.collnamespace
         where c.collencoding in (-1, 6)
         union all
         select u_grantor.rolname, coalesce(grantee.rolname, 'PUBLIC'::name), current_database(), n.nspname, x.name,
             x.kind, 'USAGE'::varchar,
             case when x.is_grantable or pg_has_role(x.grantee, x.owner, 'USAGE') then 'YES' else 'NO' end::varchar
         from (select t.typname, t.typnamespace, t.typowner, 'DOMAIN'::varchar, a.grantor, a.grantee,
                   a.privilege_type, a.is_grantable
               from pg_catalog.pg_type t
                   cross join lateral aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
               where t.typtype = 'd'
               union all
               select c.relname, c.relnamespace, c.relowner, 'SEQUENCE'::varchar, a.grantor, a.grantee,
                   a.privilege_type, a.is_grantable
               from pg_catalog.pg_class c
                   cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
               where c.relkind = 'S')
             x (name, space, owner, kind, grantor, grantee, privilege_type, is_grantable)
             join pg_catalog.pg_namespace n on n.oid = x.space
             join pg_catalog.pg_authid u_grantor on u_grantor.oid = x.grantor
             left join pg_catalog.pg_authid grantee on grantee.oid = x.grantee
         where (x.grantee = 0 or grantee.oid is not null) and x.privilege_type = 'USAGE'
             and (pg_has_role(u_grantor.oid, 'USAGE') or x.grantee = 0 or pg_has_role(x.grantee, 'USAGE'))" {
        grantor NAME, grantee NAME, object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR,
        privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13459 role_usage_grants =
        "select * from information_schema.usage_privileges
         where grantor in (select role_name from information_schema.enabled_roles)
             or grantee in (select role_name from information_schema.enabled_roles)" {
        grantor NAME, grantee NAME, object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR,
        privilege_type VARCHAR, is_grantable VARCHAR,
    }
    13463 user_defined_types =
        "select current_database(), n.nspname, c.relname, 'STRUCTURED'::varchar, 'YES'::varchar, null::varchar, null::varchar,
             null::varchar, null::name, null::name, null::name, null::varchar, null::varchar, null::int4, null::int4,
             null::name, null::name, null::name, null::name, null::name, null::name, null::int4, null::int4,
             null::int4, null::int4, null::varchar, null::int4, null::name, null::name
         from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join pg_catalog.pg_type t on t.oid = c.reltype
         where c.relkind = 'c' and (pg_has_role(t.typowner, 'USAGE') or has_type_privilege(t.oid, 'USAGE'))" {
        user_defined_type_catalog NAME, user_defined_type_schema NAME, user_defined_type_name NAME,
        user_defined_type_category VARCHAR, is_instantiable VARCHAR, is_final VARCHAR, ordering_form VARCHAR,
        ordering_category VARCHAR, ordering_routine_catalog NAME, ordering_routine_schema NAME,
        ordering_routine_name NAME, reference_type VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        collation_catalog NAME, collation_schema NAME, collation_name NAME, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4, interval_type VARCHAR,
        interval_precision INT4, source_dtd_identifier NAME, ref_dtd_identifier NAME,
    }
    13478 view_table_usage =
        "select distinct current_database(), nv.nspname, v.relname, current_database(), nc.nspname, c.relname
         from pg_catalog.pg_depend d
             join pg_catalog.pg_rewrite r on r.oid = d.objid
             join pg_catalog.pg_class v on v.oid = r.ev_class
             join pg_catalog.pg_namespace nv on nv.oid = v.relnamespace
             join pg_catalog.pg_class c on c.oid = d.refobjid
             join pg_catalog.pg_namespace nc on nc.oid = c.relnamespace
         where d.classid = 2618 and d.refclassid = 1259 and v.relkind = 'v' and c.oid <> v.oid
             and c.relkind in ('r', 'v', 'f', 'p') and pg_has_role(c.relowner, 'USAGE')" {
        view_catalog NAME, view_schema NAME, view_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
    }
    13468 view_column_usage =
        "select distinct current_database(), nv.nspname, v.relname, current_database(), nc.nspname, c.relname, a.attname
         from pg_catalog.pg_depend d
             join pg_catalog.pg_rewrite r on r.oid = d.objid
             join pg_catalog.pg_class v on v.oid = r.ev_class
             join pg_catalog.pg_namespace nv on nv.oid = v.relnamespace
             join pg_catalog.pg_class c on c.oid = d.refobjid
             join pg_catalog.pg_namespace nc on nc.oid = c.relnamespace
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
         where d.classid = 2618 and d.refclassid = 1259 and v.relkind = 'v' and c.oid <> v.oid
             and c.relkind in ('r', 'v', 'f', 'p') and pg_has_role(c.relowner, 'USAGE')" {
        view_catalog NAME, view_schema NAME, view_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
        column_name NAME,
    }
    ;
}
