//! Which system relations there are, and their columns: those of PostgreSQL 15, with its oids and column numbers.
//!
//! A relation without objects of ours to show has no rows. The domains of `information_schema` are the types beneath
//! them.

use super::relation::{Kind, Relation, Source, none};
use super::{
    INFORMATION_SCHEMA, PG_CATALOG, class, comment, constraint, extension, fixed, information_schema, operator_class,
    partition, policy, role, routine, schema, sequence, standard, text_search, trigger, types, view,
};
use crate::types::oid::*;

/// One block is a relation: oid, kind, name, who makes its rows, and name and type of each column; `null` marks those
/// that may be NULL.
macro_rules! relations {
    ($($schema:ident: $($oid:literal $kind:ident $name:ident = $rows:path { $($column:ident $ty:ident $($null:ident)?,)* })*;)*) => {
        pub(super) static RELATIONS: &[Relation] = &[$($(Relation {
            oid: $oid,
            schema: $schema,
            kind: kind!($kind),
            name: stringify!($name),
            columns: &[$((stringify!($column), $ty, concat!($(stringify!($null))?).is_empty())),*],
            source: Source::Rows($rows),
        }),*),*];
    };
}
pub(super) use relations;

/// The same for views over other system relations: the text of the query stands where those have the function.
macro_rules! queries {
    ($($schema:ident: $($oid:literal $name:ident = $text:literal { $($column:ident $ty:ident,)* })*;)*) => {
        pub(super) static RELATIONS: &[Relation] = &[$($(Relation {
            oid: $oid,
            schema: $schema,
            kind: Kind::View,
            name: stringify!($name),
            columns: &[$((stringify!($column), $ty, false)),*],
            source: Source::Query($text),
        }),*),*];
    };
}
pub(super) use queries;

macro_rules! kind {
    (table) => {
        Kind::Table
    };
    (view) => {
        Kind::View
    };
}
pub(super) use kind;

relations! {
    PG_CATALOG:
    2615 table pg_namespace = schema::namespaces {
        oid OID, nspname NAME, nspowner OID, nspacl ACLITEM_ARRAY null,
    }
    1259 table pg_class = class::classes {
        oid OID, relname NAME, relnamespace OID, reltype OID, reloftype OID, relowner OID, relam OID, relfilenode OID,
        reltablespace OID, relpages INT4, reltuples FLOAT4, relallvisible INT4, reltoastrelid OID, relhasindex BOOL,
        relisshared BOOL, relpersistence CHAR, relkind CHAR, relnatts INT2, relchecks INT2, relhasrules BOOL,
        relhastriggers BOOL, relhassubclass BOOL, relrowsecurity BOOL, relforcerowsecurity BOOL, relispopulated BOOL,
        relreplident CHAR, relispartition BOOL, relrewrite OID, relfrozenxid XID, relminmxid XID,
        relacl ACLITEM_ARRAY null, reloptions TEXT_ARRAY null, relpartbound PG_NODE_TREE null,
    }
    1249 table pg_attribute = class::attributes {
        attrelid OID, attname NAME, atttypid OID, attstattarget INT4, attlen INT2, attnum INT2, attndims INT4,
        attcacheoff INT4, atttypmod INT4, attbyval BOOL, attalign CHAR, attstorage CHAR, attcompression CHAR,
        attnotnull BOOL, atthasdef BOOL, atthasmissing BOOL, attidentity CHAR, attgenerated CHAR, attisdropped BOOL,
        attislocal BOOL, attinhcount INT4, attcollation OID, attacl ACLITEM_ARRAY null, attoptions TEXT_ARRAY null,
        attfdwoptions TEXT_ARRAY null, attmissingval ANYARRAY null,
    }
    2604 table pg_attrdef = class::defaults {
        oid OID, adrelid OID, adnum INT2, adbin PG_NODE_TREE,
    }
    1247 table pg_type = types::types {
        oid OID, typname NAME, typnamespace OID, typowner OID, typlen INT2, typbyval BOOL, typtype CHAR,
        typcategory CHAR, typispreferred BOOL, typisdefined BOOL, typdelim CHAR, typrelid OID, typsubscript REGPROC,
        typelem OID, typarray OID, typinput REGPROC, typoutput REGPROC, typreceive REGPROC, typsend REGPROC,
        typmodin REGPROC, typmodout REGPROC, typanalyze REGPROC, typalign CHAR, typstorage CHAR, typnotnull BOOL,
        typbasetype OID, typtypmod INT4, typndims INT4, typcollation OID, typdefaultbin PG_NODE_TREE null,
        typdefault TEXT null, typacl ACLITEM_ARRAY null,
    }
    2610 table pg_index = class::indexes {
        indexrelid OID, indrelid OID, indnatts INT2, indnkeyatts INT2, indisunique BOOL, indnullsnotdistinct BOOL,
        indisprimary BOOL, indisexclusion BOOL, indimmediate BOOL, indisclustered BOOL, indisvalid BOOL,
        indcheckxmin BOOL, indisready BOOL, indislive BOOL, indisreplident BOOL, indkey INT2VECTOR,
        indcollation OIDVECTOR, indclass OIDVECTOR, indoption INT2VECTOR, indexprs PG_NODE_TREE null,
        indpred PG_NODE_TREE null,
    }
    2606 table pg_constraint = constraint::constraints {
        oid OID, conname NAME, connamespace OID, contype CHAR, condeferrable BOOL, condeferred BOOL, convalidated BOOL,
        conrelid OID, contypid OID, conindid OID, conparentid OID, confrelid OID, confupdtype CHAR, confdeltype CHAR,
        confmatchtype CHAR, conislocal BOOL, coninhcount INT4, connoinherit BOOL, conkey INT2_ARRAY null,
        confkey INT2_ARRAY null, conpfeqop OID_ARRAY null, conppeqop OID_ARRAY null, conffeqop OID_ARRAY null,
        confdelsetcols INT2_ARRAY null, conexclop OID_ARRAY null, conbin PG_NODE_TREE null,
    }
    1262 table pg_database = schema::databases {
        oid OID, datname NAME, datdba OID, encoding INT4, datlocprovider CHAR, datistemplate BOOL, datallowconn BOOL,
        datconnlimit INT4, datfrozenxid XID, datminmxid XID, dattablespace OID, datcollate TEXT, datctype TEXT,
        daticulocale TEXT null, datcollversion TEXT null, datacl ACLITEM_ARRAY null,
    }
    1260 table pg_authid = role::authids {
        oid OID, rolname NAME, rolsuper BOOL, rolinherit BOOL, rolcreaterole BOOL, rolcreatedb BOOL, rolcanlogin BOOL,
        rolreplication BOOL, rolbypassrls BOOL, rolconnlimit INT4, rolpassword TEXT null,
        rolvaliduntil TIMESTAMPTZ null,
    }
    1261 table pg_auth_members = role::memberships {
        roleid OID, member OID, grantor OID, admin_option BOOL,
    }
    2601 table pg_am = fixed::access_methods {
        oid OID, amname NAME, amhandler REGPROC, amtype CHAR,
    }
    3456 table pg_collation = fixed::collations {
        oid OID, collname NAME, collnamespace OID, collowner OID, collprovider CHAR, collisdeterministic BOOL,
        collencoding INT4, collcollate TEXT null, collctype TEXT null, colliculocale TEXT null, collversion TEXT null,
    }
    2611 table pg_inherits = partition::inheritance {
        inhrelid OID, inhparent OID, inhseqno INT4, inhdetachpending BOOL,
    }
    3350 table pg_partitioned_table = partition::partitioned_tables {
        partrelid OID, partstrat CHAR, partnatts INT2, partdefid OID, partattrs INT2VECTOR, partclass OIDVECTOR,
        partcollation OIDVECTOR, partexprs PG_NODE_TREE null,
    }
    2609 table pg_description = comment::descriptions {
        objoid OID, classoid OID, objsubid INT4, description TEXT,
    }
    2608 table pg_depend = constraint::dependencies {
        classid OID, objid OID, objsubid INT4, refclassid OID, refobjid OID, refobjsubid INT4, deptype CHAR,
    }
    1214 table pg_shdepend = none {
        dbid OID, classid OID, objid OID, objsubid INT4, refclassid OID, refobjid OID, deptype CHAR,
    }
    1255 table pg_proc = routine::routines {
        oid OID, proname NAME, pronamespace OID, proowner OID, prolang OID, procost FLOAT4, prorows FLOAT4,
        provariadic OID, prosupport REGPROC, prokind CHAR, prosecdef BOOL, proleakproof BOOL, proisstrict BOOL,
        proretset BOOL, provolatile CHAR, proparallel CHAR, pronargs INT2, pronargdefaults INT2, prorettype OID,
        proargtypes OIDVECTOR, proallargtypes OID_ARRAY null, proargmodes CHAR_ARRAY null, proargnames TEXT_ARRAY null,
        proargdefaults PG_NODE_TREE null, protrftypes OID_ARRAY null, prosrc TEXT, probin TEXT null,
        prosqlbody PG_NODE_TREE null, proconfig TEXT_ARRAY null, proacl ACLITEM_ARRAY null,
    }
    2600 table pg_aggregate = routine::aggregates_rows {
        aggfnoid REGPROC, aggkind CHAR, aggnumdirectargs INT2, aggtransfn REGPROC, aggfinalfn REGPROC,
        aggcombinefn REGPROC, aggserialfn REGPROC, aggdeserialfn REGPROC, aggmtransfn REGPROC, aggminvtransfn REGPROC,
        aggmfinalfn REGPROC, aggfinalextra BOOL, aggmfinalextra BOOL, aggfinalmodify CHAR, aggmfinalmodify CHAR,
        aggsortop OID, aggtranstype OID, aggtransspace INT4, aggmtranstype OID, aggmtransspace INT4,
        agginitval TEXT null, aggminitval TEXT null,
    }
    2617 table pg_operator = routine::operator_rows {
        oid OID, oprname NAME, oprnamespace OID, oprowner OID, oprkind CHAR, oprcanmerge BOOL, oprcanhash BOOL,
        oprleft OID, oprright OID, oprresult OID, oprcom OID, oprnegate OID, oprcode REGPROC, oprrest REGPROC,
        oprjoin REGPROC,
    }
    2605 table pg_cast = routine::cast_rows {
        oid OID, castsource OID, casttarget OID, castfunc OID, castcontext CHAR, castmethod CHAR,
    }
    2616 table pg_opclass = operator_class::classes {
        oid OID, opcmethod OID, opcname NAME, opcnamespace OID, opcowner OID, opcfamily OID, opcintype OID,
        opcdefault BOOL, opckeytype OID,
    }
    2753 table pg_opfamily = operator_class::families {
        oid OID, opfmethod OID, opfname NAME, opfnamespace OID, opfowner OID,
    }
    2602 table pg_amop = operator_class::family_operators {
        oid OID, amopfamily OID, amoplefttype OID, amoprighttype OID, amopstrategy INT2, amoppurpose CHAR, amopopr OID,
        amopmethod OID, amopsortfamily OID,
    }
    1213 table pg_tablespace = fixed::tablespaces {
        oid OID, spcname NAME, spcowner OID, spcacl ACLITEM_ARRAY null, spcoptions TEXT_ARRAY null,
    }
    3256 table pg_policy = policy::policies {
        oid OID, polname NAME, polrelid OID, polcmd CHAR, polpermissive BOOL, polroles OID_ARRAY,
        polqual PG_NODE_TREE null, polwithcheck PG_NODE_TREE null,
    }
    2620 table pg_trigger = trigger::triggers {
        oid OID, tgrelid OID, tgparentid OID, tgname NAME, tgfoid OID, tgtype INT2, tgenabled CHAR, tgisinternal BOOL,
        tgconstrrelid OID, tgconstrindid OID, tgconstraint OID, tgdeferrable BOOL, tginitdeferred BOOL, tgnargs INT2,
        tgattr INT2VECTOR, tgargs BYTEA, tgqual PG_NODE_TREE null, tgoldtable NAME null, tgnewtable NAME null,
    }
    2618 table pg_rewrite = view::rules {
        oid OID, rulename NAME, ev_class OID, ev_type CHAR, ev_enabled CHAR, is_instead BOOL, ev_qual PG_NODE_TREE,
        ev_action PG_NODE_TREE,
    }
    3381 table pg_statistic_ext = none {
        oid OID, stxrelid OID, stxname NAME, stxnamespace OID, stxowner OID, stxstattarget INT4, stxkeys INT2VECTOR,
        stxkind CHAR_ARRAY, stxexprs PG_NODE_TREE null,
    }
    6104 table pg_publication = none {
        oid OID, pubname NAME, pubowner OID, puballtables BOOL, pubinsert BOOL, pubupdate BOOL, pubdelete BOOL,
        pubtruncate BOOL, pubviaroot BOOL,
    }
    6106 table pg_publication_rel = none {
        oid OID, prpubid OID, prrelid OID, prqual PG_NODE_TREE null, prattrs INT2VECTOR null,
    }
    6237 table pg_publication_namespace = none {
        oid OID, pnpubid OID, pnnspid OID,
    }
    6100 table pg_subscription = none {
        oid OID, subdbid OID, subskiplsn PG_LSN, subname NAME, subowner OID, subenabled BOOL, subbinary BOOL,
        substream BOOL, subtwophasestate CHAR, subdisableonerr BOOL, subconninfo TEXT, subslotname NAME null,
        subsynccommit TEXT, subpublications TEXT_ARRAY,
    }
    2328 table pg_foreign_data_wrapper = none {
        oid OID, fdwname NAME, fdwowner OID, fdwhandler OID, fdwvalidator OID, fdwacl ACLITEM_ARRAY null,
        fdwoptions TEXT_ARRAY null,
    }
    3118 table pg_foreign_table = none {
        ftrelid OID, ftserver OID, ftoptions TEXT_ARRAY null,
    }
    1417 table pg_foreign_server = none {
        oid OID, srvname NAME, srvowner OID, srvfdw OID, srvtype TEXT null, srvversion TEXT null,
        srvacl ACLITEM_ARRAY null, srvoptions TEXT_ARRAY null,
    }
    1418 table pg_user_mapping = none {
        oid OID, umuser OID, umserver OID, umoptions TEXT_ARRAY null,
    }
    2224 table pg_sequence = sequence::sequences {
        seqrelid OID, seqtypid OID, seqstart INT8, seqincrement INT8, seqmax INT8, seqmin INT8, seqcache INT8,
        seqcycle BOOL,
    }
    3501 table pg_enum = types::labels {
        oid OID, enumtypid OID, enumsortorder FLOAT4, enumlabel NAME,
    }
    3541 table pg_range = types::ranges {
        rngtypid OID, rngsubtype OID, rngmultitypid OID, rngcollation OID, rngsubopc OID, rngcanonical REGPROC,
        rngsubdiff REGPROC,
    }
    3079 table pg_extension = extension::extensions {
        oid OID, extname NAME, extowner OID, extnamespace OID, extrelocatable BOOL, extversion TEXT,
        extconfig OID_ARRAY null, extcondition TEXT_ARRAY null,
    }
    12081 view pg_available_extensions = extension::available {
        name NAME, default_version TEXT, installed_version TEXT, comment TEXT,
    }
    12085 view pg_available_extension_versions = extension::available_versions {
        name NAME, version TEXT, installed BOOL, superuser BOOL, trusted BOOL, relocatable BOOL, schema NAME,
        requires NAME_ARRAY, comment TEXT,
    }
    3602 table pg_ts_config = text_search::configurations {
        oid OID, cfgname NAME, cfgnamespace OID, cfgowner OID, cfgparser OID,
    }
    3603 table pg_ts_config_map = text_search::mappings {
        mapcfg OID, maptokentype INT4, mapseqno INT4, mapdict OID,
    }
    3600 table pg_ts_dict = text_search::dictionaries {
        oid OID, dictname NAME, dictnamespace OID, dictowner OID, dicttemplate OID, dictinitoption TEXT null,
    }
    3601 table pg_ts_parser = text_search::parsers {
        oid OID, prsname NAME, prsnamespace OID, prsstart REGPROC, prstoken REGPROC, prsend REGPROC,
        prsheadline REGPROC, prslextype REGPROC,
    }
    3764 table pg_ts_template = text_search::templates {
        oid OID, tmplname NAME, tmplnamespace OID, tmplinit REGPROC, tmpllexize REGPROC,
    }
    2612 table pg_language = fixed::languages {
        oid OID, lanname NAME, lanowner OID, lanispl BOOL, lanpltrusted BOOL, lanplcallfoid OID, laninline OID,
        lanvalidator OID, lanacl ACLITEM_ARRAY null,
    }
    3466 table pg_event_trigger = none {
        oid OID, evtname NAME, evtevent NAME, evtowner OID, evtfoid OID, evtenabled CHAR, evttags TEXT_ARRAY null,
    }
    2396 table pg_shdescription = comment::shared_descriptions {
        objoid OID, classoid OID, description TEXT,
    }
    2964 table pg_db_role_setting = role::settings {
        setdatabase OID, setrole OID, setconfig TEXT_ARRAY null,
    }
    826 table pg_default_acl = role::default_acls {
        oid OID, defaclrole OID, defaclnamespace OID, defaclobjtype CHAR, defaclacl ACLITEM_ARRAY,
    }
    2607 table pg_conversion = none {
        oid OID, conname NAME, connamespace OID, conowner OID, conforencoding INT4, contoencoding INT4, conproc REGPROC,
        condefault BOOL,
    }
    2995 table pg_largeobject_metadata = none {
        oid OID, lomowner OID, lomacl ACLITEM_ARRAY null,
    }
    3596 table pg_seclabel = none {
        objoid OID, classoid OID, objsubid INT4, provider TEXT, label TEXT,
    }
    3592 table pg_shseclabel = none {
        objoid OID, classoid OID, provider TEXT, label TEXT,
    }
    3394 table pg_init_privs = schema::initial_privileges {
        objoid OID, classoid OID, objsubid INT4, privtype CHAR, initprivs ACLITEM_ARRAY,
    }
    3576 table pg_transform = none {
        oid OID, trftype OID, trflang OID, trffromsql REGPROC, trftosql REGPROC,
    }
    12000 view pg_roles = role::roles {
        rolname NAME, rolsuper BOOL, rolinherit BOOL, rolcreaterole BOOL, rolcreatedb BOOL, rolcanlogin BOOL,
        rolreplication BOOL, rolconnlimit INT4, rolpassword TEXT, rolvaliduntil TIMESTAMPTZ, rolbypassrls BOOL,
        rolconfig TEXT_ARRAY, oid OID,
    }
    12014 view pg_user = role::users {
        usename NAME, usesysid OID, usecreatedb BOOL, usesuper BOOL, userepl BOOL, usebypassrls BOOL, passwd TEXT,
        valuntil TIMESTAMPTZ, useconfig TEXT_ARRAY,
    }
    12005 view pg_shadow = role::shadows {
        usename NAME, usesysid OID, usecreatedb BOOL, usesuper BOOL, userepl BOOL, usebypassrls BOOL, passwd TEXT,
        valuntil TIMESTAMPTZ, useconfig TEXT_ARRAY,
    }
    12010 view pg_group = role::groups {
        groname NAME, grosysid OID, grolist OID_ARRAY,
    }
    12104 view pg_settings = view::settings {
        name TEXT, setting TEXT, unit TEXT, category TEXT, short_desc TEXT, extra_desc TEXT, context TEXT, vartype TEXT,
        source TEXT, min_val TEXT, max_val TEXT, enumvals TEXT_ARRAY, boot_val TEXT, reset_val TEXT, sourcefile TEXT,
        sourceline INT4, pending_restart BOOL,
    }
    12033 view pg_tables = view::tables {
        schemaname NAME, tablename NAME, tableowner NAME, tablespace NAME, hasindexes BOOL, hasrules BOOL,
        hastriggers BOOL, rowsecurity BOOL,
    }
    12043 view pg_indexes = view::indexes {
        schemaname NAME, tablename NAME, indexname NAME, tablespace NAME, indexdef TEXT,
    }
    12028 view pg_views = view::views {
        schemaname NAME, viewname NAME, viewowner NAME, definition TEXT,
    }
    12038 view pg_matviews = view::materialized_views {
        schemaname NAME, matviewname NAME, matviewowner NAME, tablespace NAME, hasindexes BOOL, ispopulated BOOL,
        definition TEXT,
    }
    12048 view pg_sequences = sequence::overview {
        schemaname NAME, sequencename NAME, sequenceowner NAME, data_type REGTYPE, start_value INT8, min_value INT8,
        max_value INT8, increment_by INT8, cycle BOOL, cache_size INT8, last_value INT8,
    }
    12082 view pg_prepared_statements = fixed::prepared_statements {
        name TEXT, statement TEXT, prepare_time TIMESTAMPTZ, parameter_types REGTYPE_ARRAY, from_sql BOOL,
        generic_plans INT8, custom_plans INT8,
    }
    12077 view pg_cursors = fixed::cursors {
        name TEXT, statement TEXT, is_holdable BOOL, is_binary BOOL, is_scrollable BOOL, creation_time TIMESTAMPTZ,
    }
    12018 view pg_policies = policy::overview {
        schemaname NAME, tablename NAME, policyname NAME, permissive TEXT, roles NAME_ARRAY, cmd TEXT, qual TEXT,
        with_check TEXT,
    }
    12023 view pg_rules = none {
        schemaname NAME, tablename NAME, rulename NAME, definition TEXT,
    }
    ;
    INFORMATION_SCHEMA:
    13382 view schemata = information_schema::schemata {
        catalog_name NAME, schema_name NAME, schema_owner NAME, default_character_set_catalog NAME,
        default_character_set_schema NAME, default_character_set_name NAME, sql_path VARCHAR,
    }
    13425 view tables = information_schema::tables {
        table_catalog NAME, table_schema NAME, table_name NAME, table_type VARCHAR, self_referencing_column_name NAME,
        reference_generation VARCHAR, user_defined_type_catalog NAME, user_defined_type_schema NAME,
        user_defined_type_name NAME, is_insertable_into VARCHAR, is_typed VARCHAR, commit_action VARCHAR,
    }
    13295 view columns = information_schema::columns {
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, ordinal_position INT4,
        column_default VARCHAR, is_nullable VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, domain_catalog NAME, domain_schema NAME, domain_name NAME, udt_catalog NAME,
        udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME, is_self_referencing VARCHAR, is_identity VARCHAR,
        identity_generation VARCHAR, identity_start VARCHAR, identity_increment VARCHAR, identity_maximum VARCHAR,
        identity_minimum VARCHAR, identity_cycle VARCHAR, is_generated VARCHAR, generation_expression VARCHAR,
        is_updatable VARCHAR,
    }
    13483 view views = information_schema::views {
        table_catalog NAME, table_schema NAME, table_name NAME, view_definition VARCHAR, check_option VARCHAR,
        is_updatable VARCHAR, is_insertable_into VARCHAR, is_trigger_updatable VARCHAR, is_trigger_deletable VARCHAR,
        is_trigger_insertable_into VARCHAR,
    }
    13386 view sequences = information_schema::sequences {
        sequence_catalog NAME, sequence_schema NAME, sequence_name NAME, data_type VARCHAR, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, start_value VARCHAR, minimum_value VARCHAR,
        maximum_value VARCHAR, increment VARCHAR, cycle_option VARCHAR,
    }
    13411 view table_constraints = information_schema::table_constraints {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, constraint_type VARCHAR, is_deferrable VARCHAR, initially_deferred VARCHAR, enforced VARCHAR,
        nulls_distinct VARCHAR,
    }
    13329 view key_column_usage = information_schema::key_columns {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, column_name NAME, ordinal_position INT4, position_in_unique_constraint INT4,
    }
    13339 view referential_constraints = information_schema::references {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, unique_constraint_catalog NAME,
        unique_constraint_schema NAME, unique_constraint_name NAME, match_option VARCHAR, update_rule VARCHAR,
        delete_rule VARCHAR,
    }
    13300 view constraint_column_usage = information_schema::constrained_columns {
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, constraint_catalog NAME,
        constraint_schema NAME, constraint_name NAME,
    }
    13260 view check_constraints = information_schema::checks {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, check_clause VARCHAR,
    }
    13245 view attributes = information_schema::attributes {
        udt_catalog NAME, udt_schema NAME, udt_name NAME, attribute_name NAME, ordinal_position INT4,
        attribute_default VARCHAR, is_nullable VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        collation_catalog NAME, collation_schema NAME, collation_name NAME, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4, interval_type VARCHAR,
        interval_precision INT4, attribute_udt_catalog NAME, attribute_udt_schema NAME, attribute_udt_name NAME,
        scope_catalog NAME, scope_schema NAME, scope_name NAME, maximum_cardinality INT4, dtd_identifier NAME,
        is_derived_reference_attribute VARCHAR,
    }
    13320 view domains = information_schema::domains {
        domain_catalog NAME, domain_schema NAME, domain_name NAME, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        collation_catalog NAME, collation_schema NAME, collation_name NAME, numeric_precision INT4,
        numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4, interval_type VARCHAR,
        interval_precision INT4, domain_default VARCHAR, udt_catalog NAME, udt_schema NAME, udt_name NAME,
        scope_catalog NAME, scope_schema NAME, scope_name NAME, maximum_cardinality INT4, dtd_identifier NAME,
    }
    13396 table sql_implementation_info = standard::implementation {
        implementation_info_id VARCHAR null, implementation_info_name VARCHAR null, integer_value INT4 null,
        character_value VARCHAR null, comments VARCHAR null,
    }
    13401 table sql_parts = standard::parts {
        feature_id VARCHAR null, feature_name VARCHAR null, is_supported VARCHAR null, is_verified_by VARCHAR null,
        comments VARCHAR null,
    }
    13406 table sql_sizing = standard::sizes {
        sizing_id INT4 null, sizing_name VARCHAR null, supported_value INT4 null, comments VARCHAR null,
    }
    ;
}
